"""A value in another form than the document names is refused where it stands, never converted: "20240101" is no day of 1970, false no 0.

Each address of each service gets one request with every parameter, and one with every field of its body, in such a form, and one
with every parameter as the document says.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from embedded.system import list_services
from shared.auth import Role
from shared.request_body import TEXT_FORMS
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, SAMPLE_ID
from tests.clients import SystemUnderTest

OTHER_FORMS: dict[str, tuple[Any, ...]] = {
    "boolean": (1, "true", 0.0, "yes"),
    "date": ("0", 20240101, "20240101", True),
    "date-time": (1717000000, "1717000000", True),
    "integer": (True, "7", False),
    "number": (True, "7", False),
    "uuid": (SAMPLE_ID.hex, f"{{{SAMPLE_ID}}}", f"urn:uuid:{SAMPLE_ID}"),
}
TEXTS_OF_OTHER_FORMS = {
    "boolean": ("1", "yes", "t"),
    "date": ("0", "20240101"),
    "date-time": ("1717000000", "0"),
    "integer": ("1_0", "7.0", "true"),
    "number": ("1_0", "true", "inf"),
    "uuid": (SAMPLE_ID.hex, f"{{{SAMPLE_ID}}}", f"urn:uuid:{SAMPLE_ID}"),
}
TOLERANT = {
    ("attendance", "/attendance/list"): "DingTalk's format, whose clients send more than it names",
    ("attendance", "/attendance/listRecord"): "the same",
    ("attendance", "/api/v1/attendance/dingtalk/attendance/list"): "the same",
    ("attendance", "/api/v1/attendance/dingtalk/attendance/listRecord"): "the same",
}
FORM_CODES = {f"{kind}_type" for kind in TEXT_FORMS}
ITEMS_JUDGED_BY_THEMSELVES = {"/api/v1/sync/batch": "/items/"}
"""Parts of bodies whose faults are no refusal of the whole."""


class MisformedBody:
    """A body for a schema: every typed field in another form, what else it needs as usual."""

    def __init__(self, caller: RoleClient, schema: dict[str, Any], turn: int) -> None:
        self.inputs, self.turn = caller.sample_inputs, turn
        self.schemas = self.inputs.document["components"]["schemas"]
        self.pointers: set[str] = set()
        self.value = self._build(schema, "", "", ())

    def _build(self, schema: dict[str, Any], name: str, pointer: str, inside: tuple[str, ...]) -> Any:
        if "$ref" in schema:
            kind = schema["$ref"].rsplit("/", 1)[1]
            entered = kind not in inside
            return self._build(self.schemas[kind], name, pointer, (*inside, kind)) if entered else None
        alternatives = list_alternatives(schema)
        if alternatives != [schema] and len(alternatives) == 1:
            return self._build(alternatives[0], name, pointer, inside)
        if schema.get("type") == "object":
            return self._build_fields(schema, pointer, inside)
        if schema.get("type") == "array":
            return [self._build(schema.get("items", {}), name, f"{pointer}/0", inside)]
        if values := find_forms(schema, OTHER_FORMS):
            self.pointers.add(pointer)
            return values[(len(pointer) + self.turn) % len(values)]
        return self.inputs.build_value(schema, name)

    def _build_fields(self, schema: dict[str, Any], pointer: str, inside: tuple[str, ...]) -> dict[str, Any]:
        fields = {}
        for name, part in schema.get("properties", {}).items():
            before = len(self.pointers)
            value = self._build(part, name, f"{pointer}/{name}", inside)
            if len(self.pointers) > before or name in schema.get("required", ()):
                fields[name] = value
        return fields


def list_alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in schema.get("anyOf", [schema]) if one != {"type": "null"}]


def find_forms(schema: dict[str, Any], forms: dict[str, tuple[Any, ...]]) -> tuple[Any, ...]:
    if "enum" in schema or "const" in schema:
        return ()
    return forms.get(schema.get("format", ""), forms.get(schema.get("type", ""), ()))


@pytest.mark.parametrize("service", list_services())
async def test_a_value_in_another_form_is_refused_where_it_stands(
    doors: SystemUnderTest, service: str
) -> None:
    callers = {role: RoleClient(doors, service, role, REGION_INSIDE) for role in (None, *Role)}
    wrong = []
    for turn, one in enumerate(list_operations(service, doors.apps[service])):
        caller = callers[next((role for role in Role if not one.is_public and one.allows_role(role)), None)]
        if wellformed := build_queries(one, caller):
            answer = await caller.client.request(one.method, **wellformed)
            errors = answer.json().get("errors", []) if answer.status_code == 422 else []
            wrong += [f"{one} {error}" for error in errors if error["code"] in FORM_CODES]
        for sent, pointers in (*list_queries(one, caller, turn), *list_bodies(one, caller, turn)):
            answer = await caller.client.request(one.method, **sent)
            errors = answer.json()["errors"] if answer.status_code == 422 else []
            if missing := pointers - {error["pointer"] for error in errors}:
                wrong.append(f"{one} {sorted(missing)} → {answer.status_code} {answer.text[:300]}")

    assert not wrong, "\n".join(["", *wrong])


def build_queries(one: Operation, caller: RoleClient) -> dict[str, Any]:
    """Every parameter of the query in the form of the document; empty without one."""
    path = caller.sample_inputs.build_path(one.path, one.spec)[0]
    asked = [each for each in one.spec.get("parameters", []) if each["in"] == "query"]
    values = {each["name"]: caller.sample_inputs.build_value(each["schema"], each["name"]) for each in asked}
    return {"url": path, "params": values} if values else {}


def list_queries(one: Operation, caller: RoleClient, turn: int) -> Iterator[tuple[dict[str, Any], set[str]]]:
    path, query = caller.sample_inputs.build_path(one.path, one.spec)
    texts = {}
    for each in one.spec.get("parameters", []):
        alternatives = list_alternatives(each["schema"])
        values = find_forms(alternatives[0], TEXTS_OF_OTHER_FORMS) if len(alternatives) == 1 else ()
        if each["in"] == "query" and values:
            texts[each["name"]] = values[(turn + len(each["name"])) % len(values)]
    if texts:
        yield {"url": path, "params": {**query, **texts}}, {f"/query/{name}" for name in texts}


def list_bodies(one: Operation, caller: RoleClient, turn: int) -> Iterator[tuple[dict[str, Any], set[str]]]:
    content = one.spec.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or (one.service, one.path) in TOLERANT:
        return
    path, query = caller.sample_inputs.build_path(one.path, one.spec)
    body = MisformedBody(caller, content["schema"], turn)
    apart = ITEMS_JUDGED_BY_THEMSELVES.get(one.path, "none")
    if pointers := {pointer for pointer in body.pointers if not pointer.startswith(apart)}:
        yield {"url": path, "params": query, "json": body.value}, pointers
