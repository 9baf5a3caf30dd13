"""What a service declares to the door: which addresses are its own, and which of them take large bodies."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.routing import APIRoute

from shared.http.door_rules import MAX_BODY_BYTES

API_PREFIX = "/api/v1"
WELL_KNOWN_PREFIX = "/.well-known"
_PARAMETER = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True)
class DeclaredRoutes:
    """`prefixes` are paths whose whole subtree is the service's, `large` are patterns (`*` is one segment)."""

    prefixes: tuple[str, ...]
    large: tuple[str, ...] = ()

    def owns(self, path: str) -> bool:
        """Whether a decoded path lies under one of the prefixes."""
        return any(path == one or path.startswith(f"{one}/") for one in self.prefixes)


def declare_routes(routers: Sequence[APIRouter], open_routers: Sequence[APIRouter] = ()) -> DeclaredRoutes:
    """Prefixes are the first segments of the routers' addresses: /api/v1/… for `routers`, as they are for the others."""
    inside = list(_list_routes(routers))
    found = {f"{API_PREFIX}/{route.path.split('/')[1]}" for route in inside}
    found |= {f"/{route.path.split('/')[1]}" for route in _list_routes(open_routers)}
    large = {f"{API_PREFIX}{_PARAMETER.sub('*', route.path)}" for route in inside if _takes_large_body(route)}
    return DeclaredRoutes(tuple(sorted(found)), tuple(sorted(large)))


def _list_routes(routers: Iterable[APIRouter]) -> Iterable[APIRoute]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield route


def _takes_large_body(route: APIRoute) -> bool:
    return int((route.openapi_extra or {}).get("x-body-limit", 0)) > MAX_BODY_BYTES
