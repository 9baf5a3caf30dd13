"""Record kinds bound to the routes of their service: which addresses there are, and what they take and answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.routing import BaseRoute

from shared.auth import Actor, May
from shared.records.kinds import Act, Part, RecordKind

_VARIABLE = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True)
class BoundAct:
    """An act with the form it takes, if any, who may do it, and whether it asks for the version that was read."""

    act: Act
    shape: type[BaseModel] | None
    mays: tuple[May, ...]
    versioned: bool


@dataclass(frozen=True)
class BoundPart:
    """A part with the shape of its rows and who may read it."""

    part: Part
    shape: type[BaseModel]
    mays: tuple[May, ...]


@dataclass(frozen=True)
class BoundKind:
    """A kind and the shapes its addresses take: of a creation, of a change, and of every move."""

    kind: RecordKind
    filters: Mapping[str, Any] = field(default_factory=dict)
    """Query parameter of its list → annotation."""
    detail: type[BaseModel] | None = None
    create: type[BaseModel] | None = None
    change: type[BaseModel] | None = None
    move: type[BaseModel] | None = None
    create_mays: tuple[May, ...] = ()
    change_mays: tuple[May, ...] = ()
    history: bool = False
    counted: bool = False
    """Whether its list answers how many there are."""
    acts: tuple[BoundAct, ...] = ()
    parts: tuple[BoundPart, ...] = ()

    def may_create(self, actor: Actor) -> bool:
        """Whether the caller may create one; a creation without a permission is everybody's."""
        return self.create is not None and (not self.create_mays or actor.can(*self.create_mays))

    def may_change(self, actor: Actor) -> bool:
        """Whether the caller may change one."""
        return self.change is not None and (not self.change_mays or actor.can(*self.change_mays))

    def acts_of(self, actor: Actor) -> tuple[BoundAct, ...]:
        """What the caller may do with one beside moves."""
        return tuple(one for one in self.acts if not one.mays or actor.can(*one.mays))

    def parts_of(self, actor: Actor) -> tuple[BoundPart, ...]:
        """What the caller may read beside one."""
        return tuple(one for one in self.parts if not one.mays or actor.can(*one.mays))


def blank_variables(path: str) -> str:
    """An address with every variable part written as {}."""
    return _VARIABLE.sub("{}", path)


def _routes_by_address(routes: Sequence[BaseRoute], prefix: str) -> dict[tuple[str, str], APIRoute]:
    found: dict[tuple[str, str], APIRoute] = {}
    for context in iter_route_contexts(routes):
        route, path = context.original_route, str(context.path)
        if isinstance(route, APIRoute) and path.startswith(prefix):
            for method in route.methods or ():
                found.setdefault((method, blank_variables(path.removeprefix(prefix))), route)
    return found


def list_get_addresses(routes: Sequence[BaseRoute], prefix: str) -> set[str]:
    """Every address that can be read, with every variable part written as {}."""
    return {path for method, path in _routes_by_address(routes, prefix) if method == "GET"}


def bind_kinds(
    kinds: Sequence[RecordKind], routes: Sequence[BaseRoute], prefix: str
) -> tuple[BoundKind, ...]:
    """The kinds of a service with what their routes take; ValueError for a kind without its list or with another's rows."""
    known = _routes_by_address(routes, prefix)
    return tuple(_bind_kind(kind, known) for kind in kinds)


