"""What crosses the door: headers of the connection stay outside, headers that name a person or a proxy are ours alone."""

from collections.abc import Iterable

HeaderList = list[tuple[bytes, bytes]]

HOP_BY_HOP_HEADERS = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110, 7.6.1: they belong to one connection."""
SPOOFABLE_HEADERS = frozenset(
    {
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"x-client-ip",
        b"true-client-ip",
        b"x-request-id",
        b"x-time-left",
        b"expect",
    }
)
SPOOFABLE_PREFIXES = (b"x-forwarded-", b"x-actor", b"x-user", b"x-on-behalf", b"x-auth", b"x-remote-")
"""What an outsider could only say to pass for somebody else."""
HIDDEN_RESPONSE_HEADERS = frozenset({b"server", b"date"})
SECURITY_HEADERS: HeaderList = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]


def build_upstream_headers(
    given: Iterable[tuple[bytes, bytes]],
    *,
    address: str,
    scheme: str,
    host: str,
    request_id: str,
    seconds: float,
) -> HeaderList:
    """Headers for the service: the caller's without hop-by-hop and claims, and our own."""
    given = list(given)
    dropped = HOP_BY_HOP_HEADERS | SPOOFABLE_HEADERS | _list_connection_headers(given)
    kept = [
        (name, value)
        for name, value in given
        if name not in dropped and not name.startswith(SPOOFABLE_PREFIXES)
    ]
    return [
        *kept,
        (b"x-forwarded-for", address.encode("latin-1")),
        (b"x-forwarded-proto", scheme.encode("latin-1")),
        (b"x-forwarded-host", host.encode("latin-1")),
        (b"x-request-id", request_id.encode("latin-1")),
        (b"x-time-left", f"{seconds:.3f}".encode("latin-1")),
    ]


def build_response_headers(given: Iterable[tuple[bytes, bytes]]) -> HeaderList:
    """Headers for the caller: the service's without hop-by-hop, and what keeps browsers careful."""
    lowered = [(name.lower(), value) for name, value in given]
    dropped = HOP_BY_HOP_HEADERS | HIDDEN_RESPONSE_HEADERS | _list_connection_headers(lowered)
    kept = [(name, value) for name, value in lowered if name not in dropped]
    present = {name for name, _ in kept}
    return kept + [(name, value) for name, value in SECURITY_HEADERS if name not in present]


def _list_connection_headers(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Headers that `Connection` declares to be of this connection only."""
    return {
        part.strip().lower()
        for name, value in headers
        if name == b"connection"
        for part in value.split(b",")
        if part.strip().lower() not in {b"close", b""}
    }
