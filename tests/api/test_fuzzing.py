"""Whatever a client sends, no service fails, and no answer is outside what its document says.

Two kinds of requests, the same on every run: those schemathesis makes from the merged document, sent through the door, and
the least request that fits with one value at a time made hostile. A short run takes a few of each address, `ANY_INPUT=20`
(`make fuzz`) every boundary of every parameter and twenty random ones. Left out of schemathesis' checks:
positive_data_acceptance (rules refuse what fits the form), ignored_auth and object_level_authorization (tests/access), those of
sequences (ids are given); unsupported_method and allow_header_conformance are `test_another_method_…`.
"""

import json
import os
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import SerializationNotPossible
from schemathesis.generation.meta import CoverageScenario
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from embedded.system import list_services
from services.gateway.system.service import merge_documents
from shared.auth import Role
from shared.db.migrate import has_database
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, SAMPLE_ID, fill_with_sample_rows
from tests.clients import SystemUnderTest

SEED = 620602
EXAMPLES_PER_OPERATION = int(os.environ.get("ANY_INPUT", "0"))
CASES_PER_OPERATION, HOSTILE_PER_OPERATION = 3, 3
METHOD_NOT_ALLOWED, TOO_LARGE = 405, 413
DINGTALK_ROOT = ("/gettoken", "/attendance/list", "/attendance/listRecord")
"""Addresses whose refusals are of DingTalk's form, 200 with an errcode, also for the method that DingTalk does not take."""
TOLERANT = ("/api/v1/sync/batch", "/api/v1/sync/watermelon", *DINGTALK_ROOT)
"""Also those that judge the items of a body one by one, and where WatermelonDB writes `null` for no time."""
PRECONDITION_FAILED, TUS_ROOT = 412, "/api/v1/uploads"
"""A request to tus without its version is refused by 412 (tus 1.0.0), whatever else is wrong with it."""
CHINESE = re.compile("[\u4e00-\u9fff]")
WITHOUT_MESSAGE = "填写有误: "
"""What an English message of pydantic follows that has no words of its own here."""
PLACES = ("/query/", "/path/", "/header/", "/cookie/")
"""Pointers to what stands outside the body."""
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
RESPONSE_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
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
    """Requests out of the document: of its boundaries (long, missing, other types), and with `ANY_INPUT` also random ones."""
    config = operation.schema.config.generation
    by_scenario: dict[str, Case[Any]] = {}
    every: list[Case[Any]] = []
    for case in operation.schema.iter_coverage_cases(
        operation, generation_modes=[mode], generation_config=config
    ):
        scenario = case.meta.phase.data.scenario
        if scenario is not CoverageScenario.UNSPECIFIED_HTTP_METHOD:  # sent by the test of methods
            by_scenario.setdefault(str(scenario), case)
            every.append(case)
    if EXAMPLES_PER_OPERATION:
        return [*every, *_generate_random_cases(operation, mode)]
    chosen = random.Random(f"{SEED} {operation.label}")
    return chosen.sample(list(by_scenario.values()), min(len(by_scenario), CASES_PER_OPERATION))


def _generate_random_cases(operation: Any, mode: GenerationMode) -> list[Case[Any]]:
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
        return []  # files and spreadsheets are sent by `generate_hostile_requests`
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


def write_lists(query: dict[str, Any] | None, one: Operation) -> dict[str, Any]:
    """The query with what is sent for a list of texts as the list that one text in an address is."""
    lists = {
        each["name"]
        for each in one.spec.get("parameters", [])
        if any(kind.get("type") == "array" for kind in (each["schema"], *each["schema"].get("anyOf", ())))
    }
    return {
        name: [
            part if isinstance(part, str) else str(part).lower()
            for part in (value if isinstance(value, list) else [value])
        ]
        if name in lists
        else value
        for name, value in (query or {}).items()
    }


def generate_requests(
    operation: Any, one: Operation, number: int
) -> Iterator[tuple[Case[Any], dict[str, Any]]]:
    """Schemathesis' requests as httpx takes them; on a short run addresses get such that fit and such that do not in turn."""
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    for mode in modes if EXAMPLES_PER_OPERATION else (modes[number % 2],):
        for case in generate_cases(operation, mode):
            for part in ("path_parameters", "query", "body"):
                value = getattr(case, part)
                written = write_lists(value, one) if part == "query" else value
                if isinstance(value, dict | list) and (replaced := replace_references(written)) != value:
                    setattr(case, part, replaced)  # schemathesis judges anew what is set
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
    operation: Any, one: Operation, caller: RoleClient, at: int
) -> Iterator[tuple[Case[Any], dict[str, Any]]]:
    """The least request that fits, with one hostile value after the other in turn in each of its fields."""
    path, query = caller.sample_inputs.build_path(one.path, one.spec)
    body = caller.sample_inputs.build_body(one.spec)
    fields = list(body["json"]) if isinstance(body.get("json"), dict) else []
    asked = [each["name"] for each in one.spec.get("parameters", []) if each["in"] == "query"]
    asked = [name for name in asked if name != "fields"]
    places = {each["name"]: "x" for each in one.spec.get("parameters", []) if each["in"] == "path"}
    taken = (
        HOSTILE_VALUES
        if EXAMPLES_PER_OPERATION
        else (HOSTILE_VALUES * 2)[at % len(HOSTILE_VALUES) :][:HOSTILE_PER_OPERATION]
    )
    for number, value in enumerate(taken, start=at):
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


