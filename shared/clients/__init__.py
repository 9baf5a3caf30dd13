"""Contracts between services: HTTP client, response shapes, events."""

from shared.clients.http_client import (
    REQUEST_TIMEOUT_S,
    OutboundHttp,
    ServiceAnswer,
    ServiceClients,
    Unreachable,
    display_name,
)
from shared.clients.outbound_policy import (
    AddressNotAllowed,
    OutboundTarget,
    check_url,
    is_forbidden,
    parse_target,
    resolve_target,
)
from shared.clients.service_names import ServiceName

__all__ = [
    "REQUEST_TIMEOUT_S",
    "AddressNotAllowed",
    "OutboundHttp",
    "OutboundTarget",
    "ServiceAnswer",
    "ServiceClients",
    "ServiceName",
    "Unreachable",
    "check_url",
    "display_name",
    "is_forbidden",
    "parse_target",
    "resolve_target",
]
