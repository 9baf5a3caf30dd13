"""Check-ins that arrive together share a transaction, and nobody bears another's failure."""

import asyncio
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.taking import Caller, Digests, Insert, write_all
from shared.lane import Lane
from tests.attendance.world import a_post, a_tap, read, sent, tapped
from tests.conftest import Clock
from tests.doors import Door

WRITE_ALL = "services.attendance.check_ins.gathering.write_all"


async def test_forty_at_once_are_forty_records_and_forty_events_in_few_commits(
    attendance: Door, town: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = [f"p{n}" for n in range(40)]
    await a_post(town, *persons)
    sizes: list[int] = []

    async def counted(callers: list[Caller], insert: Insert, digests: Digests) -> None:
        sizes.append(len(callers))
        await write_all(callers, insert, digests)

    monkeypatch.setattr(WRITE_ALL, counted)
    clients = [attendance.as_("cadre", person=one) for one in persons]
    results = await asyncio.gather(
        *(tapped(one, a_tap(clock, device=f"d{n}")) for n, one in enumerate(clients))
    )
    assert {one["result"] for one in results} == {"applied"}
    assert sum(sizes) == 40
    assert len(sizes) < 20
    assert len((await read(town, "/attendance/check-ins", limit=100))["items"]) == 40
    told = (await read(attendance.as_("bureau"), "/attendance/events?limit=500"))["items"]
    assert sum(one["type"] == "check_in.recorded" for one in told) == 40


async def test_a_tap_costs_two_statements_at_most(
    attendance: Door,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await tapped(cadre, a_tap(clock))
    attendance.context.kept.clear()
    seen: list[str] = []
    database = attendance.context.database
    engines = [database.writer.sync_engine]
    if database.dialect == "sqlite":
        engines.append(database.reader.sync_engine)

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "ROLLBACK", "COMMIT")):
            seen.append(statement)

    whole = Lane.run

    async def noted(lane: Lane, statement: bytes, values: Any) -> Any:
        seen.append(statement.decode())
        return await whole(lane, statement, values)

    monkeypatch.setattr(Lane, "run", noted)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        await tapped(cadre, a_tap(clock))
        cold, seen[:] = len(seen), []
        await tapped(cadre, a_tap(clock))
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)
    extra = 0 if database.dialect == "postgresql" else 1
    assert (cold, len(seen)) == (2 + extra, 1 + extra)


async def test_a_neighbour_who_may_not_spoils_nobody(
    attendance: Door, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    lost = {**a_tap(clock), "photo": "0190f0a0-0000-7000-8000-000000000009"}
    good, bad = await asyncio.gather(
        cadre.post("/attendance/check-ins", json=a_tap(clock)),
        attendance.as_("cadre", person="wang").post("/attendance/check-ins", json=lost),
    )
    assert (good.status_code, bad.status_code) == (201, 422)
    assert bad.json()["errors"][0]["pointer"] == "/photo"


async def test_a_failed_transaction_is_tried_again_one_by_one(
    attendance: Door, town: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_post(town, "li", "wang", "zhao")

    async def breaks_for_wang(callers: list[Caller], insert: Insert, digests: Digests) -> None:
        if any(one.actor.id == "wang" for one in callers):
            raise RuntimeError("a bug that only wang meets")
        await write_all(callers, insert, digests)

    monkeypatch.setattr(WRITE_ALL, breaks_for_wang)
    names = ("li", "wang", "zhao")
    taps = [a_tap(clock, device=name) for name in names]
    clients = [attendance.as_("cadre", person=name) for name in names]
    found = await asyncio.gather(
        *(one.post("/attendance/check-ins", json=tap) for one, tap in zip(clients, taps, strict=True))
    )
    assert [one.status_code for one in found] == [201, 500, 201]
    kept = (await read(town, "/attendance/check-ins"))["items"]
    assert {one["person"] for one in kept} == {"li", "zhao"}


async def test_nobody_is_answered_before_the_commit(
    attendance: Door, cadre: httpx.AsyncClient, post: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_given: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(AsyncSession, "commit", fails)
    monkeypatch.setattr(Lane, "run", fails)
    assert (await cadre.post("/attendance/check-ins", json=a_tap(clock))).status_code == 500
    monkeypatch.undo()
    assert (await read(cadre, "/attendance/check-ins"))["items"] == []


async def test_the_same_id_from_two_people_at_once_is_the_first_ones(
    attendance: Door, town: httpx.AsyncClient, clock: Clock
) -> None:
    await a_post(town, "li", "wang")
    tap = a_tap(clock)
    found = await asyncio.gather(
        *(tapped(attendance.as_("cadre", person=name), tap) for name in ("li", "wang"))
    )
    assert sorted(one["result"] for one in found) == ["applied", "refused"]


async def test_a_key_gives_the_first_answer_again(cadre: httpx.AsyncClient, post: Any, clock: Clock) -> None:
    tap, key = a_tap(clock), {"Idempotency-Key": "tap-1"}
    first = await cadre.post("/attendance/check-ins", json=tap, headers=key)
    again = await cadre.post("/attendance/check-ins", json=tap, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("body", ["", "[]", "{", '{"items": []}', '{"id": 1}', "null", '{"items": 3}'])
async def test_what_is_no_check_in_gets_the_ordinary_refusal(cadre: httpx.AsyncClient, body: str) -> None:
    answered = await cadre.post(
        "/attendance/check-ins", content=body, headers={"content-type": "application/json"}
    )
    assert answered.status_code in {400, 422}
    assert answered.headers["content-type"].startswith("application/problem+json")


async def test_two_hundred_from_one_phone_are_one_answer(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    items = [a_tap(clock) for _ in range(200)]
    answered = (await sent(cadre, "/attendance/check-ins", {"items": items}))["items"]
    assert [one["id"] for one in answered] == [one["id"] for one in items]
    again = (await sent(cadre, "/attendance/check-ins", {"items": items}))["items"]
    assert {one["result"] for one in again} == {"duplicate"}
