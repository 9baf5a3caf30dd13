"""Finds the route of a request by its method and number of segments.

FastAPI asks every router in turn and the chosen one twice, which costs half a millisecond with thirty routers. The first route in
their order that matches is found here; whatever is not found (405, 404, mounts) goes on to the router.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route with its pattern; without a context it is left to the router."""

    pattern: re.Pattern[str]
    context: RouteContext | None


class RouteIndex:
    """ASGI app in front of the router of a FastAPI app; the index is made at the first request."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._router: ASGIApp = app.router.middleware_stack
        self._candidates: dict[tuple[str, int], list[Candidate]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the route, or the router when no route is found."""
        found = None
        if scope["type"] == "http" and not scope.get("root_path"):
            found = self.find(scope["method"], scope["path"])
        if found is None:
            await self._router(scope, receive, send)
            return
        context, scope["path_params"] = found
        scope["endpoint"], scope["route"] = context.endpoint, context.original_route
        scope.setdefault("router", self._app.router)
        await context.app(scope, receive, send)

    def find(self, method: str, path: str) -> tuple[RouteContext, dict[str, Any]] | None:
        """The route of a request and the values in its path; None when the router has to look."""
        if self._candidates is None:
            self._candidates = _build_candidates(self._app.routes)
        for one in self._candidates.get((method, path.count("/")), ()):
            if match := one.pattern.match(path):
                if one.context is None:
                    return None
                convertors = one.context.param_convertors
                values = match.groupdict().items()
                return one.context, {name: convertors[name].convert(value) for name, value in values}
        return None


def _build_candidates(routes: Sequence[BaseRoute]) -> dict[tuple[str, int], list[Candidate]]:
    """Candidates by method and number of slashes, in the order of the routes."""
    contexts = list(iter_route_contexts(routes))
    keys = {
        (method, str(one.path).count("/"))
        for one in contexts
        if _is_indexed(one)
        for method in one.methods or ()
    }
    found: dict[tuple[str, int], list[Candidate]] = {key: [] for key in keys}
    for one in contexts:
        pattern: Any = getattr(one, "path_regex", None)
        if pattern is None:
            return {}  # a route that says no pattern may match anything
        own = (
            [(method, str(one.path).count("/")) for method in one.methods or ()] if _is_indexed(one) else keys
        )
        for key in own:
            found[key].append(Candidate(pattern, one if _is_indexed(one) else None))
    return found


def _is_indexed(context: RouteContext) -> bool:
    """Whether a route of this kind matches paths of one number of segments only."""
    return isinstance(context.original_route, APIRoute) and ":path}" not in str(context.path)


def index_routes(app: FastAPI) -> None:
    """Let the app find its routes by an index."""
    app.router.middleware_stack = RouteIndex(app)


__all__ = ["RouteIndex", "index_routes"]
