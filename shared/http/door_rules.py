"""What the door does to every request and answer, in one place for both doors and for the services behind them.

The dispatcher of the one-process run applies these tables, embedded/door.py writes them into Caddy's configuration, and
every service refuses by itself what an outsider may not send (shared/http/admission.py).
"""

import re
from collections.abc import Iterable

HeaderList = list[tuple[bytes, bytes]]

FORWARDED_HEADERS = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id")
"""Headers that the door itself sets on what it hands on."""
PROXY_CLAIM_HEADERS = (
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-*",
    "x-rewrite-url",
    "x-time-left",
    "expect",
    "proxy",
    "upgrade",
)
"""Headers an outsider may send in good faith, which mean nothing here: the door removes them."""
IDENTITY_HEADERS = (
    "x-actor*",
    "x-user*",
    "x-on-behalf*",
    "x-auth*",
    "x-remote-*",
    "x-service-*",
)
"""Headers that could only be sent to pass for somebody else: the door removes them, a service refuses them."""
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
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}
"""On every answer, whatever the service said."""
DEFAULT_SECURITY_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_ID_PATTERN = "[A-Za-z0-9_.:-]{8,80}"
BAD_PATH_PATTERN = r"^[^?]*(//|\\|;|%2[eEfF]|%5[cC]|%00|/\.\.?(/|\?|$))"
"""Targets that mean something else to whoever normalises them (RE2 and Python read it alike)."""
COMPRESSIBLE_TYPES = (
    "application/json",
    "application/problem+json",
    "text/",
    "application/javascript",
    "application/manifest+json",
    "image/svg+xml",
    "application/x-ndjson",
)
MIN_COMPRESSED_BYTES = 512
MAX_HEADER_BYTES = 16 * 1024
MAX_BODY_BYTES, MAX_LARGE_BODY_BYTES = 1024 * 1024, 64 * 1024 * 1024
"""Bytes a body may have at the door: ordinary addresses, and those whose routes declare more. Each route's own limit is
kept by its service."""
STREAMED_PREFIXES = ("/api/v1/uploads",)
"""Addresses whose bodies are handed on as they arrive: what is cut off in the middle has been kept by then."""
MIN_BODY_BYTES_PER_SECOND = 4096
"""A body that comes slower is given up."""
READ_TIMEOUT_S, BODY_IDLE_TIMEOUT_S = 10.0, 10.0
"""Seconds for a whole header; seconds without enough of a body."""
ANSWER_TIMEOUT_S, HEAVY_ANSWER_TIMEOUT_S = 30.0, 120.0
"""Seconds of silence after which an answer is given up: exports, imports and files take longer."""

_BAD_PATH = re.compile(BAD_PATH_PATTERN.encode())
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_DEFAULTS = [(name.lower().encode(), value.encode()) for name, value in DEFAULT_SECURITY_HEADERS.items()]
_ALWAYS_NAMES = frozenset(name for name, _ in _SECURITY)


def _compile(patterns: Iterable[str]) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    names = list(patterns)
    return (
        frozenset(one.encode() for one in names if not one.endswith("*")),
        tuple(one[:-1].encode() for one in names if one.endswith("*")),
    )


_IDENTITY_NAMES, _IDENTITY_PREFIXES = _compile(IDENTITY_HEADERS)
_REMOVED_NAMES, _REMOVED_PREFIXES = _compile(
    (*IDENTITY_HEADERS, *PROXY_CLAIM_HEADERS, *FORWARDED_HEADERS, "x-forwarded-*")
)


def is_plain_target(target: bytes) -> bool:
    """Whether a request target (path and query as sent) has no form that is read in two ways."""
    return _BAD_PATH.match(target) is None


def claims_identity(name: bytes) -> bool:
    """Whether a header of this name could only be sent to pass for somebody else."""
    return name in _IDENTITY_NAMES or name.startswith(_IDENTITY_PREFIXES)


def clean_request_headers(given: Iterable[tuple[bytes, bytes]]) -> HeaderList:
    """The caller's headers without hop-by-hop ones and claims.

    What `Connection` names goes too, unless it is a header that frames the request or says who asks.
    """
    given = list(given)
    named = _list_connection_headers(given) - KEPT_UNDER_CONNECTION
    return [
        (name, value)
        for name, value in given
        if name not in HOP_BY_HOP_HEADERS
        and name not in named
        and name not in _REMOVED_NAMES
        and not name.startswith(_REMOVED_PREFIXES)
    ]


def clean_response_headers(given: Iterable[tuple[bytes, bytes]]) -> HeaderList:
    """The service's headers without hop-by-hop ones, and what keeps browsers careful."""
    lowered = [(name.lower(), value) for name, value in given]
    dropped = HOP_BY_HOP_HEADERS | {b"server", b"via"} | _ALWAYS_NAMES | _list_connection_headers(lowered)
    kept = [(name, value) for name, value in lowered if name not in dropped]
    present = {name for name, _ in kept}
    return kept + _SECURITY + [one for one in _DEFAULTS if one[0] not in present]


KEPT_UNDER_CONNECTION = frozenset({b"content-length", b"host"})


def _list_connection_headers(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Headers that `Connection` declares to be of this connection only."""
    return {
        part.strip().lower()
        for name, value in headers
        if name == b"connection"
        for part in value.split(b",")
        if part.strip().lower() not in {b"close", b"keep-alive", b""}
    }
