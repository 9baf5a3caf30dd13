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

from embedded.system import list_services
from shared.auth import Role
from shared.db.migrate import has_database
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, SAMPLE_ID, fill_with_sample_rows
from tests.clients import SystemUnderTest

SEED = 620602
EXAMPLES_PER_OPERATION = int(os.environ.get("ANY_INPUT", "1"))
RESPONSE_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
HOSTILE_VALUES: tuple[Any, ...] = (
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


def generate_cases(operation: Any, mode: GenerationMode) -> list[Case[Any]]:
    """Requests out of the document; none when every request would fit, or none could."""
    found: list[Case[Any]] = []

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EXAMPLES_PER_OPERATION,
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
    return found[-EXAMPLES_PER_OPERATION:]


def replace_references(value: Any, name: str = "") -> Any:
    """The same with regions and ids that are there, so that a request gets further than the first look-up."""
    if isinstance(value, dict):
        return {key: replace_references(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [replace_references(one, name) for one in value]
    if isinstance(value, str) and "region" in name:
        return REGION_INSIDE
    return str(SAMPLE_ID) if isinstance(value, str) and name.endswith("_id") else value


def generate_requests(operation: Any) -> Iterator[tuple[Case[Any], dict[str, Any]]]:
    """Schemathesis' requests as httpx takes them."""
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        for case in generate_cases(operation, mode):
            case.path_parameters = replace_references(dict(case.path_parameters or {}))
            case.query = replace_references(dict(case.query or {}))
            if isinstance(case.body, dict | list):
                case.body = replace_references(case.body)
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


def generate_hostile_requests(
    operation: Any, one: Operation, caller: RoleClient
) -> Iterator[tuple[Case[Any], dict[str, Any]]]:
    """The least request that fits, with one hostile value after the other in turn in each of its fields."""
    path, query = caller.sample_inputs.build_path(one.path, one.spec)
    body = caller.sample_inputs.build_body(one.spec)
    fields = list(body["json"]) if isinstance(body.get("json"), dict) else []
    asked = [each["name"] for each in one.spec.get("parameters", []) if each["in"] == "query"]
    asked = [name for name in asked if name != "fields"]
    places = {each["name"]: "x" for each in one.spec.get("parameters", []) if each["in"] == "path"}
    for number, value in enumerate(HOSTILE_VALUES):
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


def _describe_violation(case: Case[Any], answer: httpx.Response, sent: dict[str, Any]) -> str:
    waits = answer.status_code == 503 and "retry-after" in answer.headers  # a neighbour is missing here
    try:
        case.validate_response(answer, checks=RESPONSE_CHECKS[1:] if waits else RESPONSE_CHECKS)
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
@pytest.mark.parametrize("service", [name for name in list_services() if has_database(name)])
async def test_no_request_makes_a_service_fail(doors: SystemUnderTest, service: str) -> None:
    await fill_with_sample_rows(doors, service)
    app = doors.apps[service]
    spoken = {(one.method, one.path): one for one in list_operations(service, app)}
    callers = {role: RoleClient(doors, service, role, REGION_INSIDE) for role in Role}
    nobody = RoleClient(doors, service, None, REGION_INSIDE)
    document = schemathesis.openapi.from_dict(app.openapi())
    wrong: dict[str, str] = {}
    count = 0
    for result in document.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        one = spoken[operation.method, operation.path]
        allowed = [] if one.is_public else [role for role in Role if one.allows_role(role)]
        caller = callers[allowed[0]] if allowed else nobody
        for case, sent in (*generate_requests(operation), *generate_hostile_requests(operation, one, caller)):
            answer = await caller.client.request(**sent)
            count += 1
            if said := _describe_violation(case, answer, sent):
                wrong.setdefault(f"{one} {answer.status_code}", said)

    assert count > 2 * len(spoken)
    assert not wrong, "\n".join(["", *wrong.values()])
