"""Whoever changes, removes or slips in a row of the audit trail is found out, with the row."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import uuid4

import pytest
import sqlalchemy as sa

from shared.db import Database, event_log, execute_core, log_seal, log_tile
from shared.events import audit_log
from shared.events.audit_log import LogReport, Seal, verify_chain
from tests.shared.factories_events import (
    START_OF_TIME,
    CallableClock,
    build_context,
    list_log_rows,
    publish_wall_event,
)

ROW_COUNT = 12


@pytest.fixture
async def sealed(database: Database) -> Database:
    """A log of `ROWS` rows, all sealed."""
    for version in range(ROW_COUNT):
        await publish_wall_event(database, f"wall-{version % 3}", version)
    assert await audit_log.seal_rows(build_context(database, CallableClock())) == ROW_COUNT
    return database


async def _verify_log(database: Database, kept: Seal | None = None) -> LogReport:
    async with database.read() as session:
        return await verify_chain(session, kept)


async def _execute_statement(database: Database, statement: sa.Executable) -> None:
    async with database.write() as session:
        await execute_core(session, statement)


def _list_faults(report: LogReport) -> list[tuple[str, int]]:
    return [(str(fault.kind), fault.seq) for fault in report.faults]


async def test_an_untouched_log_has_no_faults(sealed: Database) -> None:
    report = await _verify_log(sealed)

    assert report.faults == []
    assert (report.rows, report.head.position, len(report.head.digest)) == (ROW_COUNT, ROW_COUNT, 64)


async def test_rows_written_later_continue_the_chain(sealed: Database) -> None:
    await publish_wall_event(sealed, "wall-9")
    before = await _verify_log(sealed)
    await audit_log.seal_rows(build_context(sealed, CallableClock()))
    after = await _verify_log(sealed, before.head)

    assert before.faults == after.faults == []
    assert after.head.position == ROW_COUNT + 1


COLUMN_CHANGES = {
    "subject": "wall-x",
    "subject_version": 99,
    "type": "wall.felled",
    "region": "620602100202",
    "actor": "somebody",
    "on_behalf_of": "somebody",
    "device": "phone",
    "reason": "因为",
    "recorded_at": START_OF_TIME - timedelta(days=1),
    "ingested_at": START_OF_TIME + timedelta(microseconds=1),
    "before": {"height": 0},
    "after": {"height": 2},
    "id": uuid4(),
    "tx": 1,
    "person": "somebody",
    "records": {"wall": {"north": "0"}},
}


def test_every_column_of_the_log_is_tried() -> None:
    assert set(COLUMN_CHANGES) == set(event_log.c.keys()) - {"seq"}


@pytest.mark.parametrize("column", COLUMN_CHANGES)
async def test_a_change_of_any_column_is_found(sealed: Database, column: str) -> None:
    seq = (await list_log_rows(sealed))[4].seq
    await _execute_statement(
        sealed, event_log.update().where(event_log.c.seq == seq).values({column: COLUMN_CHANGES[column]})
    )

    assert _list_faults(await _verify_log(sealed)) == [("changed", seq)]


async def test_a_removed_row_is_found(sealed: Database) -> None:
    seq = (await list_log_rows(sealed))[7].seq
    await _execute_statement(sealed, event_log.delete().where(event_log.c.seq == seq))

    assert _list_faults(await _verify_log(sealed)) == [("missing", seq)]


async def test_a_row_slipped_in_between_is_found(sealed: Database) -> None:
    rows = await list_log_rows(sealed)
    values = rows[5]._asdict() | {"id": uuid4(), "seq": 0, "actor": "ghost"}
    await _execute_statement(sealed, event_log.insert().values(values))

    assert _list_faults(await _verify_log(sealed)) == [("inserted", 0)]


async def test_a_row_removed_together_with_its_seal_is_found(sealed: Database) -> None:
    seq = (await list_log_rows(sealed))[7].seq
    await _execute_statement(sealed, event_log.delete().where(event_log.c.seq == seq))
    await _execute_statement(sealed, log_seal.delete().where(log_seal.c.seq == seq))

    assert _list_faults(await _verify_log(sealed)) == [("seal_missing", 0), ("tree", 0)]


async def test_a_chain_rewritten_from_a_changed_row_on_differs_from_the_digest_kept_outside(
    sealed: Database,
) -> None:
    kept = (await _verify_log(sealed)).head
    await _execute_statement(
        sealed, event_log.update().where(event_log.c.subject_version == 3).values(actor="somebody")
    )
    await _execute_statement(sealed, log_seal.delete())
    await _execute_statement(sealed, log_tile.delete())
    await audit_log.seal_rows(build_context(sealed, CallableClock()))

    assert (await _verify_log(sealed)).faults == []
    assert [str(fault.kind) for fault in (await _verify_log(sealed, kept)).faults] == ["rewritten"]


async def test_a_log_cut_off_at_the_end_differs_from_the_digest_kept_outside(sealed: Database) -> None:
    kept = (await _verify_log(sealed)).head
    last = (await list_log_rows(sealed))[-1].seq
    await _execute_statement(sealed, event_log.delete().where(event_log.c.seq == last))
    await _execute_statement(sealed, log_seal.delete().where(log_seal.c.seq == last))

    assert _list_faults(await _verify_log(sealed)) == [("tree", 0)]
    assert [str(fault.kind) for fault in (await _verify_log(sealed, kept)).faults] == ["rewritten", "tree"]


async def _change_row(database: Database, dice: random.Random, seq: int) -> None:
    column = dice.choice(sorted(COLUMN_CHANGES))
    value = uuid4() if column == "id" else COLUMN_CHANGES[column]
    await _execute_statement(
        database, event_log.update().where(event_log.c.seq == seq).values({column: value})
    )


async def _remove_row(database: Database, _: random.Random, seq: int) -> None:
    await _execute_statement(database, event_log.delete().where(event_log.c.seq == seq))


async def _swap_rows(database: Database, dice: random.Random, seq: int) -> None:
    other = dice.choice([row for row in await list_log_rows(database) if row.seq != seq])
    values = other._asdict() | {"seq": seq, "id": uuid4()}
    await _execute_statement(database, event_log.update().where(event_log.c.seq == seq).values(values))


async def test_no_random_tampering_goes_unseen(sealed: Database) -> None:
    dice = random.Random(2022)
    ways: list[Callable[[Database, random.Random, int], Awaitable[None]]] = [
        _change_row,
        _remove_row,
        _swap_rows,
    ]
    original = [row._asdict() for row in await list_log_rows(sealed)]
    for _ in range(60):
        seq = dice.choice(original)["seq"]
        await dice.choice(ways)(sealed, dice, seq)

        assert seq in {fault.seq for fault in (await _verify_log(sealed)).faults}

        await _execute_statement(sealed, event_log.delete())
        await _execute_statement(sealed, event_log.insert().values(original))
    assert (await _verify_log(sealed)).faults == []


async def test_two_sealers_at_once_make_one_chain(database: Database) -> None:
    for version in range(30):
        await publish_wall_event(database, "north", version)
    contexts = [build_context(database, CallableClock()) for _ in range(4)]

    sealed = await asyncio.gather(*(audit_log.seal_rows(context) for context in contexts))

    assert sorted(sealed) == [0, 0, 0, 30]
    assert (await _verify_log(database)).faults == []


async def test_the_sealer_waits_for_rows_that_could_still_be_overtaken(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time, so nobody overtakes")
    context = build_context(database, CallableClock())
    async with database.write() as session:
        await execute_core(session, sa.select(sa.func.pg_current_xact_id()))
        await publish_wall_event(database, "fast")
        assert await audit_log.seal_rows(context) == 0
    assert await audit_log.seal_rows(context) == 1


def test_the_digest_is_sm3_over_the_row_and_the_digest_before() -> None:
    class Row(NamedTuple):
        after: dict[str, str]
        seq: int

    digests = [
        audit_log.row_digest(Row({"b": "乙", "a": "甲"}, 1), before)
        for before in (audit_log.GENESIS_DIGEST, "1" * 64)
    ]

    # SM3 of ["000…0",{"after":{"a":"甲","b":"乙"},"seq":1}], by another implementation
    assert digests[0] == "acade5c954c24fc72c573fd4491874ccba9e48c550cd27fc88b8272dac1a28af"
    assert digests[0] != digests[1]
