"""A changed rule reaches the days it concerns, signed ones excepted; what did not change is not written."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.attendance.days import service as days
from services.attendance.days.follow import follow, ripen
from services.attendance.recounts import service as recounts
from tests.attendance.world import a_post, a_tap, read, sent, set_rule, tapped
from tests.conftest import Clock
from tests.doors import VILLAGE, Door

OTHER = "620602101201"


async def reckoned(door: Door) -> int:
    steps = 0
    while await follow(door.context):
        pass
    while await recounts.step(door.context):
        steps += 1
    return steps


async def found(client: httpx.AsyncClient, **asked: Any) -> dict[tuple[str, str], Any]:
    items = (await read(client, "/attendance/days", limit=200, **asked))["items"]
    return {(one["person"], one["work_date"]): one for one in items}


async def test_a_changed_rule_reaches_the_days_it_concerns_and_no_signed_one(
    attendance: Door, town: httpx.AsyncClient, bureau: httpx.AsyncClient, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(recounts, "SOME", 2)  # persons a step, so that it takes several
    names = ["li", "wang", "zhao"]
    await a_post(town, *names, since="2024-04-29")
    clock.advance(timedelta(days=12))
    await ripen(attendance.context)
    await reckoned(attendance)
    before = await found(bureau)
    assert len(before) == 34 * len(names)
    assert before["li", "2024-05-20"]["result"] == "unexplained"
    body = {"region": VILLAGE, "month": "2024-04"}
    await sent(town, "/attendance/months/sign", body, 200)
    rules = {key: one["rule_refs"] for key, one in before.items()}

    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    steps = await reckoned(attendance)
    assert steps > 30, "a bounded set of persons at a time"
    after = await found(bureau)
    for name in names:
        assert after[name, "2024-05-20"]["result"] == "present", "reckoned by the new rule"
        sunday = after[name, "2024-05-19"]
        assert sunday["result"] == "rest"
        assert sunday["rule_refs"] != rules[name, "2024-05-19"], "by the new rule all the same"
        signed = after[name, "2024-04-30"]
        assert (signed["result"], signed["frozen"]) == ("unexplained", True)
        assert signed["after_signature"]["result"] == "present"
    assert await recounts.step(attendance.context) == 0


async def test_a_recount_goes_on_where_it_was_and_begins_anew_for_a_newer_change(
    attendance: Door, town: httpx.AsyncClient, bureau: httpx.AsyncClient, clock: Clock
) -> None:
    await a_post(town, "li", since="2024-05-13")
    await a_post(attendance.as_("town_officer", "620602101000"), "chen", region=OTHER, since="2024-05-13")
    await reckoned(attendance)
    await set_rule(attendance, "check_in.switches", own_check_in=False, imports=False)
    await follow(attendance.context)
    assert await recounts.step(attendance.context) == 2
    half = await found(bureau)
    assert half["li", "2024-05-20"]["result"] == "present", "the newest day first"
    assert half["li", "2024-05-13"]["result"] == "unexplained"
    await set_rule(attendance, "check_in.switches", own_check_in=True, imports=True)
    await reckoned(attendance)
    assert {one["result"] for one in (await found(bureau)).values()} == {"unexplained", "rest"}


async def test_a_day_touched_often_is_reckoned_once_and_written_only_when_it_changes(
    attendance: Door, cadre: httpx.AsyncClient, post: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets: list[int] = []
    whole = days.reckon_some

    async def counted(work: Any, pairs: Any) -> int:
        sets.append(len(pairs))
        return await whole(work, pairs)

    monkeypatch.setattr("services.attendance.days.follow.reckon_some", counted)
    await reckoned(attendance)
    sets.clear()
    tap = a_tap(clock)
    for _ in range(12):
        await tapped(cadre, {**tap, "id": a_tap(clock)["id"]})
    await reckoned(attendance)
    assert sum(sets) == 1
    ((_, first),) = (await found(cadre, **{"from": "2024-05-20", "to": "2024-05-20"})).items()
    attendance.context.kept.pop("ripened", None)
    await ripen(attendance.context)
    ((_, again),) = (await found(cadre, **{"from": "2024-05-20", "to": "2024-05-20"})).items()
    assert again["version"] == first["version"]
