"""Whoever changes, removes or slips in a row of the audit trail is found out, with the row."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import uuid4

import pytest
import sqlalchemy as sa

from shared import seal
from shared.db import Database, run
from shared.seal import LogReport, Seal, verify
from shared.tables import event_log, log_seal
from tests.shared.log_world import START_OF_TIME, Clock, context_of, rows_of, write

ROWS = 12


@pytest.fixture
async def sealed(database: Database) -> Database:
    """A log of `ROWS` rows, all sealed."""
    for version in range(ROWS):
        await write(database, f"wall-{version % 3}", version)
    assert await seal.seal(context_of(database, Clock())) == ROWS
    return database


async def _verify(database: Database, kept: Seal | None = None) -> LogReport:
    async with database.read() as session:
        return await verify(session, kept)


async def _do(database: Database, statement: sa.Executable) -> None:
    async with database.write() as session:
        await run(session, statement)


def _found(report: LogReport) -> list[tuple[str, int]]:
    return [(str(fault.kind), fault.seq) for fault in report.faults]


async def test_an_untouched_log_has_no_faults(sealed: Database) -> None:
    report = await _verify(sealed)

    assert report.faults == []
    assert (report.rows, report.head.position, len(report.head.digest)) == (ROWS, ROWS, 64)


async def test_rows_written_later_continue_the_chain(sealed: Database) -> None:
    await write(sealed, "wall-9")
    before = await _verify(sealed)
    await seal.seal(context_of(sealed, Clock()))
    after = await _verify(sealed, before.head)

    assert before.faults == after.faults == []
    assert after.head.position == ROWS + 1


CHANGES = {
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
}


def test_every_column_of_the_log_is_tried() -> None:
    assert set(CHANGES) == set(event_log.c.keys()) - {"seq"}


@pytest.mark.parametrize("column", CHANGES)
async def test_a_change_of_any_column_is_found(sealed: Database, column: str) -> None:
    seq = (await rows_of(sealed))[4].seq
    await _do(sealed, event_log.update().where(event_log.c.seq == seq).values({column: CHANGES[column]}))

    assert _found(await _verify(sealed)) == [("changed", seq)]


async def test_a_removed_row_is_found(sealed: Database) -> None:
    seq = (await rows_of(sealed))[7].seq
    await _do(sealed, event_log.delete().where(event_log.c.seq == seq))

    assert _found(await _verify(sealed)) == [("missing", seq)]


async def test_a_row_slipped_in_between_is_found(sealed: Database) -> None:
    rows = await rows_of(sealed)
    values = rows[5]._asdict() | {"id": uuid4(), "seq": 0, "actor": "ghost"}
    await _do(sealed, event_log.insert().values(values))

    assert _found(await _verify(sealed)) == [("inserted", 0)]


async def test_a_row_removed_together_with_its_seal_is_found(sealed: Database) -> None:
    seq = (await rows_of(sealed))[7].seq
    await _do(sealed, event_log.delete().where(event_log.c.seq == seq))
    await _do(sealed, log_seal.delete().where(log_seal.c.seq == seq))

    assert _found(await _verify(sealed)) == [("seal_missing", 0)]


async def test_a_chain_rewritten_from_a_changed_row_on_differs_from_the_digest_kept_outside(
    sealed: Database,
) -> None:
    kept = (await _verify(sealed)).head
    await _do(sealed, event_log.update().where(event_log.c.subject_version == 3).values(actor="somebody"))
    await _do(sealed, log_seal.delete())
    await seal.seal(context_of(sealed, Clock()))

    assert (await _verify(sealed)).faults == []
    assert [str(fault.kind) for fault in (await _verify(sealed, kept)).faults] == ["rewritten"]


async def test_a_log_cut_off_at_the_end_differs_from_the_digest_kept_outside(sealed: Database) -> None:
    kept = (await _verify(sealed)).head
    last = (await rows_of(sealed))[-1].seq
    await _do(sealed, event_log.delete().where(event_log.c.seq == last))
    await _do(sealed, log_seal.delete().where(log_seal.c.seq == last))

    assert (await _verify(sealed)).faults == []
    assert [str(fault.kind) for fault in (await _verify(sealed, kept)).faults] == ["rewritten"]


async def _change(database: Database, dice: random.Random, seq: int) -> None:
    column = dice.choice(sorted(CHANGES))
    value = uuid4() if column == "id" else CHANGES[column]
    await _do(database, event_log.update().where(event_log.c.seq == seq).values({column: value}))


async def _remove(database: Database, _: random.Random, seq: int) -> None:
    await _do(database, event_log.delete().where(event_log.c.seq == seq))


async def _swap(database: Database, dice: random.Random, seq: int) -> None:
    other = dice.choice([row for row in await rows_of(database) if row.seq != seq])
    values = other._asdict() | {"seq": seq, "id": uuid4()}
    await _do(database, event_log.update().where(event_log.c.seq == seq).values(values))


async def test_no_random_tampering_goes_unseen(sealed: Database) -> None:
    dice = random.Random(2022)
    ways: list[Callable[[Database, random.Random, int], Awaitable[None]]] = [_change, _remove, _swap]
    original = [row._asdict() for row in await rows_of(sealed)]
    for _ in range(60):
        seq = dice.choice(original)["seq"]
        await dice.choice(ways)(sealed, dice, seq)

        assert seq in {fault.seq for fault in (await _verify(sealed)).faults}

        await _do(sealed, event_log.delete())
        await _do(sealed, event_log.insert().values(original))
    assert (await _verify(sealed)).faults == []


async def test_two_sealers_at_once_make_one_chain(database: Database) -> None:
    for version in range(30):
        await write(database, "north", version)
    contexts = [context_of(database, Clock()) for _ in range(4)]

    sealed = await asyncio.gather(*(seal.seal(context) for context in contexts))

    assert sorted(sealed) == [0, 0, 0, 30]
    assert (await _verify(database)).faults == []


async def test_the_sealer_waits_for_rows_that_could_still_be_overtaken(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time, so nobody overtakes")
    context = context_of(database, Clock())
    async with database.write() as session:
        await run(session, sa.select(sa.func.pg_current_xact_id()))
        await write(database, "fast")
        assert await seal.seal(context) == 0
    assert await seal.seal(context) == 1


def test_the_digest_is_sm3_over_the_row_and_the_digest_before() -> None:
    class Row(NamedTuple):
        after: dict[str, str]
        seq: int

    digests = [seal.digest_of(Row({"b": "乙", "a": "甲"}, 1), before) for before in (seal.FIRST, "1" * 64)]

    # SM3 of ["000…0",{"after":{"a":"甲","b":"乙"},"seq":1}], by another implementation
    assert digests[0] == "acade5c954c24fc72c573fd4491874ccba9e48c550cd27fc88b8272dac1a28af"
    assert digests[0] != digests[1]
