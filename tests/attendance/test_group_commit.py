"""Group commit: concurrent check-ins share a transaction; a failure affects only its cause."""

import asyncio
from datetime import timedelta
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
    set_rule,
    submit_check_in,
)
from tests.clients import ServiceUnderTest
from tests.conftest import Clock

WRITE_SUBMISSIONS_PATH = "services.attendance.check_ins.group_commit.write_submissions"


async def test_forty_at_once_are_forty_records_and_forty_events_in_few_commits(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = [f"p{n}" for n in range(40)]
    await create_post(town, *persons)
    sizes: list[int] = []

    async def counted(submissions: list[Submission], insert: InsertCheckIns, digests: FindDigests) -> None:
        sizes.append(len(submissions))
        await write_submissions(submissions, insert, digests)

    monkeypatch.setattr(WRITE_SUBMISSIONS_PATH, counted)
    clients = [attendance.client_as("cadre", person=person) for person in persons]
    results = await asyncio.gather(
        *(submit_check_in(client, build_check_in(clock, device=f"d{n}")) for n, client in enumerate(clients))
    )
    assert {result["result"] for result in results} == {"applied"}
    assert sum(sizes) == 40
    assert len(sizes) < 20
    assert len((await get_json(town, "/attendance/check-ins", limit=100))["items"]) == 40
    events = (await get_json(attendance.client_as("bureau"), "/attendance/events?limit=500"))["items"]
    assert sum(event["type"] == "check_in.recorded" for event in events) == 40


async def test_a_check_in_costs_two_statements_at_most(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    await attendance.context.clear_memory()
    statements: list[str] = []
    database = attendance.context.database
    engines = [database.writer.sync_engine, database.reader.sync_engine]

    def record_statement(_connection: Any, _cursor: Any, statement: str, *_args: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "ROLLBACK", "COMMIT")):
            statements.append(statement)

    execute = AutocommitConnection.execute

    async def note_execute(connection: AutocommitConnection, statement: str, values: Any) -> Any:
        statements.append(statement)
        return await execute(connection, statement, values)

    monkeypatch.setattr(AutocommitConnection, "execute", note_execute)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", record_statement)
    try:
        await submit_check_in(cadre, build_check_in(clock))
        cold_count, statements[:] = len(statements), []
        await submit_check_in(cadre, build_check_in(clock))
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", record_statement)
    sqlite_statements = 0 if database.dialect == "postgresql" else 1
    assert (cold_count, len(statements)) == (2 + sqlite_statements, 1 + sqlite_statements)


async def test_a_refused_request_in_the_same_commit_affects_no_other(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await set_rule(attendance, "check_in.switches", "620603000000", own_check_in=False)
    elsewhere = attendance.client_as("cadre", "620603100201", person="wang")
    accepted, refused = await asyncio.gather(
        cadre.post("/attendance/check-ins", json=build_check_in(clock)),
        elsewhere.post("/attendance/check-ins", json=build_check_in(clock)),
    )
    assert (accepted.status_code, refused.status_code) == (201, 403)


async def test_a_failed_shared_transaction_is_retried_per_request(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_post(town, "li", "wang", "zhao")

    async def fail_for_wang(
        submissions: list[Submission], insert: InsertCheckIns, digests: FindDigests
    ) -> None:
        if any(submission.actor.id == "wang" for submission in submissions):
            raise RuntimeError("an error for wang only")
        await write_submissions(submissions, insert, digests)

    monkeypatch.setattr(WRITE_SUBMISSIONS_PATH, fail_for_wang)
    names = ("li", "wang", "zhao")
    check_ins = [build_check_in(clock, device=name) for name in names]
    clients = [attendance.client_as("cadre", person=name) for name in names]
    responses = await asyncio.gather(
        *(
            client.post("/attendance/check-ins", json=check_in)
            for client, check_in in zip(clients, check_ins, strict=True)
        )
    )
    assert [result.status_code for result in responses] == [201, 500, 201]
    stored = (await get_json(town, "/attendance/check-ins"))["items"]
    assert {check_in["person"] for check_in in stored} == {"li", "zhao"}


async def test_nobody_is_answered_before_the_commit(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_args: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(AsyncSession, "commit", fail)
    monkeypatch.setattr(AutocommitConnection, "execute", fail)
    assert (await cadre.post("/attendance/check-ins", json=build_check_in(clock))).status_code == 500
    monkeypatch.undo()
    assert (await get_json(cadre, "/attendance/check-ins"))["items"] == []


async def test_the_same_id_from_two_persons_is_stored_for_the_first(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", "wang")
    check_in = build_check_in(clock)
    results = await asyncio.gather(
        *(submit_check_in(attendance.client_as("cadre", person=name), check_in) for name in ("li", "wang"))
    )
    assert sorted(result["result"] for result in results) == ["applied", "refused"]


async def test_an_idempotency_key_replays_the_first_answer(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    check_in, key = build_check_in(clock), {"Idempotency-Key": "check-in-1"}
    first = await cadre.post("/attendance/check-ins", json=check_in, headers=key)
    again = await cadre.post("/attendance/check-ins", json=check_in, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("body", ["", "[]", "{", '{"items": []}', '{"id": 1}', "null", '{"items": 3}'])
async def test_a_malformed_body_gets_the_ordinary_refusal(cadre: httpx.AsyncClient, body: str) -> None:
    response = await cadre.post(
        "/attendance/check-ins", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code in {400, 422}
    assert response.headers["content-type"].startswith("application/problem+json")


async def test_two_hundred_from_one_phone_are_one_answer(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    days = [clock.now() - timedelta(days=index % 5) for index in range(200)]  # forty a day
    items = [build_check_in(clock, at=at - timedelta(minutes=1)) for at in days]
    results = (await post_json(cadre, "/attendance/check-ins", {"items": items}))["items"]
    assert [result["id"] for result in results] == [item["id"] for item in items]
    again = (await post_json(cadre, "/attendance/check-ins", {"items": items}))["items"]
    assert {result["result"] for result in again} == {"duplicate"}
