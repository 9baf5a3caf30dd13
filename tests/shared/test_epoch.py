"""A database restored, copied or moved goes on: readers of the lost log are told, and no event stops or hides."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from shared.app.restore_mark import main
from shared.auth import May
from shared.db import Database, event_log, execute_core, log_epoch
from shared.errors import Gone, Unavailable
from shared.events import (
    LOG_START,
    Cursor,
    Envelope,
    EventRecord,
    Relay,
    feed,
    format_cursor,
    get_epoch,
    inbox,
    list_after_cursor,
    outbox_cursors,
    publish_many,
    resolve_cursor,
)
from shared.events.audit_log import seal_rows, verify_chain
from shared.events.epoch import EpochReason, begin_epoch, find_last_position, settle_epoch
from shared.unit_of_work import ServiceClient
from tests.shared.factories_events import (
    CLERK,
    START_OF_TIME,
    CallableClock,
    WallBuilt,
    WallReceiver,
    build_app,
    build_context,
    create_client,
    list_log_rows,
    publish_wall_event,
)

FAR_AHEAD = 1_000_000
"""Transaction ids that the server of a test does not reach."""


async def _list_subjects(database: Database, cursor: Cursor = LOG_START) -> list[str]:
    async with database.read() as session:
        return [row.subject for row in await list_after_cursor(session, cursor)]


async def _begin(database: Database, **given: Any) -> None:
    async with database.write() as session:
        await begin_epoch(session, EpochReason.RESTORED, START_OF_TIME, **given)


async def _settle(database: Database) -> str:
    async with database.write() as session:
        return (await settle_epoch(session, START_OF_TIME)).name


async def _resolve(database: Database, text: str) -> Cursor:
    async with database.read() as session:
        return await resolve_cursor(session, text, await get_epoch(session))


async def _head(database: Database) -> str:
    async with database.read() as session:
        return format_cursor((await get_epoch(session)).name, await find_last_position(session))


@pytest.fixture
async def moved(database: Database) -> AsyncGenerator[Database]:
    """A log of three sealed rows, copied to where transaction ids are far behind those of the rows.

    On PostgreSQL the copy is a database of another oid, whose rows carry ids that this server has not reached.
    """
    postgres = database.dialect == "postgresql"
    async with database.write() as session:
        await execute_core(session, log_epoch.update().values(tx_offset=FAR_AHEAD if postgres else 0))
    for number in range(3):
        await publish_wall_event(database, f"old-{number}")
    await seal_rows(build_context(database, CallableClock()))
    await database.close()
    copy = _copy_database(database)
    async with copy.write() as session:
        await execute_core(session, log_epoch.update().values(tx_offset=0))
    yield copy
    await copy.close()
    _drop_copy(copy)


def _copy_database(database: Database) -> Database:
    url = database.writer.url
    if database.dialect == "sqlite":
        path = Path(str(url.database))
        with closing(sqlite3.connect(path)) as running, closing(sqlite3.connect(f"{path}.copy")) as copy:
            running.backup(copy)
        return Database(f"sqlite:///{path}.copy")
    from tests import postgres

    postgres.create_database(f"{url.database}_copy", url.database)
    return Database(f"{postgres.get_server_url()}/{url.database}_copy")


def _drop_copy(copy: Database) -> None:
    if copy.dialect == "postgresql":
        from tests import postgres

        postgres.drop_database(str(copy.writer.url.database))


async def test_a_start_on_the_same_server_keeps_the_epoch(database: Database) -> None:
    assert await _settle(database) == await _settle(database) != ""


async def test_a_start_on_another_server_begins_an_epoch(database: Database, moved: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite files have no identity: a command or a subscriber tells")
    before = await _head(database)

    assert await _settle(moved) != before.split(".")[0]
    assert await _settle(moved) == (await _head(moved)).split(".")[0]


async def test_a_moved_log_goes_on_with_every_row_and_seal(moved: Database) -> None:
    await _begin(moved)
    async with moved.write() as session:
        await settle_epoch(session, START_OF_TIME)
    await publish_wall_event(moved, "new")
    context = build_context(moved, CallableClock())

    assert await _list_subjects(moved) == ["old-0", "old-1", "old-2", "new"]
    assert await seal_rows(context) == 1
    async with moved.read() as session:
        report = await verify_chain(session)
    assert (report.rows, report.faults) == (4, [])


async def test_without_the_offset_a_moved_log_would_hide_its_rows(moved: Database) -> None:
    if moved.dialect != "postgresql":
        pytest.skip("SQLite shows a row once it is committed")

    assert await _list_subjects(moved) == []


async def test_the_relay_of_a_moved_log_goes_on(moved: Database, receiver: WallReceiver) -> None:
    relay = Relay(moved, "walls", receiver, CallableClock(), to=("paint",), topics=lambda _: ("wall.built",))
    await _begin(moved)
    assert await relay.drain() == 3
    await publish_wall_event(moved, "new")

    assert await relay.drain() == 1
    assert [subject for subject, _ in receiver.effects] == ["old-0", "old-1", "old-2", "new"]


async def test_many_rows_of_one_transaction_have_positions_of_the_epoch(moved: Database) -> None:
    await _begin(moved)
    top = (await list_log_rows(moved))[-1].tx
    records = [EventRecord(WallBuilt(), f"new-{one}", 1, "620602100201") for one in range(20)]
    async with moved.write() as session:
        await publish_many(session, records, actor=CLERK, at=START_OF_TIME)

    rows = (await list_log_rows(moved))[3:]
    assert len({row.tx for row in rows}) == 1
    assert rows[0].tx > top
    assert len(await _list_subjects(moved)) == 23


async def test_a_reader_of_the_lost_log_is_told_to_start_again(database: Database) -> None:
    await publish_wall_event(database, "n")
    cursor = await _head(database)
    assert await _resolve(database, cursor) > LOG_START
    await _begin(database)
    app = build_app(
        build_context(database, CallableClock()), feed.event_feed_router("walls", May.PROJECT_READ)
    )
    async with create_client(app, "clerk") as client:
        refused = await client.get("/walls/events", params={"after": cursor})
        again = (await client.get("/walls/events")).json()
        later = await client.get("/walls/events", params={"after": again["next"]})

    assert (refused.status_code, refused.json()["type"]) == (410, "/problems/gone")
    assert "从备份恢复" in refused.json()["detail"]
    assert "不带 after" in refused.json()["next"]
    assert [item["subject"] for item in again["items"]] == ["n"]
    assert (later.status_code, later.json()["items"]) == (200, [])


async def test_a_cursor_ahead_of_the_log_is_refused(database: Database) -> None:
    await publish_wall_event(database, "n")
    epoch, tx, seq = (await _head(database)).split(".")

    for ahead in (f"{epoch}.{tx}.{int(seq, 16) + 1:x}", f"{epoch}.{int(tx, 16) + 1:x}.1"):
        with pytest.raises(Gone):
            await _resolve(database, ahead)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_plain_cursor_of_the_last_release_belongs_to_the_first_epoch(
    database: Database, number: int
) -> None:
    await publish_wall_event(database, "before the upgrade")
    (row,) = await list_log_rows(database)
    async with database.write() as session:
        await execute_core(session, log_epoch.update().values(after_tx=row.tx, after_seq=row.seq))
    await publish_wall_event(database, "after the upgrade")
    after = (await list_log_rows(database))[-1]
    if number == 2:
        await _begin(database)
        with pytest.raises(Gone):
            await _resolve(database, f"{row.tx:x}.{row.seq:x}")
    else:
        assert await _resolve(database, f"{row.tx:x}.{row.seq:x}") == (row.tx, row.seq)
    with pytest.raises(Gone):
        await _resolve(database, f"{after.tx:x}.{after.seq:x}")
    assert await _resolve(database, "0.0") == await _resolve(database, "") == LOG_START


async def test_positions_of_a_new_epoch_are_above_those_somebody_else_holds(database: Database) -> None:
    await publish_wall_event(database, "n")
    await _begin(database, above=(FAR_AHEAD, 77))
    await publish_wall_event(database, "later")

    assert (await list_log_rows(database))[-1].tx > FAR_AHEAD
    assert await _list_subjects(database, (FAR_AHEAD, 77)) == ["later"]


async def test_a_command_begins_an_epoch_after_a_restore(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await _head(database)
    url = database.writer.url.render_as_string(hide_password=False)
    await database.close()

    await asyncio.to_thread(main, ["walls", "--url", url])

    assert "第 2 个纪元" in capsys.readouterr().out
    assert (await _head(database)).split(".")[0] != before.split(".")[0]


class _Subscriber:
    """A subscriber's internal addresses, as the service that delivers reaches them."""

    def __init__(self, receiver: WallReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.receiver = receiver
        self.is_down = False

        async def request(peer: ServiceClient, method: str, path: str, **given: Any) -> Any:
            if self.is_down:
                message = "down"
                raise Unavailable(message)
            if method == "GET":
                assert path == "/internal/events/position"
                async with receiver.database.read() as session:
                    found = await inbox.find_received_position(session, peer.context.name)
                    return found.model_dump(mode="json")
            envelopes = [Envelope.model_validate(one) for one in given["json"]]
            return {"received": (await receiver("paint", envelopes)).received}

        monkeypatch.setattr(ServiceClient, "request", request)
        monkeypatch.setattr(inbox, "topics_for", lambda _: ("wall.built",))
        monkeypatch.setattr(inbox, "list_subscribers", lambda **_: ("paint",))


@pytest.fixture
def subscriber(receiver: WallReceiver, monkeypatch: pytest.MonkeyPatch) -> _Subscriber:
    return _Subscriber(receiver, monkeypatch)


def _create_relay(database: Database) -> Relay:
    """The relay of a process that has just started."""
    context = build_context(database, CallableClock())
    return Relay(
        database,
        "walls",
        inbox.create_deliverer(context),
        context.clock,
        to=("paint",),
        topics=lambda _: ("wall.built",),
    )


@pytest.mark.usefixtures("subscriber")
async def test_a_subscriber_that_received_more_than_the_log_holds_reveals_a_restored_copy(
    database: Database, receiver: WallReceiver
) -> None:
    await publish_wall_event(database, "kept")
    await _create_relay(database).drain()
    await database.close()
    copy = _copy_database(database)
    await publish_wall_event(database, "lost")
    await _create_relay(database).drain()
    lost = await _head(database)
    await publish_wall_event(copy, "instead")

    await _create_relay(copy).drain()
    await _create_relay(copy).drain()

    assert [subject for subject, _ in receiver.effects] == ["kept", "lost", "instead"]
    with pytest.raises(Gone):
        await _resolve(copy, lost)
    before = await _head(copy)
    await _create_relay(copy).drain()
    assert await _head(copy) == before, "the next start begins no further epoch"
    await copy.close()
    _drop_copy(copy)


async def test_a_subscriber_that_is_down_is_asked_before_its_first_delivery(
    database: Database, subscriber: _Subscriber, receiver: WallReceiver
) -> None:
    await publish_wall_event(database, "n")
    subscriber.is_down = True
    relay = _create_relay(database)
    assert await relay.drain() == 0
    subscriber.is_down = False

    assert await relay.drain() == 1
    assert receiver.effects == [("n", 1)]


@pytest.mark.usefixtures("subscriber")
async def test_a_restored_subscriber_gets_again_what_it_lost(
    database: Database, receiver: WallReceiver
) -> None:
    await publish_wall_event(database, "kept")
    await _create_relay(database).drain()
    await receiver.database.close()
    restored = _copy_database(receiver.database)
    await publish_wall_event(database, "lost")
    await _create_relay(database).drain()
    receiver.database = restored

    await inbox.ask_subscribers(build_context(database, CallableClock()))
    await _create_relay(database).drain()

    assert [subject for subject, _ in receiver.effects] == ["kept", "lost", "lost"]
    async with database.read() as session:
        (cursor,) = await outbox_cursors.list_cursors(session, lambda _: ("wall.built",))
    assert cursor.waiting == 0
    await restored.close()
    _drop_copy(restored)


async def test_a_writer_waits_while_an_epoch_begins(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    async with database.write() as session:
        await begin_epoch(session, EpochReason.RESTORED, START_OF_TIME, above=(FAR_AHEAD, 1))
        writing = asyncio.create_task(publish_wall_event(database, "n"))
        await asyncio.sleep(0.3)
        assert not writing.done()
    await writing

    async with database.read() as session:
        (tx,) = (await execute_core(session, sa.select(event_log.c.tx))).scalars()
    assert tx > FAR_AHEAD
