"""Every address says who may call it, how it refuses, how much it takes and what it answers."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from embedded.system import list_services
from shared.auth import May
from shared.db.migrate import has_database
from shared.http import Route
from shared.http.route_index import RouteIndex

OPEN_WRITES = {
    "/api/v1/auth/token",
    "/api/v1/attendance/complaints",
    "/api/v1/assets/scan/{code}/photos",
    "/api/v1/assets/scan/{code}/repairs",
    "/api/v1/households/clues/self-reports",
    *(
        f"/api/v1/{name}/public-notices/{{notice_id}}/objections"
        for name in ("projects", "funds", "assets", "households")
    ),
    "/notices/{board}/{notice_id}",
    "/labels/{code}",
    *(f"/api/v1/{name}/log/cosignatures" for name in list_services() if has_database(name)),
    "/gettoken",
    "/attendance/list",
    "/attendance/listRecord",
}
"""Addresses that change something without login: signing in, complaining, reporting one's own trouble, objecting to a notice,
reporting what is broken by its label; the board's pages take these two as forms. The last three read with a token in the
query, as DingTalk's clients do. A cosignature is taken because it verifies against an enrolled witness."""
STATUSES_OF_EVERY_WRITE = {400, 413, 422, 429, 503}
MAX_BODY_BYTES = 64 * 1024 * 1024


def list_routes(apps: dict[str, FastAPI]) -> Iterator[tuple[str, str, APIRoute]]:
    for name, app in apps.items():
        for context in iter_route_contexts(app.routes):
            route = context.original_route
            if isinstance(route, APIRoute):
                yield f"{name} {_method_names(route)} {context.path}", str(context.path), route


def _method_names(route: APIRoute) -> str:
    return "/".join(sorted(route.methods or ()))


def _permission_labels(route: APIRoute) -> list[str]:
    words: list[str] = (route.openapi_extra or {}).get("x-permission", [])
    return words


def _dependency_names(route: APIRoute) -> set[str]:
    return {str(getattr(one.dependency, "__qualname__", "")) for one in route.dependencies}


def test_no_address_is_answered_by_another_route(apps: dict[str, FastAPI]) -> None:
    """`/files/events` is no file whose id is `events`."""
    shadowed = []
    for name, app in apps.items():
        index = RouteIndex(app)
        for context in iter_route_contexts(app.routes):
            route, path = context.original_route, re.sub(r"\{(\w+):?\w*\}", "7", str(context.path))
            for method in (context.methods or ()) if isinstance(route, APIRoute) else ():
                found = index.find(method, path)
                if found is not None and found[0].path != context.path:
                    shadowed.append(f"{name} {method} {context.path}: {found[0].path}")

    assert not shadowed


def test_every_address_declares_its_permission(apps: dict[str, FastAPI]) -> None:
    known = {"public", "signed-in", *(str(may) for may in May)}
    silent = [
        where
        for where, _, route in list_routes(apps)
        if not _permission_labels(route) or set(_permission_labels(route)) - known
    ]

    assert not silent


def test_what_is_declared_is_what_is_asked(apps: dict[str, FastAPI]) -> None:
    """`x-permission` is for readers; the dependency beside it does the refusing."""
    unguarded = [
        where
        for where, _, route in list_routes(apps)
        if _permission_labels(route) not in (["public"], ["signed-in"])
        and "_permission_check.<locals>.check_permission" not in _dependency_names(route)
    ]
    unsigned = [
        where
        for where, _, route in list_routes(apps)
        if _permission_labels(route) == ["signed-in"] and "_current_actor" not in _dependency_names(route)
    ]

    assert not unguarded
    assert not unsigned


def test_every_address_limits_its_body(apps: dict[str, FastAPI]) -> None:
    wrong = [
        where
        for where, _, route in list_routes(apps)
        if route.max_body_size is None
        or not 0 < route.max_body_size <= MAX_BODY_BYTES
        or (route.openapi_extra or {}).get("x-body-limit") != route.max_body_size
    ]

    assert not wrong


