"""Funds and library never disagree for long: whatever dies in between is finished or undone."""

from datetime import timedelta
from typing import Any

import pytest

from services.funds.commitments.service import reconcile_commitments
from shared.auth import issue_service_token
from shared.db import new_id
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary

DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


async def create_submitted_plan(
    desk: FundsScenario, library: FakeProjectLibrary, projects: int = 2
) -> tuple[dict[str, Any], list[Any]]:
    """A plan that waits for approval, and its projects."""
    source = await desk.create_source(1000_00)
    ids = [library.create_project(f"项目{n}") for n in range(projects)]
    plan = await desk.create_plan(*[build_line(one, source["id"], 100_00) for one in ids])
    expect_ok(await desk.transition_plan(desk.bureau, plan["id"], "submit"))
    return plan, ids


async def test_a_library_that_is_down_stops_approval_and_nothing_changes(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    plan, _ = await create_submitted_plan(desk, library)
    library.is_down = True
    answer = await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION)
    expect_refusal(answer, 503)
    assert answer.headers["retry-after"]
    assert (await desk.get_totals())["planned"] == 0
    library.is_down = False
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION))
    assert expect_ok(await desk.finance.get("/funds/reconciliations/commitments")) == []


async def test_one_refused_project_undoes_the_others(
    desk: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, (first, second) = await create_submitted_plan(desk, library)
    library.refused_projects = {second}
    expect_refusal(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION), 409)
    assert library.list_committed_amounts(first) == ["100.00"]
    settled = expect_ok(await desk.finance.post("/funds/reconciliations", json={}))
    assert settled == {"settled": 2, "open": 0}
    assert library.list_committed_amounts(first) == []
    library.refused_projects = set()
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION))
    assert library.list_committed_amounts(first) == library.list_committed_amounts(second) == ["100.00"]


async def test_an_approval_that_died_after_telling_the_library_is_undone(
    desk: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, (first, _) = await create_submitted_plan(desk, library)

    def die() -> None:
        raise RuntimeError("the process dies")

    library.after_commit = die
    expect_refusal(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION), 503)
    library.after_commit = None
    assert library.list_committed_amounts(first) == ["100.00"]
    waiting = expect_ok(await desk.finance.get("/funds/reconciliations/commitments"))
    assert {one["state"] for one in waiting} == {"pending"}
    assert await reconcile_commitments(desk.door.context) == (0, 0)
    clock.advance(timedelta(minutes=3))
    assert await reconcile_commitments(desk.door.context) == (2, 0)
    assert library.list_committed_amounts(first) == []
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION))
    assert library.list_committed_amounts(first) == ["100.00"]
    await desk.check_balanced()


async def test_an_approval_that_was_undone_while_it_ran_is_refused(
    desk: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, ids = await create_submitted_plan(desk, library, projects=1)

    async def slow() -> None:
        clock.advance(timedelta(minutes=3))
        await reconcile_commitments(desk.door.context)

    library.after_commit = slow
    answer = await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION)
    expect_refusal(answer, 503)
    assert (await desk.get_totals())["planned"] == 0
    library.after_commit = None
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION))
    assert library.list_committed_amounts(ids[0]) == ["100.00"]


async def test_a_release_waits_for_a_library_that_is_away(
    desk: FundsScenario, library: FakeProjectLibrary, clock: Clock
) -> None:
    plan, (first, _) = await create_submitted_plan(desk, library)
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION))
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "cancel", reason="变更"))
    library.is_down = True
    assert await reconcile_commitments(desk.door.context) == (0, 2)
    waiting = expect_ok(await desk.finance.get("/funds/reconciliations/commitments"))
    assert all(one["last_error"] for one in waiting)
    library.is_down = False
    assert await reconcile_commitments(desk.door.context) == (2, 0)
    assert library.list_committed_amounts(first) == []


@pytest.mark.parametrize("who", ["bureau", "auditor", "town_officer"])
async def test_only_finance_settles_half_done_commitments(desk: FundsScenario, who: str) -> None:
    expect_refusal(await desk.door.client_as(who).post("/funds/reconciliations", json={}), 403)


async def test_what_the_library_tells_is_remembered_and_older_news_is_not(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    given = await desk.create_allocation(1000_00)
    payment = await desk.create_payment(given["id"], 100_00)
    path, moved = f"/funds/payments/{payment['id']}", _build_project_moved(given["project_id"])
    news = [
        _build_envelope("project.moved", given, 10, {**moved, "now": "under_construction"}),
        _build_envelope("project.progressed", given, 11, _build_progress_reported(given, 60)),
        _build_envelope("project.moved", given, 9, {**moved, "now": "terminated", "blocked": True}),
        _build_envelope("project.progressed", given, 8, _build_progress_reported(given, 5)),
    ]
    assert await _deliver_events(desk, news) == {"received": 4, "stopped": None}
    offers = {one["action"]: one for one in expect_ok(await desk.town.get(path))["available_actions"]}
    assert offers["submit"] == {"action": "submit", "label": "提交", "ready": True, "missing": []}
    blocked = _build_envelope("project.moved", given, 12, {**moved, "now": "suspended"})
    await _deliver_events(desk, [blocked])
    offers = {one["action"]: one for one in expect_ok(await desk.town.get(path))["available_actions"]}
    assert offers["submit"]["missing"][0]["code"] == "payment.project"


async def _deliver_events(desk: FundsScenario, news: list[dict[str, Any]]) -> Any:
    """The library's relay delivers."""
    context = desk.door.context
    token = issue_service_token(context.settings, "projects", context.service_actor(), context.clock())
    signed = {"Authorization": f"Bearer {token}"}
    return expect_ok(
        await desk.door.anonymous_client().post("http://test/internal/events", json=news, headers=signed)
    )


def _build_project_moved(project_id: str) -> dict[str, Any]:
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


def _build_progress_reported(given: dict[str, Any], percent: int) -> dict[str, Any]:
    return {
        "project_id": given["project_id"],
        "physical_percent": percent,
        "reported_on": "2024-05-20",
    }


def _build_envelope(topic: str, given: dict[str, Any], version: int, after: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "cursor": f"0.{version:x}",
        "service": "projects",
        "type": topic,
        "subject": given["project_id"],
        "subject_version": version,
        "region": given["region"],
        "actor": "ma",
        "recorded_at": "2024-05-20T01:00:00Z",
        "ingested_at": "2024-05-20T01:00:00Z",
        "after": after,
    }