def stands_in(pointer: str, value: Any) -> bool:
    """Whether a pointer leads to a part of a JSON value, or to a field that is missing in one."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for at, part in enumerate(parts, start=1):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return isinstance(value, dict) and at == len(parts)
    return True


def list_refusal_faults(answer: httpx.Response, sent: dict[str, Any]) -> list[str]:
    """What a refusal lacks: words in Chinese; pointers that lead to a place of the request."""
    if answer.headers.get("content-type") != "application/problem+json":
        return []
    problem = answer.json()
    errors = problem.get("errors", [])
    words = [problem["title"], problem.get("detail", problem["title"]), *(one["detail"] for one in errors)]
    faults = [
        f"not in Chinese: {text}" for text in words if not CHINESE.search(text.replace(WITHOUT_MESSAGE, ""))
    ]
    content = sent.get("content", "")
    try:
        body = sent["json"] if "json" in sent else json.loads(content)
    except ValueError:
        return faults
    pointers = [one.get("pointer", "") for one in errors]
    inside = [one for one in pointers if not one.startswith(PLACES)]
    return faults + [f"nowhere: {one}" for one in inside if not stands_in(one, body)]


def _describe_violation(case: Case[Any], answer: httpx.Response, sent: dict[str, Any]) -> str:
    checks = list(RESPONSE_CHECKS)
    if answer.status_code == 503 and "retry-after" in answer.headers:  # a neighbour is missing here
        checks.remove(not_a_server_error)
    is_tus_refusal = answer.status_code == PRECONDITION_FAILED and case.operation.path.startswith(TUS_ROOT)
    if case.operation.path in TOLERANT or is_tus_refusal or answer.status_code == TOO_LARGE:
        checks.remove(negative_data_rejection)
    try:
        case.validate_response(answer, checks=checks)
    except AssertionError as error:
        parts = getattr(error, "exceptions", (error,))
        said = " | ".join(str(part).split("\n\n")[0][:300] for part in parts)
    except BaseExceptionGroup as group:
        said = " | ".join(str(part).split("\n\n")[0][:200] for part in group.exceptions)
    else:
        said = "; ".join(list_refusal_faults(answer, sent))
    return said and (
        f"{sent['method']} {sent['url']} {_shorten(sent)} → {answer.status_code} {answer.text[:200]}: {said}"
    )


def _shorten(sent: dict[str, Any]) -> str:
    usual = {"User-Agent", "Accept-Encoding", "Accept", "Connection"}
    parts = {name: part for name, part in sent.items() if name not in {"method", "url"} and part}
    parts["headers"] = {
        name: str(value)[:80] for name, value in sent.get("headers", {}).items() if name not in usual
    }
    return str(parts)[:600]


@cache
def merge_all(apps: tuple[tuple[str, FastAPI], ...]) -> dict[str, Any]:
    """The document of all services as the door shows it."""
    documents = {name: app.openapi() for name, app in apps}
    return merge_documents(documents.pop("gateway"), documents, [])


def list_documents(doors: SystemUnderTest, service: str) -> Iterator[tuple[str, Any]]:
    """What to read and through which door: a service's part of the merged document, and its internal addresses."""
    own, merged = doors.apps[service].openapi(), merge_all(tuple(doors.apps.items()))
    shown = {path: item for path, item in merged["paths"].items() if path in own["paths"]}
    hidden = {path: item for path, item in own["paths"].items() if path not in shown}
    yield "gateway", schemathesis.openapi.from_dict({**merged, "paths": shown})
    yield service, schemathesis.openapi.from_dict({**own, "paths": hidden})


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("service", list_services())
async def test_no_request_makes_a_service_fail(doors: SystemUnderTest, service: str) -> None:
    for name in doors.apps if service == "gateway" else [service]:
        if has_database(name):
            await fill_with_sample_rows(doors, name)
    spoken = {(one.method, one.path): one for one in list_operations(service, doors.apps[service])}
    wrong: dict[str, str] = {}
    count = 0
    for through, document in list_documents(doors, service):
        callers = {
            role: RoleClient(doors, service, role, REGION_INSIDE, through=through) for role in (None, *Role)
        }
        for number, result in enumerate(document.get_all_operations()):
            operation = result.ok()
            one = spoken[operation.method, operation.path]
            caller = callers[
                next((role for role in Role if not one.is_public and one.allows_role(role)), None)
            ]
            made = (
                generate_requests(operation, one, number),
                generate_hostile_requests(operation, one, caller, number),
            )
            for case, sent in chain(*made):
                try:
                    answer = await caller.client.request(**sent)
                except httpx.InvalidURL:
                    continue  # longer than any client sends
                count += 1
                if said := _describe_violation(case, answer, sent):
                    wrong.setdefault(f"{one} {answer.status_code}", said)

    assert count > 2 * len(spoken)
    assert not wrong, "\n".join(["", *wrong.values()])


@pytest.mark.parametrize("service", list_services())
async def test_another_method_is_refused_with_those_there_are(doors: SystemUnderTest, service: str) -> None:
    paths = doors.apps[service].openapi()["paths"]
    client = RoleClient(doors, service, Role.BUREAU, REGION_INSIDE)
    wrong = []
    for path, spec in paths.items():
        declared = {method.upper() for method in spec} & METHODS
        address = client.sample_inputs.build_path(path, next(iter(spec.values())))[0]
        other = sorted(METHODS - declared)[len(path) % len(METHODS - declared)]
        answer = await client.client.request(other, address)
        offered = set(answer.headers.get("allow", "").split(", ")) - {"HEAD", "OPTIONS"}
        if answer.status_code != METHOD_NOT_ALLOWED or offered != declared | (
            {"GET", "POST"} if path in DINGTALK_ROOT else set()
        ):
            wrong.append(f"{other} {path}: {answer.status_code} Allow: {answer.headers.get('allow')}")

    assert not wrong, "\n".join(["", *wrong])
