"""A changed rule reaches the days it concerns, signed ones excepted; what did not change is not written."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.attendance.days import consumers as recounts
from services.attendance.days import service as days
from services.attendance.days.consumers import project_next_batch, refresh_provisional_days
from tests.attendance.factories_attendance import (
    build_check_in,
    create_post,
    get_json,
    post_json,
    set_rule,
    submit_check_in,
)
from tests.clients import VILLAGE, ServiceUnderTest
from tests.conftest import Clock

OTHER_VILLAGE = "620602101201"


async def run_recalculations(door: ServiceUnderTest) -> int:
    steps = 0
    while await project_next_batch(door.context):
        pass
    while await recounts.recalculate_next_chunk(door.context):
        steps += 1
    return steps


async def get_days_by_person(client: httpx.AsyncClient, **asked: Any) -> dict[tuple[str, str], Any]:
    items = (await get_json(client, "/attendance/days", limit=200, **asked))["items"]
    return {(one["person"], one["work_date"]): one for one in items}


async def test_a_changed_rule_reaches_the_days_it_concerns_and_no_signed_one(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, bureau: httpx.AsyncClient, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(recounts, "MAX_DAYS_PER_CHUNK", 2)  # persons a step, so that it takes several
    names = ["li", "wang", "zhao"]
    await create_post(town, *names, since="2024-04-29")
    clock.advance(timedelta(days=12))
    await refresh_provisional_days(attendance.context)
    await run_recalculations(attendance)
    before = await get_days_by_person(bureau)
    assert len(before) == 34 * len(names)
    assert before["li", "2024-05-20"]["result"] == "unexplained"
    body = {"region": VILLAGE, "month": "2024-04"}
    await post_json(town, "/attendance/months/sign", body, 200)
    rules = {key: one["rule_refs"] for key, one in before.items()}

    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    steps = await run_recalculations(attendance)
    assert steps > 30, "a bounded set of persons at a time"
    after = await get_days_by_person(bureau)
    for name in names:
        assert after[name, "2024-05-20"]["result"] == "present", "reckoned by the new rule"
        sunday = after[name, "2024-05-19"]
        assert sunday["result"] == "rest"
        assert sunday["rule_refs"] != rules[name, "2024-05-19"], "by the new rule all the same"
        signed = after[name, "2024-04-30"]
        assert (signed["result"], signed["frozen"]) == ("unexplained", True)
        assert signed["after_signature"]["result"] == "present"
    assert await recounts.recalculate_next_chunk(attendance.context) == 0


async def test_a_recount_goes_on_where_it_was_and_begins_anew_for_a_newer_change(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, bureau: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", since="2024-05-13")
    await create_post(
        attendance.client_as("town_officer", "620602101000"), "chen", region=OTHER_VILLAGE, since="2024-05-13"
    )
    await run_recalculations(attendance)
    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    await project_next_batch(attendance.context)
    assert await recounts.recalculate_next_chunk(attendance.context) == 2
    half = await get_days_by_person(bureau)
    assert half["li", "2024-05-20"]["result"] == "present", "the newest day first"
    assert half["li", "2024-05-13"]["result"] == "unexplained"
    await set_rule(attendance, "check_in.switches", own_check_in=True, imports=True)
    await run_recalculations(attendance)
    assert {one["result"] for one in (await get_days_by_person(bureau)).values()} == {"unexplained", "rest"}


async def test_a_day_touched_often_is_reckoned_once_and_written_only_when_it_changes(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets: list[int] = []
    whole = days.evaluate_chunk

    async def counted(work: Any, pairs: Any) -> int:
        sets.append(len(pairs))
        return await whole(work, pairs)

    monkeypatch.setattr("services.attendance.days.consumers.evaluate_chunk", counted)
    await run_recalculations(attendance)
    sets.clear()
    tap = build_check_in(clock)
    for _ in range(12):
        await submit_check_in(cadre, {**tap, "id": build_check_in(clock)["id"]})
    await run_recalculations(attendance)
    assert sum(sets) == 1
    ((_, first),) = (await get_days_by_person(cadre, **{"from": "2024-05-20", "to": "2024-05-20"})).items()
    attendance.context.memory.pop("ripened", None)
    await refresh_provisional_days(attendance.context)
    ((_, again),) = (await get_days_by_person(cadre, **{"from": "2024-05-20", "to": "2024-05-20"})).items()
    assert again["version"] == first["version"]
