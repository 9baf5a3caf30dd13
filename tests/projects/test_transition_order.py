"""Random transition sequences: the state always follows the lifecycle table, and the event log records every transition."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.projects.factories_projects import (
    APPRAISAL_STATEMENTS,
    ENDORSEMENT_STATEMENTS,
    ProjectScenario,
    expect_success,
)
from tests.projects.test_lifecycle import LEGAL_TRANSITIONS

ACTIONS = sorted({action for _, action in LEGAL_TRANSITIONS} - {"progress", "hand_over", "close"})
ACTION_BODY: dict[str, Any] = {
    "statements": [*ENDORSEMENT_STATEMENTS, *APPRAISAL_STATEMENTS],
    "opinion": "同意",
    "reason": "按程序办理",
    "decision_no": "8号",
    "procurement": "village_build",
    "settled": "980000.00",
}
attempts_strategy = st.lists(
    st.tuples(st.sampled_from(["clerk", "town", "line", "bureau"]), st.sampled_from(ACTIONS)), max_size=12
)


@pytest.mark.parametrize("start", ["declared", "in_appraisal", "in_reserve", "started"])
async def test_transitions_in_any_order_follow_the_lifecycle_table(
    scenario: ProjectScenario, start: str
) -> None:
    project_id = await getattr(scenario, f"create_{start}")()
    await _attach_documents(scenario, project_id)
    loop = asyncio.get_running_loop()
    performed: list[tuple[str, str, str]] = []

    async def attempt(sequence: list[tuple[str, str]]) -> None:
        for person, action in sequence:
            was = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
            body = {**ACTION_BODY, "decision_on": str(scenario.today())}
            answer = await getattr(scenario, person).post(f"/projects/{project_id}/{action}", json=body)
            assert answer.status_code in {200, 403, 409}, answer.text
            now = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
            if answer.status_code != 200 or "idempotent-replayed" in answer.headers:
                assert (now["state"], now["version"]) == (was["state"], was["version"])
                continue
            target, _ = LEGAL_TRANSITIONS[was["state"], action]
            assert now["state"] == target or (
                target is None and now["state"] in {"started", "under_construction"}
            )
            performed.append((action, was["state"], now["state"]))

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(attempts_strategy)
    def run(sequence: list[tuple[str, str]]) -> None:
        asyncio.run_coroutine_threadsafe(attempt(sequence), loop).result(60)

    await asyncio.to_thread(run)
    items = expect_success(await scenario.bureau.get(f"/projects/{project_id}/history?limit=500"))["items"]
    moves = [
        (item["before"]["state"], item["after"]["now"]) for item in items if item["type"] == "project.moved"
    ]
    assert moves[len(moves) - len(performed) :] == [(was, now) for _, was, now in performed]
    assert all(after == before for (_, after), (before, _) in itertools.pairwise(moves))


async def _attach_documents(scenario: ProjectScenario, project_id: str) -> None:
    for kind in ("implementation_plan", "acceptance"):
        await scenario.attach_document(project_id, kind, scenario.town)
