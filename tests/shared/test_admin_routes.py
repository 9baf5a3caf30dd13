"""An operator sees what does not arrive and sends it again; an auditor has the log verified; nobody else does."""

import pytest
from fastapi import FastAPI

from shared.app import admin_routes
from shared.db import Database, event_log, execute_core
from shared.events import SUBSCRIBERS, audit_log, inbox, outbox_relay
from shared.unit_of_work import ServiceContext
from tests.shared.factories_events import (
    SERVICE,
    START_OF_TIME,
    CallableClock,
    WallReceiver,
    build_app,
    build_context,
    create_client,
    publish_wall_event,
)
from tests.shared.test_event_inbox import publish_growth


@pytest.fixture
def context(database: Database) -> ServiceContext:
    return build_context(database, CallableClock())


@pytest.fixture
def app(context: ServiceContext) -> FastAPI:
    return build_app(
        context, admin_routes.admin_router("walls"), inbox.inbox_router({"wall.built": publish_growth})
    )


@pytest.fixture(autouse=True)
def _topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUBSCRIBERS, "wall.built", ("paint",))


async def test_a_parked_event_is_seen_and_sent_again(
    app: FastAPI, database: Database, other_database: Database
) -> None:
    receiver = WallReceiver(other_database)
    receiver.refused_subjects = {"north"}
    deliveries = outbox_relay.Relay(database, "walls", receiver, CallableClock(), to=("paint",))
    await publish_wall_event(database, "north")
    async with create_client(app, "admin") as admin:
        for _ in range(outbox_relay.MAX_REFUSALS):
            await deliveries.drain()
        (cursor,) = (await admin.get("/walls/log/cursors")).json()["items"]
        (dead,) = (await admin.get("/walls/log/dead-letters?subscriber=paint")).json()["items"]
        receiver.refused_subjects = set()
        asked = await admin.post(
            "/walls/log/dead-letters/retry", json={"subscriber": "paint", "subject": "north"}
        )
        await deliveries.drain()
        nothing = await admin.post("/walls/log/dead-letters/retry", json={"subscriber": "paint"})

    assert (cursor["subscriber"], cursor["parked"], cursor["waiting"]) == ("paint", 1, 0)
    assert (dead["subject"], dead["error"]) == ("north", "no such wall")
    assert (asked.status_code, asked.json()) == (202, {"asked": 1})
    assert nothing.status_code == 404
    assert receiver.effects == [("north", 1)]


async def test_the_log_is_verified_for_an_auditor(
    app: FastAPI, context: ServiceContext, database: Database
) -> None:
    await publish_wall_event(database, "north")
    await audit_log.seal_rows(context)
    async with create_client(app, "auditor") as auditor:
        sound = (await auditor.get("/walls/log/verify")).json()
        async with database.write() as session:
            await execute_core(session, event_log.update().values(actor="somebody"))
        touched = (await auditor.get("/walls/log/verify", params=sound["head"])).json()
        half = await auditor.get("/walls/log/verify?position=1")

    assert (sound["rows"], sound["faults"]) == (1, [])
    assert [(fault["kind"], fault["label"]) for fault in touched["faults"]] == [("changed", "内容被改动")]
    assert half.status_code == 422


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("auditor", "GET", "/walls/log/cursors"),
        ("auditor", "GET", "/walls/log/dead-letters?subscriber=paint"),
        ("clerk", "POST", "/walls/log/dead-letters/retry"),
        ("clerk", "GET", "/walls/log/verify"),
        ("admin", "POST", "/internal/events"),
    ],
)
async def test_nobody_else_may(app: FastAPI, who: str, method: str, path: str) -> None:
    async with create_client(app, who) as client:
        answer = await client.request(
            method, path, json=[] if "internal" in path else {"subscriber": "paint"}
        )
    assert answer.status_code == 403


async def test_a_service_delivers_at_the_internal_address(app: FastAPI, database: Database) -> None:
    event = {
        "id": "01890000-0000-7000-8000-000000000001",
        "cursor": "0.1",
        "service": "bricks",
        "type": "wall.built",
        "subject": "north",
        "subject_version": 1,
        "region": "620602100201",
        "actor": "clerk",
        "recorded_at": START_OF_TIME.isoformat(),
        "ingested_at": START_OF_TIME.isoformat(),
        "after": {"height": 3},
    }
    async with create_client(app, SERVICE.id) as service:
        answers = [await service.post("/internal/events", json=[event]) for _ in range(2)]
        too_many = await service.post(
            "/internal/events", json=[event] * (outbox_relay.RELAY_BATCH_EVENTS + 1)
        )

    assert [answer.json() for answer in answers] == [{"received": 1, "stopped": None}] * 2
    assert too_many.status_code == 422
    async with database.read() as session:
        assert [row.after for row in await execute_core(session, event_log.select())] == [{"height": 3}]