def _bind_kind(kind: RecordKind, known: Mapping[tuple[str, str], APIRoute]) -> BoundKind:
    listing = known.get(("GET", blank_variables(kind.path)))
    if listing is None:
        message = f"record kind {kind.name}: there is no list at {kind.path}"
        raise ValueError(message)
    if kind.read not in _row_shapes(listing):
        message = f"record kind {kind.name}: {kind.path} does not list {kind.read.__name__}"
        raise ValueError(message)
    if (mays := _permissions_of(listing)) and kind.may not in mays:
        message = f"record kind {kind.name}: {kind.path} asks for {', '.join(mays)}, not {kind.may}"
        raise ValueError(message)
    query = {
        one.alias: Annotated[one.field_info.annotation, one.field_info]
        for one in _query_params(listing.dependant)
    }
    if unknown := sorted(set(kind.filters) - set(query)):
        message = f"record kind {kind.name}: {kind.path} has no filters {', '.join(unknown)}"
        raise ValueError(message)
    made = _find_route(known, "POST", kind.create or kind.path)
    one = blank_variables(kind.detail or f"{kind.path}/{{}}")
    moves = blank_variables(kind.move_address)
    return BoundKind(
        kind,
        {name: query[name] for name in kind.filters},
        detail=_answer_of(known.get(("GET", one))),
        create=_body_of(made),
        create_mays=_permissions_of(made),
        change=_body_of(known.get(("PATCH", one))),
        change_mays=_permissions_of(known.get(("PATCH", one))),
        move=_body_of(known.get(("POST", f"{moves}/{{}}"))) if kind.lifecycle is not None else None,
        history=("GET", f"{one}/history") in known,
        counted="count" in query,
        acts=tuple(_bind_act(kind, act, known) for act in kind.acts),
        parts=tuple(_bind_part(kind, part, known) for part in kind.parts),
    )


def _find_route(known: Mapping[tuple[str, str], APIRoute], method: str, path: str) -> APIRoute | None:
    """The route of an address; its last word may be one of the values that a route takes: a move by its name."""
    blank = blank_variables(path)
    return known.get((method, blank)) or known.get((method, f"{blank.rpartition('/')[0]}/{{}}"))


def _bind_act(kind: RecordKind, act: Act, known: Mapping[tuple[str, str], APIRoute]) -> BoundAct:
    route = _find_route(known, act.method, act.path)
    if route is None:
        message = f"record kind {kind.name}: nothing can be sent to {act.path}"
        raise ValueError(message)
    versioned = act.versioned and any(one.alias == "if-match" for one in _header_params(route.dependant))
    return BoundAct(act, act.items or _body_of(route), _permissions_of(route), versioned)


def _bind_part(kind: RecordKind, part: Part, known: Mapping[tuple[str, str], APIRoute]) -> BoundPart:
    route = known.get(("GET", blank_variables(part.path)))
    shapes = () if route is None else _row_shapes(route, part.inside or "items")
    shape = next((one for one in shapes if isinstance(one, type) and issubclass(one, BaseModel)), None)
    if shape is None:
        message = f"record kind {kind.name}: there are no rows at {part.path}"
        raise ValueError(message)
    return BoundPart(part, shape, _permissions_of(route))


def _header_params(dependant: Dependant) -> list[Any]:
    inner = [one for part in dependant.dependencies for one in _header_params(part)]
    return [*dependant.header_params, *inner]


def _query_params(dependant: Dependant) -> list[Any]:
    inner = [one for part in dependant.dependencies for one in _query_params(part)]
    return [*dependant.query_params, *inner]


def _row_shapes(route: APIRoute, name: str = "items") -> tuple[Any, ...]:
    shape = route.response_model
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        items = shape.model_fields.get(name)
        return get_args(items.annotation) if items is not None else ()
    return get_args(shape)


def _permissions_of(route: APIRoute | None) -> tuple[May, ...]:
    words: list[str] = [] if route is None else (route.openapi_extra or {}).get("x-permission", [])
    return tuple(May(word) for word in words if word in May.labels())


def _answer_of(route: APIRoute | None) -> type[BaseModel] | None:
    shape = None if route is None else route.response_model
    return shape if isinstance(shape, type) and issubclass(shape, BaseModel) else None


def _body_of(route: APIRoute | None) -> type[BaseModel] | None:
    if route is None or route.body_field is None:
        return None
    shape = route.body_field.field_info.annotation
    return shape if isinstance(shape, type) and issubclass(shape, BaseModel) else None


__all__ = ["BoundAct", "BoundKind", "bind_kinds", "blank_variables", "list_get_addresses"]
