"""Methods of an address: `Allow` names all of them, and a fixed path is never taken for a record's id or action.

`POST /funds/plans/{id}/lines` is 405 with `Allow: GET, PUT`, not a wrong action of `POST /funds/plans/{id}/{action}`.
"""

import re
from dataclasses import dataclass

from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route, compile_path

METHOD_NOT_ALLOWED = 405


@dataclass(frozen=True)
class Address:
    """A route of an application: its path in its router, its methods, and the pattern of its whole path."""

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]

    @property
    def segments(self) -> list[str]:
        """Segments of the path; those of parameters begin with a brace."""
        return self.path.strip("/").split("/")

    @property
    def fixed(self) -> int:
        """Number of segments that are no parameters."""
        return sum(not segment.startswith("{") for segment in self.segments)

    def shadows(self, other: "Address") -> bool:
        """Whether it matches some paths of another route with more fixed segments, and takes other methods."""
        return (
            len(self.segments) == len(other.segments)
            and self.fixed > other.fixed
            and not self.methods & other.methods
            and all(
                own == theirs or theirs.startswith("{")
                for own, theirs in zip(self.segments, other.segments, strict=True)
            )
        )


def _list_addresses(app: Starlette) -> list[Address]:
    """Every address of an application; found once."""
    addresses: list[Address] | None = getattr(app.state, "addresses", None)
    if addresses is None:
        addresses = [
            Address(
                str(context.original_route.path),
                frozenset(context.methods or ()),
                compile_path(context.path)[0],
            )
            for context in iter_route_contexts(app.routes)
            if isinstance(context.original_route, Route) and context.path
        ]
        app.state.addresses, app.state.shadows = addresses, {}
    return addresses


def list_allowed_methods(app: Starlette, path: str) -> list[str]:
    """Methods of the routes that match a path with the most fixed segments, sorted; empty if none matches."""
    matching = [address for address in _list_addresses(app) if address.pattern.match(path)]
    most = max((address.fixed for address in matching), default=0)
    return sorted({method for address in matching if address.fixed == most for method in address.methods})


def refuse_shadowed_path(request: Request, route: Route) -> None:
    """405 if the path is a fixed one of other routes, none of which takes the method of this route."""
    addresses = _list_addresses(request.app)
    own = Address(route.path, frozenset(route.methods or ()), route.path_regex)
    shadows: dict[tuple[str, frozenset[str]], list[Address]] = request.app.state.shadows
    key = (own.path, own.methods)
    if key not in shadows:
        shadows[key] = [address for address in addresses if address.shadows(own)]
    if any(address.pattern.match(request.scope["path"]) for address in shadows[key]):
        raise HTTPException(METHOD_NOT_ALLOWED)
