"""Sequences of requests: what one answer made or named is read, moved and changed by the next, as the document links them.

Schemathesis infers the links (an id of an answer fits the parameter of another address) and walks them, the same way on every
run; creations and moves are sent the least body that fits, so that something is there to go on with. Each sequence begins with
the same rows: what it draws depends on what was answered, which an account ended or a secret renewed by an earlier one would
change. `ANY_INPUT` makes it longer. Not walked: gateway (only reads), files and sync (a piece of a file or a batch that follows
another is made by the storm of phones and by the uploads cut again and again, tests/sync and tests/files).
"""

import asyncio
import random
import re
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import SerializationNotPossible
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from shared.auth import Role
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, fill_with_sample_rows
from tests.api.test_fuzzing import EXAMPLES_PER_OPERATION, SEED, replace_references
from tests.clients import SystemUnderTest
from tests.conftest import DatabaseTemplates

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    use_after_free,
]
RESOURCES = {
    "funds": r"/api/v1/funds/(sources|payments)(/\{\w+_id\}(/\{action\})?)?$",
    "assets": r"/api/v1/assets(/\{asset_id\}(/(inspections|repairs|contracts))?)?$|/api/v1/assets/(repairs|contracts)/",
    "attendance": r"/api/v1/attendance/(leaves|errands|visits|deeds)(/\{\w+\})?(/\{action\})?$",
    "households": r"/api/v1/households/(clues|loans|jobs|measures)(/\{\w+_id\}(/(\{action\}|readings))?)?$",
    "identity": r"/api/v1/(users|clients|organisations)(/\{\w+_id\}(/(sessions|issuers|secret))?)?$",
    "projects": r"/api/v1/projects(/\{project_id\}(/(documents|progress|screenings|\{action\}))?)?$",
    "rectification": r"/api/v1/rectification/items(/\{item_id\}(/(progress|\{action\}))?)?$",
    "workplan": r"/api/v1/workplan/(plans|targets)(/\{\w+_id\}(/(actuals|compute))?)?$",
}
"""Addresses of each service that are walked: some kinds of records, their details, moves and parts."""
EMPTIED = "/sessions"
"""A list that DELETE empties is still there afterwards."""
SEQUENCES, STEPS = max(10, EXAMPLES_PER_OPERATION * 10), 10
ANSWER_SECONDS = 60


class Walk:
    """What sends the steps of all sequences of one service, and counts how far they came."""

    def __init__(self, doors: SystemUnderTest, templates: DatabaseTemplates, service: str) -> None:
        self.doors, self.templates, self.service = doors, templates, service
        self.loop = asyncio.get_running_loop()
        self.spoken: dict[tuple[str, str], Operation] = {
            (one.method, one.path): one for one in list_operations(service, doors.apps[service])
        }
        self.callers = {role: RoleClient(doors, service, role, REGION_INSIDE) for role in (None, *Role)}
        self.faults: list[str] = []
        self.sent = self.linked = self.reached = 0

    def begin(self) -> None:
        """The rows, the memory and the chances of the first sequence, for the next one."""
        self.chance = random.Random(SEED)
        self.versions: dict[str, int] = {}
        asyncio.run_coroutine_threadsafe(self._restore_rows(), self.loop).result(ANSWER_SECONDS)

    async def _restore_rows(self) -> None:
        context = self.doors.apps[self.service].state.context
        await context.clear_memory()
        if url := await context.database.detach_copy():
            self.templates.release_copy(url)
        await fill_with_sample_rows(self.doors, self.service)

    def send(self, case: Any, *, linked: bool) -> Response:
        """Send one step in the name of a role that may, in the loop of the services."""
        one = self.spoken[case.operation.method, case.operation.path]
        roles = [role for role in Role if not one.is_public and one.allows_role(role)]
        caller = self.callers[self.chance.choice(roles) if roles else None]
        if not linked:
            case.path_parameters = replace_references(dict(case.path_parameters or {}))
        case.query = replace_references(dict(case.query or {}))
        case.query.pop("fields", None)
        sent = {**case.as_transport_kwargs(base_url="http://test"), "method": one.method.upper()}
        headers = {name: value for name, value in sent["headers"].items() if name.lower() != "authorization"}
        for value in (case.path_parameters or {}).values():
            if str(value) in self.versions:
                headers["If-Match"] = f'"{self.versions[str(value)]}"'
        request = {"method": one.method.upper(), "url": sent["url"], "params": case.query, "headers": headers}
        body = caller.sample_inputs.build_body(one.spec)
        if "json" in body:
            headers.pop("Content-Type", None)
        elif isinstance(sent.get("data"), str | bytes):
            body = {"content": sent["data"]}
        future = asyncio.run_coroutine_threadsafe(caller.client.request(**request, **body), self.loop)
        answer = future.result(ANSWER_SECONDS)
        self._note(answer, linked=linked)
        return Response.from_any(answer)

    def _note(self, answer: Any, *, linked: bool) -> None:
        self.sent += 1
        self.linked += linked
        self.reached += linked and answer.is_success
        is_json = answer.content and "json" in answer.headers.get("content-type", "")
        found = answer.json() if is_json else None
        if isinstance(found, dict) and isinstance(found.get("version"), int):
            self.versions[str(found.get("id"))] = found["version"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("service", RESOURCES)
async def test_no_sequence_of_requests_makes_a_service_fail(
    doors: SystemUnderTest, templates: DatabaseTemplates, service: str
) -> None:
    walk = Walk(doors, templates, service)
    full = doors.apps[service].openapi()
    paths = {path: item for path, item in full["paths"].items() if re.match(RESOURCES[service], path)}
    document = schemathesis.openapi.from_dict({**full, "paths": paths})

    class Sequence(document.as_state_machine()):  # type: ignore[misc]
        """One sequence."""

        def setup(self) -> None:
            walk.begin()

        def step(self, step: Any) -> Any:
            self.linked = step.is_applied
            return super().step(step)

        def call(self, case: Any, **_options: Any) -> Response:
            try:
                return walk.send(case, linked=self.linked)
            except SerializationNotPossible:
                hypothesis.reject()

        def validate_response(self, response: Response, case: Any, *_more: Any, **_options: Any) -> None:
            if response.status_code == 503:  # a neighbour is missing here
                return
            is_emptied = case.operation.path.endswith(EMPTIED)
            checks = [one for one in CHECKS if not (is_emptied and one is use_after_free)]
            try:
                case.validate_response(response, checks=checks, recorder=self.recorder)
            except (AssertionError, FailureGroup) as fault:  # raised, it would only be played again
                walk.faults.append(f"{case.operation.label} → {response.status_code}: {fault}")

    settings = hypothesis.settings(
        max_examples=SEQUENCES,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(Sequence.run, settings=settings)

    assert not walk.faults, "\n".join(walk.faults)
    assert walk.reached > 0, (
        f"{walk.sent} sent, {walk.linked} with what an earlier one answered, {walk.reached} with success"
    )
