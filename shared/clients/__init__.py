"""Contracts between services: HTTP client, response shapes, events."""

from shared.clients.http_client import (
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
