"""Whatever `/meta` offers a person can be done with a page: every required field can be filled, every move and act reached."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from shared.auth import Actor, Grant, Role
from shared.records import BoundKind
from shared.records.forms import FormRead, KindForms, describe_forms

ROLES = [role for role in Role if role not in {Role.SERVICE, Role.MACHINE}]
MAX_DEPTH = 3
NOT_BY_A_FORM = {"rule_proposal create /value", "work_target create /item_id"}
"""The page of rules asks for a value by the shape of the chosen rule; a work plan's targets come with its document."""
_VARIABLE = re.compile(r"\{(\w+)\}")
Field = tuple[str, str, dict[str, Any]]


def resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One shape of a field: references followed, null left out, the first of several shapes."""
    found = schema
    while (
        options := found.get("anyOf") or found.get("allOf") or (found.get("discriminator") and found["oneOf"])
    ):
        found = {**next(one for one in options if one.get("type") != "null"), **_own(found)}
    if "$ref" in found:
        return resolve({**definitions[found["$ref"].rpartition("/")[2]], **_own(found)}, definitions)
    return found


def _own(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in schema.keys() - {"$ref", "anyOf", "allOf", "oneOf", "discriminator"}}


def list_required(form: FormRead) -> Iterator[Field]:
    """(pointer, name, shape) of every field that a page has to fill, also in objects and in the items of lists."""
    definitions = form.form.get("$defs", {})

    def walk(schema: dict[str, Any], parent: str) -> Iterator[Field]:
        for name, prop in schema.get("properties", {}).items():
            shape = resolve(prop, definitions)
            is_required = name in schema.get("required", ()) or shape.get("minItems", 0) > 0
            inner = resolve(shape["items"], definitions) if shape.get("type") == "array" else shape
            if is_required:
                yield (
                    f"{parent}/{name}",
                    name,
                    {**inner, **{key: shape[key] for key in shape if key[:2] == "x-"}},
                )
            if (is_required or shape is not inner) and parent.count("/") < MAX_DEPTH:
                yield from walk(inner, f"{parent}/{name}")

    return walk(form.form, "")


def find_dead_end(shape: dict[str, Any], name: str, seen: set[str]) -> str:
    """Why a page cannot ask for a value of this shape; empty when it can."""
    if shape.get("x-type") in {"file", "files", "fix", "account", "json"}:
        return ""
    if shape.get("x-type") == "id" or shape.get("format") == "uuid" or "x-kind" in shape:
        kind = shape.get("x-kind") or name.removesuffix("_id")
        return "" if name == "id" or kind.partition(".")[0] in seen else f"a record of {kind or 'no kind'}"
    if shape.get("type") == "object" and not (shape.get("properties") or "propertyNames" in shape):
        return "an object of any keys"
    return "" if "type" in shape or "enum" in shape else "no type"


def list_kinds(apps: dict[str, FastAPI]) -> list[BoundKind]:
    return [bound for app in apps.values() for bound in getattr(app.state, "kinds", ())]


def describe(bound: BoundKind, actor: Actor, seen: set[str]) -> Iterator[str]:
    """Every dead end of one kind for one person."""
    forms = describe_forms(actor, bound)
    kind = bound.kind
    for where, form in (("create", forms.create), ("change", forms.change), ("move", forms.move)):
        for pointer, name, shape in list_required(form) if form else ():
            if why := find_dead_end(shape, name, seen):
                yield f"{where} {pointer}: {why}"
    for name in set(_VARIABLE.findall(forms.create.address)) if forms.create else ():
        if kind.parents.get(name) not in seen:
            yield f"create: {name} is of no parent"
    row = set(kind.read.model_fields) | set(bound.detail.model_fields if bound.detail else ())
    if any(actor.can(one.may) for one in kind.lifecycle.transitions) if kind.lifecycle else False:
        yield from describe_moves(forms, row)
    yield from describe_acts(forms, row, seen)


def describe_moves(forms: KindForms, row: set[str]) -> Iterator[str]:
    if forms.move is None and not forms.acts:
        yield "move: neither a form nor an act"
    for name in set(_VARIABLE.findall(forms.move.address)) - row - {"id", "action"} if forms.move else ():
        yield f"move: {name} of the address"


def describe_acts(forms: KindForms, row: set[str], seen: set[str]) -> Iterator[str]:
    tables = row | {one.name for one in forms.parts}
    for act in forms.acts:
        for name in set(_VARIABLE.findall(act.address)) - row - {"id"}:
            if f"{name.removesuffix('_id')}s" not in tables:
                yield f"{act.label}: {name} of {act.address}"
        for pointer, name, shape in list_required(act) if act.form else ():
            given = pointer.split("/")[1] in act.rows  # each row of the form is one of the record's
            if not given and (why := find_dead_end(shape, name, seen)):
                yield f"{act.label} {pointer}: {why}"


@pytest.mark.parametrize("role", ROLES)
def test_everything_that_is_offered_can_be_done_with_a_page(built: dict[str, FastAPI], role: Role) -> None:
    actor = Actor("someone", "某人", (Grant(role, "620602000000"),))
    kinds = [bound for bound in list_kinds(built) if actor.can(bound.kind.may)]
    seen = {bound.kind.name for bound in kinds}
    found = {f"{bound.kind.name} {why}" for bound in kinds for why in describe(bound, actor, seen)}
    assert not {one for one in found if one.partition(":")[0] not in NOT_BY_A_FORM}


@pytest.mark.parametrize("role", ROLES)
def test_a_phone_keeps_what_its_forms_name(built: dict[str, FastAPI], role: Role) -> None:
    """A record that a form of the phone needs is chosen from what the phone keeps."""
    actor = Actor("someone", "某人", (Grant(role, "620602000000"),))
    kinds = [bound for bound in list_kinds(built) if bound.kind.phone and actor.can(bound.kind.may)]
    kept = {bound.kind.name for bound in kinds}
    found = []
    for bound in kinds:
        if create := describe_forms(actor, bound).create:
            ends = (find_dead_end(shape, name, kept) for _, name, shape in list_required(create))
            parents = (bound.kind.parents.get(name, name) for name in _VARIABLE.findall(create.address))
            found += [f"{bound.kind.name}: {why}" for why in (*filter(None, ends), *set(parents) - kept)]
    assert not found


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ({"type": "string", "format": "uuid", "x-type": "id"}, "item_id"),
        ({"type": "string", "format": "uuid", "x-type": "id", "x-kind": "contract"}, "contract_id"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "params"),
    ],
)
def test_a_dead_end_is_found(shape: dict[str, Any], name: str) -> None:
    assert find_dead_end(shape, name, {"project"})
    assert not find_dead_end({**shape, "x-type": "id", "x-kind": "project"}, name, {"project"})
