"""Which service answers an address: the first segment after /api/v1 says it."""

from shared.errors import BadRequest
from shared.wire import ServiceName

API = "/api/v1/"
WELL_KNOWN = "/.well-known/"
ALIASES = dict.fromkeys(("auth", "regions", "organisations", "users", "clients"), "identity")
"""Segments that are not the name of their service."""
OWN = frozenset({"home", "threads", "overview", "public"})
"""Segments the gateway answers itself."""


def owner(path: str) -> str | None:
    """The service of a decoded path; None when the gateway answers (or refuses) itself.

    BadRequest for paths that mean something else to whoever normalises them.
    """
    if any(part in {".", ".."} for part in path.split("/")) or "//" in path or "\\" in path or "\0" in path:
        raise BadRequest("地址里不能有 .、.. 或空的一段", "The path must be in its plain form")
    if path.startswith(WELL_KNOWN):
        return "identity"
    if not path.startswith(API):
        return None
    segment = path.removeprefix(API).partition("/")[0]
    if segment in OWN:
        return None
    if segment in ALIASES:
        return ALIASES[segment]
    return segment if segment in ServiceName.labels() else None
