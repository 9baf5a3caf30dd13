"""Callers of a service, as far as limits need to know: a person, a machine client, or an address.

The door (Caddy, or the dispatcher of the one-process run) sets X-Forwarded-For on everything that comes from outside,
so its absence on a line from a trusted network means: another service asks.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
MAX_ADDRESS_LENGTH = 45
IPV6_SUBSCRIBER_BITS = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """`kind` is user, machine, service or address; `name` is who within it."""

    kind: str
    name: str


def peer_address(scope: Scope) -> str:
    """The other end of the connection."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def find_client_address(peer: str, forwarded_for: str, trusted: tuple[str, ...]) -> str:
    """The caller's IP: the peer's, or what a trusted proxy says it saw."""
    if not is_in_networks(peer, trusted):
        return peer
    for hop in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not is_in_networks(hop, trusted):
            return hop[:MAX_ADDRESS_LENGTH] if _is_ip_address(hop) else peer
    return peer


@lru_cache(maxsize=4096)
def find_subscriber(address: str) -> str:
    """Return what is counted as one source: an IPv4 address, or the /64 of an IPv6 one, which one subscriber has whole."""
    if not _is_ip_address(address):
        return address[:MAX_ADDRESS_LENGTH]
    ip = ip_address(address)
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip), IPV6_SUBSCRIBER_BITS), strict=False))


@lru_cache(maxsize=4096)
def is_in_networks(text: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    return _is_ip_address(text) and any(ip_address(text) in ip_network(one) for one in networks)


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
