"""Commitments of funds and the projects service stay consistent, whichever process dies in between."""

from datetime import timedelta
from typing import Any

import pytest

from services.funds.commitments.service import reconcile_commitments
from shared.db import new_id
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary

DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


async def create_submitted_plan(
    scenario: FundsScenario, library: FakeProjectLibrary, projects: int = 2
) -> tuple[dict[str, Any], list[Any]]:
    """Create a plan in SUBMITTED state: (plan, project ids)."""
    source = await scenario.create_source(1000_00)
    ids = [library.create_project(f"项目{n}") for n in range(projects)]
    plan = await scenario.create_plan(*[build_line(project_id, source["id"], 100_00) for project_id in ids])
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    return plan, ids


async def test_a_library_that_is_down_stops_approval_and_nothing_changes(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    plan, _ = await create_submitted_plan(scenario, library)
    library.is_down = True
    answer = await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION)
    expect_refusal(answer, 503)
    assert answer.headers["retry-after"]
    assert (await scenario.get_totals())["planned"] == 0
    library.is_down = False
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION))
    assert expect_ok(await scenario.finance.get("/funds/reconciliations/commitments")) == []


async def test_one_refused_project_undoes_the_others(
    scenario: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, (first, second) = await create_submitted_plan(scenario, library)
    library.refused_projects = {second}
    expect_refusal(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION), 409)
    assert library.list_committed_amounts(first) == ["100.00"]
    settled = expect_ok(await scenario.finance.post("/funds/reconciliations", json={}))
    assert settled == {"settled": 2, "open": 0}
    assert library.list_committed_amounts(first) == []
    library.refused_projects = set()
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION))
    assert library.list_committed_amounts(first) == library.list_committed_amounts(second) == ["100.00"]


async def test_an_approval_that_died_after_telling_the_library_is_undone(
    scenario: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, (first, _) = await create_submitted_plan(scenario, library)

    def die() -> None:
        raise RuntimeError("the process dies")

    library.after_commit = die
    expect_refusal(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION), 503)
    library.after_commit = None
    assert library.list_committed_amounts(first) == ["100.00"]
    waiting = expect_ok(await scenario.finance.get("/funds/reconciliations/commitments"))
    assert {item["state"] for item in waiting} == {"pending"}
    assert await reconcile_commitments(scenario.door.context) == (0, 0)
    clock.advance(timedelta(minutes=3))
    assert await reconcile_commitments(scenario.door.context) == (2, 0)
    assert library.list_committed_amounts(first) == []
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION))
    assert library.list_committed_amounts(first) == ["100.00"]
    await scenario.check_balanced()


async def test_an_approval_that_was_undone_while_it_ran_is_refused(
    scenario: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, ids = await create_submitted_plan(scenario, library, projects=1)

    async def slow() -> None:
        clock.advance(timedelta(minutes=3))
        await reconcile_commitments(scenario.door.context)

    library.after_commit = slow
    answer = await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION)
    expect_refusal(answer, 503)
    assert (await scenario.get_totals())["planned"] == 0
    library.after_commit = None
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION))
    assert library.list_committed_amounts(ids[0]) == ["100.00"]


async def test_a_release_waits_for_a_library_that_is_away(
    scenario: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, (first, _) = await create_submitted_plan(scenario, library)
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION))
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "cancel", reason="变更"))
    library.is_down = True
    assert await reconcile_commitments(scenario.door.context) == (0, 2)
    waiting = expect_ok(await scenario.finance.get("/funds/reconciliations/commitments"))
    assert all(item["last_error"] for item in waiting)
    library.is_down = False
    assert await reconcile_commitments(scenario.door.context) == (2, 0)
    assert library.list_committed_amounts(first) == []


@pytest.mark.parametrize("who", ["bureau", "auditor", "town_officer"])
async def test_only_finance_settles_half_done_commitments(scenario: FundsScenario, who: str) -> None:
    expect_refusal(await scenario.door.client_as(who).post("/funds/reconciliations", json={}), 403)


async def test_what_the_library_tells_is_remembered_and_older_news_is_not(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    path, moved = f"/funds/payments/{payment['id']}", build_project_moved(allocation["project_id"])
    news = [
        build_envelope("project.moved", allocation, 10, {**moved, "now": "under_construction"}),
        build_envelope("project.progressed", allocation, 11, _build_progress_reported(allocation, 60)),
        build_envelope("project.moved", allocation, 9, {**moved, "now": "terminated", "blocked": True}),
        build_envelope("project.progressed", allocation, 8, _build_progress_reported(allocation, 5)),
    ]
    assert await deliver_events(scenario, news) == {"received": 4, "stopped": None}
    offers = {
        available_action["action"]: available_action
        for available_action in expect_ok(await scenario.town.get(path))["available_actions"]
    }
    assert offers["submit"] == {"action": "submit", "label": "提交", "ready": True, "missing": []}
    blocked = build_envelope("project.moved", allocation, 12, {**moved, "now": "suspended"})
    await deliver_events(scenario, [blocked])
    offers = {
        available_action["action"]: available_action
        for available_action in expect_ok(await scenario.town.get(path))["available_actions"]
    }
    assert offers["submit"]["missing"][0]["code"] == "payment.project"


async def deliver_events(scenario: FundsScenario, news: list[dict[str, Any]]) -> Any:
    """Deliver events as the outbox relay of the projects service does."""
    token = scenario.door.system.service_token("projects", "funds")
    signed = {"Authorization": f"Bearer {token}"}
    return expect_ok(
        await scenario.door.anonymous_client().post("http://test/internal/events", json=news, headers=signed)
    )


def build_project_moved(project_id: str) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "was": "started",
        "now": "under_construction",
        "stage": "under_construction",
        "name": "机井",
        "category": "3.1",
        "industry": False,
        "blocked": False,
    }


def _build_progress_reported(overrides: dict[str, Any], percent: int) -> dict[str, Any]:
    return {
        "project_id": overrides["project_id"],
        "physical_percent": percent,
        "reported_on": "2024-05-20",
    }


def build_envelope(
    topic: str, overrides: dict[str, Any], version: int, after: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "cursor": f"0.{version:x}",
        "service": "projects",
        "type": topic,
        "subject": overrides["project_id"],
        "subject_version": version,
        "region": overrides["region"],
        "actor": "ma",
        "recorded_at": "2024-05-20T01:00:00Z",
        "ingested_at": "2024-05-20T01:00:00Z",
        "after": after,
    }
