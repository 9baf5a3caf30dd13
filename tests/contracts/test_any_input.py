"""Whatever a client sends, no service fails, and no answer is outside what its document says.

Two kinds of requests, the same on every run: those schemathesis makes from the document, and the least request that fits
with one value at a time made hostile. `ANY_INPUT=20` makes twenty of the first kind per address instead of one.
"""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import SerializationNotPossible
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from embedded.system import service_names
from shared.db import Database
from shared.migrate import has_database
from shared.permissions import Role
from tests.access.calls import Caller, Operation, operations
from tests.access.samples import INSIDE, THE_ID, fill
from tests.doors import Doors

SEED = 620602
EACH = int(os.environ.get("ANY_INPUT", "1"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
HOSTILE: tuple[Any, ...] = (
    None,
    "",
    "a\x00b",
    "\U0001f4a3" * 50,
    "9" * 400,
    -1,
    2**63,
    1e308,
    [],
    {},
    True,
    "2024-02-30",
    "00000000-0000-0000-0000-000000000000",
    "' OR 1=1 --",
)


def made(operation: Any, mode: GenerationMode) -> list[Case[Any]]:
    """Requests out of the document; none when every request would fit, or none could."""
    found: list[Case[Any]] = []

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EACH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Case[Any]) -> None:
        found.append(case)

    try:
        collect()
    except (Unsatisfiable, SerializationNotPossible):
        return []  # files and spreadsheets are sent by `hostile`
    return found[-EACH:]


def nearer(value: Any, name: str = "") -> Any:
    """The same with regions and ids that are there, so that a request gets further than the first look-up."""
    if isinstance(value, dict):
        return {key: nearer(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [nearer(one, name) for one in value]
    if isinstance(value, str) and "region" in name:
        return INSIDE
    return str(THE_ID) if isinstance(value, str) and name.endswith("_id") else value


def generated(operation: Any) -> Iterator[tuple[Case[Any], dict[str, Any]]]:
    """Schemathesis' requests as httpx takes them."""
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        for case in made(operation, mode):
            case.path_parameters = nearer(dict(case.path_parameters or {}))
            case.query = nearer(dict(case.query or {}))
            if isinstance(case.body, dict | list):
                case.body = nearer(case.body)
            try:
                sent = case.as_transport_kwargs(base_url="http://test")
            except SerializationNotPossible:
                continue
            sent.pop("cookies", None)
            sent["headers"] = {
                name: value for name, value in sent["headers"].items() if name.lower() != "authorization"
            }
            if isinstance(sent.get("data"), str | bytes):
                sent["content"] = sent.pop("data")
            sent.get("params", {}).pop("fields", None)  # asks for less than the document says, on purpose
            yield case, sent


def hostile(operation: Any, one: Operation, caller: Caller) -> Iterator[tuple[Case[Any], dict[str, Any]]]:
    """The least request that fits, with one hostile value after the other in turn in each of its fields."""
    path, query = caller.shapes.address(one.path, one.said)
    body = caller.shapes.body(one.said)
    fields = list(body["json"]) if isinstance(body.get("json"), dict) else []
    asked = [each["name"] for each in one.said.get("parameters", []) if each["in"] == "query"]
    asked = [name for name in asked if name != "fields"]
    places = {each["name"]: "x" for each in one.said.get("parameters", []) if each["in"] == "path"}
    for number, value in enumerate(HOSTILE):
        sent: dict[str, Any] = {"method": one.method, "url": f"http://test{path}", "params": query, **body}
        if fields:
            sent["json"] = {**body["json"], fields[number % len(fields)]: value}
        elif asked and value is not None:
            sent["params"] = {**query, asked[number % len(asked)]: str(value)}
        elif "json" in body:
            sent["json"] = value
        elif "content" in body:
            sent["content"] = str(value).encode()
        else:
            continue
        yield operation.Case(path_parameters=places), sent


async def _filled(doors: Doors, service: str) -> None:
    database: Database = doors.apps[service].state.context.database
    document = doors.apps[service].openapi()
    async with database.writer.begin() as connection:
        if database.dialect == "sqlite":
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        await connection.run_sync(lambda one: fill(service, one, document))


def _wrong(case: Case[Any], answer: httpx.Response, sent: dict[str, Any]) -> str:
    waits = answer.status_code == 503 and "retry-after" in answer.headers  # a neighbour is missing here
    try:
        case.validate_response(answer, checks=CHECKS[1:] if waits else CHECKS)
    except AssertionError as error:
        parts = getattr(error, "exceptions", (error,))
        said = " | ".join(str(part).split("\n\n")[0][:200] for part in parts)
    except BaseExceptionGroup as group:
        said = " | ".join(str(part).split("\n\n")[0][:200] for part in group.exceptions)
    else:
        return ""
    return (
        f"{sent['method']} {sent['url']} {str(sent)[:400]} → {answer.status_code} {answer.text[:200]}: {said}"
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", [name for name in service_names() if has_database(name)])
async def test_no_request_makes_a_service_fail(doors: Doors, service: str) -> None:
    await _filled(doors, service)
    app = doors.apps[service]
    spoken = {(one.method, one.path): one for one in operations(service, app)}
    callers = {role: Caller(doors, service, role, INSIDE) for role in Role}
    nobody = Caller(doors, service, None, INSIDE)
    document = schemathesis.openapi.from_dict(app.openapi())
    wrong: dict[str, str] = {}
    count = 0
    for result in document.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        one = spoken[operation.method, operation.path]
        allowed = [] if one.public else [role for role in Role if one.allows(role)]
        caller = callers[allowed[0]] if allowed else nobody
        for case, sent in (*generated(operation), *hostile(operation, one, caller)):
            answer = await caller.client.request(**sent)
            count += 1
            if said := _wrong(case, answer, sent):
                wrong.setdefault(f"{one} {answer.status_code}", said)

    assert count > 2 * len(spoken)
    assert not wrong, "\n".join(["", *wrong.values()])
