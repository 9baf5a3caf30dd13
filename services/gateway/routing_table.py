"""Which service answers an address: the first segment after /api/v1 says it."""

from shared.clients import ServiceName
from shared.errors import BadRequest

API_PREFIX = "/api/v1/"
WELL_KNOWN_PREFIX = "/.well-known/"
SEGMENT_ALIASES = dict.fromkeys(("auth", "regions", "organisations", "users", "clients"), "identity")
"""Segments that are not the name of their service."""
GATEWAY_SEGMENTS = frozenset({"home", "threads", "overview", "public"})
"""Segments the gateway answers itself."""


def find_owner(path: str) -> str | None:
    """The service of a decoded path; None when the gateway answers (or refuses) itself.

    BadRequest for paths that mean something else to whoever normalises them.
    """
    if any(part in {".", ".."} for part in path.split("/")) or "//" in path or "\\" in path or "\0" in path:
        raise BadRequest("地址里不能有 .、.. 或空的一段", "The path must be in its plain form")
    if path.startswith(WELL_KNOWN_PREFIX):
        return "identity"
    if not path.startswith(API_PREFIX):
        return None
    segment = path.removeprefix(API_PREFIX).partition("/")[0]
    if segment in GATEWAY_SEGMENTS:
        return None
    if segment in SEGMENT_ALIASES:
        return SEGMENT_ALIASES[segment]
    return segment if segment in ServiceName.labels() else None
