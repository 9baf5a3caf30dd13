"""A changed rule reaches the days concerned, except signed ones; unchanged days are not written."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.attendance.days import consumers, service
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


async def run_recalculations(attendance: ServiceUnderTest) -> int:
    steps = 0
    while await project_next_batch(attendance.context):
        pass
    while await consumers.recalculate_next_chunk(attendance.context):
        steps += 1
    return steps


async def get_days_by_person(client: httpx.AsyncClient, **params: Any) -> dict[tuple[str, str], Any]:
    items = (await get_json(client, "/attendance/days", limit=200, **params))["items"]
    return {(day["person"], day["work_date"]): day for day in items}


async def test_a_changed_rule_recalculates_the_days_concerned_except_signed_ones(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, bureau: httpx.AsyncClient, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(consumers, "MAX_DAYS_PER_CHUNK", 2)  # persons a step, so that it takes several
    persons = ["li", "wang", "zhao"]
    await create_post(town, *persons, since="2024-04-29")
    clock.advance(timedelta(days=12))
    await refresh_provisional_days(attendance.context)
    await run_recalculations(attendance)
    before = await get_days_by_person(bureau)
    assert len(before) == 34 * len(persons)
    assert before["li", "2024-05-20"]["result"] == "unexplained"
    body = {"region": VILLAGE, "month": "2024-04"}
    await post_json(town, "/attendance/months/sign", body, 200)
    rule_refs = {key: day["rule_refs"] for key, day in before.items()}

    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    steps = await run_recalculations(attendance)
    assert steps > 30, "a bounded set of persons at a time"
    after = await get_days_by_person(bureau)
    for person in persons:
        assert after[person, "2024-05-20"]["result"] == "present", "evaluated by the new rule"
        sunday = after[person, "2024-05-19"]
        assert sunday["result"] == "rest"
        assert sunday["rule_refs"] != rule_refs[person, "2024-05-19"], "by the new rule all the same"
        signed = after[person, "2024-04-30"]
        assert (signed["result"], signed["frozen"]) == ("unexplained", True)
        assert signed["after_signature"]["result"] == "present"
    assert await consumers.recalculate_next_chunk(attendance.context) == 0


async def test_a_recalculation_restarts_after_a_newer_rule_change(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, bureau: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", since="2024-05-13")
    await create_post(
        attendance.client_as("town_officer", "620602101000"), "chen", region=OTHER_VILLAGE, since="2024-05-13"
    )
    await run_recalculations(attendance)
    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    await project_next_batch(attendance.context)
    assert await consumers.recalculate_next_chunk(attendance.context) == 2
    days = await get_days_by_person(bureau)
    assert days["li", "2024-05-20"]["result"] == "present", "the newest day first"
    assert days["li", "2024-05-13"]["result"] == "unexplained"
    await set_rule(attendance, "check_in.switches", own_check_in=True, imports=True)
    await run_recalculations(attendance)
    assert {day["result"] for day in (await get_days_by_person(bureau)).values()} == {"unexplained", "rest"}


async def test_a_day_in_many_events_is_evaluated_once_and_written_only_if_changed(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chunk_sizes: list[int] = []
    evaluate_apart = service.evaluate_apart

    async def counted(context: Any, pairs: Any, *turn: Any) -> int:
        chunk_sizes.append(len(pairs))
        return await evaluate_apart(context, pairs, *turn)

    monkeypatch.setattr("services.attendance.days.consumers.evaluate_apart", counted)
    await run_recalculations(attendance)
    chunk_sizes.clear()
    check_in = build_check_in(clock)
    for _ in range(12):
        await submit_check_in(cadre, {**check_in, "id": build_check_in(clock)["id"]})
    await run_recalculations(attendance)
    assert sum(chunk_sizes) == 1
    ((_, first),) = (await get_days_by_person(cadre, **{"from": "2024-05-20", "to": "2024-05-20"})).items()
    attendance.context.memory.pop("refreshed_on", None)
    await refresh_provisional_days(attendance.context)
    ((_, again),) = (await get_days_by_person(cadre, **{"from": "2024-05-20", "to": "2024-05-20"})).items()
    assert again["version"] == first["version"]
