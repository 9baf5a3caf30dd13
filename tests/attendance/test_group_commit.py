"""Check-ins that arrive together share a transaction, and nobody bears another's failure."""

import asyncio
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.autocommit_connection import AutocommitConnection
from services.attendance.check_ins.service import FindDigests, InsertCheckIns, Submission, write_submissions
from tests.attendance.factories_attendance import (
    build_check_in,
    create_post,
    get_json,
    post_json,
    submit_check_in,
)
from tests.clients import ServiceUnderTest
from tests.conftest import Clock

WRITE_ALL_PATH = "services.attendance.check_ins.group_commit.write_submissions"


async def test_forty_at_once_are_forty_records_and_forty_events_in_few_commits(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = [f"p{n}" for n in range(40)]
    await create_post(town, *persons)
    sizes: list[int] = []

    async def counted(callers: list[Submission], insert: InsertCheckIns, digests: FindDigests) -> None:
        sizes.append(len(callers))
        await write_submissions(callers, insert, digests)

    monkeypatch.setattr(WRITE_ALL_PATH, counted)
    clients = [attendance.client_as("cadre", person=one) for one in persons]
    results = await asyncio.gather(
        *(submit_check_in(one, build_check_in(clock, device=f"d{n}")) for n, one in enumerate(clients))
    )
    assert {one["result"] for one in results} == {"applied"}
    assert sum(sizes) == 40
    assert len(sizes) < 20
    assert len((await get_json(town, "/attendance/check-ins", limit=100))["items"]) == 40
    told = (await get_json(attendance.client_as("bureau"), "/attendance/events?limit=500"))["items"]
    assert sum(one["type"] == "check_in.recorded" for one in told) == 40


async def test_a_tap_costs_two_statements_at_most(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    await attendance.context.clear_memory()
    seen: list[str] = []
    database = attendance.context.database
    engines = [database.writer.sync_engine]
    if database.dialect == "sqlite":
        engines.append(database.reader.sync_engine)

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "ROLLBACK", "COMMIT")):
            seen.append(statement)

    execute = AutocommitConnection.execute

    async def note_execute(connection: AutocommitConnection, statement: str, values: Any) -> Any:
        seen.append(statement)
        return await execute(connection, statement, values)

    monkeypatch.setattr(AutocommitConnection, "execute", note_execute)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        await submit_check_in(cadre, build_check_in(clock))
        cold, seen[:] = len(seen), []
        await submit_check_in(cadre, build_check_in(clock))
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)
    extra = 0 if database.dialect == "postgresql" else 1
    assert (cold, len(seen)) == (2 + extra, 1 + extra)


async def test_a_neighbour_who_may_not_spoils_nobody(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    lost = {**build_check_in(clock), "photo": "0190f0a0-0000-7000-8000-000000000009"}
    good, bad = await asyncio.gather(
        cadre.post("/attendance/check-ins", json=build_check_in(clock)),
        attendance.client_as("cadre", person="wang").post("/attendance/check-ins", json=lost),
    )
    assert (good.status_code, bad.status_code) == (201, 422)
    assert bad.json()["errors"][0]["pointer"] == "/photo"


async def test_a_failed_transaction_is_tried_again_one_by_one(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_post(town, "li", "wang", "zhao")

    async def breaks_for_wang(
        callers: list[Submission], insert: InsertCheckIns, digests: FindDigests
    ) -> None:
        if any(one.actor.id == "wang" for one in callers):
            raise RuntimeError("a bug that only wang meets")
        await write_submissions(callers, insert, digests)

    monkeypatch.setattr(WRITE_ALL_PATH, breaks_for_wang)
    names = ("li", "wang", "zhao")
    taps = [build_check_in(clock, device=name) for name in names]
    clients = [attendance.client_as("cadre", person=name) for name in names]
    found = await asyncio.gather(
        *(one.post("/attendance/check-ins", json=tap) for one, tap in zip(clients, taps, strict=True))
    )
    assert [one.status_code for one in found] == [201, 500, 201]
    kept = (await get_json(town, "/attendance/check-ins"))["items"]
    assert {one["person"] for one in kept} == {"li", "zhao"}


async def test_nobody_is_answered_before_the_commit(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_given: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(AsyncSession, "commit", fails)
    monkeypatch.setattr(AutocommitConnection, "execute", fails)
    assert (await cadre.post("/attendance/check-ins", json=build_check_in(clock))).status_code == 500
    monkeypatch.undo()
    assert (await get_json(cadre, "/attendance/check-ins"))["items"] == []


async def test_the_same_id_from_two_people_at_once_is_the_first_ones(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", "wang")
    tap = build_check_in(clock)
    found = await asyncio.gather(
        *(submit_check_in(attendance.client_as("cadre", person=name), tap) for name in ("li", "wang"))
    )
    assert sorted(one["result"] for one in found) == ["applied", "refused"]


async def test_a_key_gives_the_first_answer_again(cadre: httpx.AsyncClient, post: Any, clock: Clock) -> None:
    tap, key = build_check_in(clock), {"Idempotency-Key": "tap-1"}
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
    items = [build_check_in(clock) for _ in range(200)]
    answered = (await post_json(cadre, "/attendance/check-ins", {"items": items}))["items"]
    assert [one["id"] for one in answered] == [one["id"] for one in items]
    again = (await post_json(cadre, "/attendance/check-ins", {"items": items}))["items"]
    assert {one["result"] for one in again} == {"duplicate"}