def test_every_address_declares_how_it_refuses(apps: dict[str, FastAPI]) -> None:
    for where, _, route in list_routes(apps):
        declared = {int(status) for status in route.responses if str(status).isdecimal()}
        wanted = STATUSES_OF_EVERY_WRITE | (set() if _permission_labels(route) == ["public"] else {401})
        assert wanted <= declared, f"{where} lacks {wanted - declared}"


def test_every_address_declares_what_it_answers(apps: dict[str, FastAPI]) -> None:
    silent = [
        where
        for where, _, route in list_routes(apps)
        if route.response_model is None
        and route.status_code != 204
        and not (isinstance(route.response_class, type) and issubclass(route.response_class, Response))
    ]

    assert not silent


def test_every_writing_address_can_be_repeated_safely(apps: dict[str, FastAPI]) -> None:
    plain = [
        where
        for where, path, route in list_routes(apps)
        if path.startswith("/api/") and not isinstance(route, Route)
    ]

    assert not plain, "use APIRouter(route_class=Route)"


def test_nothing_changes_without_login(apps: dict[str, FastAPI]) -> None:
    writing = {
        path
        for _, path, route in list_routes(apps)
        if _permission_labels(route) == ["public"] and set(route.methods or ()) - {"GET", "HEAD", "OPTIONS"}
    }

    assert writing <= OPEN_WRITES


def test_no_two_services_answer_the_same_address(apps: dict[str, FastAPI]) -> None:
    seen: dict[str, str] = {}
    for where, path, route in list_routes(apps):
        if path.startswith("/api/"):
            key = f"{_method_names(route)} {path}"
            assert key not in seen, f"{where} and {seen[key]}"
            seen[key] = where


@pytest.mark.parametrize("word", ["/{id}"])
def test_addresses_name_what_they_take(apps: dict[str, FastAPI], word: str) -> None:
    assert not [where for where, path, _ in list_routes(apps) if word in path]


def test_no_request_changes_threads_for_a_dependency(apps: dict[str, FastAPI]) -> None:
    """FastAPI runs a plain function in a thread of its own, which costs as much as an SQL statement."""
    plain: set[str] = set()

    def walk(dependant: Dependant) -> None:
        for one in dependant.dependencies:
            called = one.call
            if inspect.isfunction(called) and not (
                inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)
            ):
                plain.add(f"{called.__module__}.{called.__qualname__}")
            walk(one)

    for _, _, route in list_routes(apps):
        walk(route.dependant)

    assert not plain, "write `async def`"


def test_the_index_finds_the_route_that_the_routers_find(apps: dict[str, FastAPI]) -> None:
    wrong = []
    for name, app in apps.items():
        index = app.router.middleware_stack
        if not isinstance(index, RouteIndex):
            assert name == "gateway"
            continue
        for context in iter_route_contexts(app.routes):
            path = re.sub(r"\{[^}]+\}", "a1", str(context.path))
            for method in context.methods or ():
                wanted = _ask_routers(app, method, path)
                found = index.find(method, path)
                if found is not None and (found[0].original_route, found[1]) != wanted:
                    wrong.append(f"{name} {method} {path}")
                if found is None and isinstance(context.original_route, APIRoute) and wanted is not None:
                    wrong.append(f"{name} {method} {path} is not in the index")

    assert not wrong


def _ask_routers(app: FastAPI, method: str, path: str) -> tuple[BaseRoute, dict[str, str]] | None:
    """The first route in order that takes the path and the method, and the values in the path."""
    for context in iter_route_contexts(app.routes):
        route: Any = context
        match, scope = route.matches({
            "type": "http", "method": method, "path": path, "headers": [], "path_params": {}
        })  # fmt: skip
        if match is Match.FULL:
            return context.original_route, scope["path_params"]
    return None
