"""Funds and library never disagree for long: whatever dies in between is finished or undone."""

from datetime import timedelta
from typing import Any

import pytest

from services.funds.commitments.service import reconcile
from shared.auth import service_token
from shared.ids import new_id
from tests.conftest import Clock
from tests.funds.desk import Desk, line, ok, refused
from tests.funds.library import Library

DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


async def submitted(desk: Desk, library: Library, projects: int = 2) -> tuple[dict[str, Any], list[Any]]:
    """A plan that waits for approval, and its projects."""
    source = await desk.source(1000_00)
    ids = [library.project(f"项目{n}") for n in range(projects)]
    plan = await desk.plan(*[line(one, source["id"], 100_00) for one in ids])
    ok(await desk.act(desk.bureau, plan["id"], "submit"))
    return plan, ids


async def test_a_library_that_is_down_stops_approval_and_nothing_changes(
    desk: Desk, library: Library
) -> None:
    plan, _ = await submitted(desk, library)
    library.down = True
    answer = await desk.act(desk.finance, plan["id"], "approve", **DECISION)
    refused(answer, 503)
    assert answer.headers["retry-after"]
    assert (await desk.figures())["planned"] == 0
    library.down = False
    ok(await desk.act(desk.finance, plan["id"], "approve", **DECISION))
    assert ok(await desk.finance.get("/funds/reconciliations/commitments")) == []


async def test_one_refused_project_undoes_the_others(desk: Desk, library: Library, clock: Clock) -> None:
    plan, (first, second) = await submitted(desk, library)
    library.refuses = {second}
    refused(await desk.act(desk.finance, plan["id"], "approve", **DECISION), 409)
    assert library.held(first) == ["100.00"]
    settled = ok(await desk.finance.post("/funds/reconciliations", json={}))
    assert settled == {"settled": 2, "open": 0}
    assert library.held(first) == []
    library.refuses = set()
    ok(await desk.act(desk.finance, plan["id"], "approve", **DECISION))
    assert library.held(first) == library.held(second) == ["100.00"]


async def test_an_approval_that_died_after_telling_the_library_is_undone(
    desk: Desk, library: Library, clock: Clock
) -> None:
    plan, (first, _) = await submitted(desk, library)

    def die() -> None:
        raise RuntimeError("the process dies")

    library.after_commit = die
    refused(await desk.act(desk.finance, plan["id"], "approve", **DECISION), 503)
    library.after_commit = None
    assert library.held(first) == ["100.00"]
    waiting = ok(await desk.finance.get("/funds/reconciliations/commitments"))
    assert {one["state"] for one in waiting} == {"pending"}
    assert await reconcile(desk.door.context) == (0, 0)
    clock.advance(timedelta(minutes=3))
    assert await reconcile(desk.door.context) == (2, 0)
    assert library.held(first) == []
    ok(await desk.act(desk.finance, plan["id"], "approve", **DECISION))
    assert library.held(first) == ["100.00"]
    await desk.balanced()


async def test_an_approval_that_was_undone_while_it_ran_is_refused(
    desk: Desk, library: Library, clock: Clock
) -> None:
    plan, ids = await submitted(desk, library, projects=1)

    async def slow() -> None:
        clock.advance(timedelta(minutes=3))
        await reconcile(desk.door.context)

    library.after_commit = slow
    answer = await desk.act(desk.finance, plan["id"], "approve", **DECISION)
    refused(answer, 503)
    assert (await desk.figures())["planned"] == 0
    library.after_commit = None
    ok(await desk.act(desk.finance, plan["id"], "approve", **DECISION))
    assert library.held(ids[0]) == ["100.00"]


async def test_a_release_waits_for_a_library_that_is_away(desk: Desk, library: Library, clock: Clock) -> None:
    plan, (first, _) = await submitted(desk, library)
    ok(await desk.act(desk.finance, plan["id"], "approve", **DECISION))
    ok(await desk.act(desk.finance, plan["id"], "cancel", reason="变更"))
    library.down = True
    assert await reconcile(desk.door.context) == (0, 2)
    waiting = ok(await desk.finance.get("/funds/reconciliations/commitments"))
    assert all(one["last_error"] for one in waiting)
    library.down = False
    assert await reconcile(desk.door.context) == (2, 0)
    assert library.held(first) == []


@pytest.mark.parametrize("who", ["bureau", "auditor", "town_officer"])
async def test_only_finance_settles_half_done_commitments(desk: Desk, who: str) -> None:
    refused(await desk.door.as_(who).post("/funds/reconciliations", json={}), 403)


async def test_what_the_library_tells_is_remembered_and_older_news_is_not(
    desk: Desk, library: Library
) -> None:
    given = await desk.allocation(1000_00)
    payment = await desk.draft_payment(given["id"], 100_00)
    path, moved = f"/funds/payments/{payment['id']}", _moved(given["project_id"])
    news = [
        _envelope("project.moved", given, 10, {**moved, "now": "under_construction"}),
        _envelope("project.progressed", given, 11, _progress(given, 60)),
        _envelope("project.moved", given, 9, {**moved, "now": "terminated", "blocked": True}),
        _envelope("project.progressed", given, 8, _progress(given, 5)),
    ]
    assert await _told(desk, news) == {"received": 4, "stopped": None}
    offers = {one["action"]: one for one in ok(await desk.town.get(path))["available_actions"]}
    assert offers["submit"] == {"action": "submit", "label": "提交", "ready": True, "missing": []}
    blocked = _envelope("project.moved", given, 12, {**moved, "now": "suspended"})
    await _told(desk, [blocked])
    offers = {one["action"]: one for one in ok(await desk.town.get(path))["available_actions"]}
    assert offers["submit"]["missing"][0]["code"] == "payment.project"


async def _told(desk: Desk, news: list[dict[str, Any]]) -> Any:
    """The library's relay delivers."""
    context = desk.door.context
    token = service_token(context.settings, "projects", context.itself(), context.clock())
    signed = {"Authorization": f"Bearer {token}"}
    return ok(await desk.door.nobody().post("http://test/internal/events", json=news, headers=signed))


def _moved(project_id: str) -> dict[str, Any]:
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


def _progress(given: dict[str, Any], percent: int) -> dict[str, Any]:
    return {
        "project_id": given["project_id"],
        "physical_percent": percent,
        "reported_on": "2024-05-20",
    }


def _envelope(topic: str, given: dict[str, Any], version: int, after: dict[str, Any]) -> dict[str, Any]:
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
