"""The database itself refuses to change or remove rows of log and books, and entries that do not add up."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from services.funds.ledger.repository import ENTRY, POSTING
from shared.db import execute_core, new_id
from shared.events import audit_log
from tests.conftest import SQLITE
from tests.funds.factories_funds import FundsScenario, expect_ok


async def _create_rows(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    await audit_log.seal_rows(scenario.door.context)


async def _execute(scenario: FundsScenario, *statements: sa.Executable) -> None:
    async with scenario.door.context.database.write() as session:
        for statement in statements:
            await execute_core(session, statement)


@pytest.mark.parametrize("table", ["event_log", "log_seal", "ledger_entry", "ledger_posting"])
async def test_rows_of_log_and_books_are_neither_changed_nor_removed(
    scenario: FundsScenario, table: str
) -> None:
    await _create_rows(scenario)
    column = {"event_log": "reason", "log_seal": "digest", "ledger_entry": "reason"}.get(table)
    change = f"{column} = ''" if column else "amount = amount + 1"
    attempts = [f"UPDATE {table} SET {change}", f"DELETE FROM {table}"]  # noqa: S608 - names of this test
    attempts += [] if SQLITE else [f"TRUNCATE {table} CASCADE"]
    for attempt in attempts:
        with pytest.raises(DBAPIError, match="append-only"):
            await _execute(scenario, sa.text(attempt))

    assert expect_ok(await scenario.auditor.get("/funds/ledger/trial"))["balanced"] is True


async def test_a_line_is_not_added_to_a_whole_entry(scenario: FundsScenario) -> None:
    await _create_rows(scenario)
    copy = sa.select(
        POSTING.c.entry_id,
        POSTING.c.position + 100,
        POSTING.c.account_id,
        POSTING.c.amount,
        POSTING.c.happened_on,
    ).where(POSTING.c.amount > 0)
    with pytest.raises(DBAPIError, match="amount"):
        await _execute(scenario, POSTING.insert().from_select(POSTING.c.keys(), copy))


@pytest.mark.parametrize("lines", [[], [50_00], [100_00, -90_00]])
async def test_an_entry_adds_up_to_zero_when_it_is_committed(
    scenario: FundsScenario, lines: list[int]
) -> None:
    if SQLITE:
        pytest.skip("SQLite has no deferred triggers; what does not add up is found by fsck")
    await _create_rows(scenario)
    async with scenario.door.context.database.read() as session:
        entry = (await execute_core(session, sa.select(ENTRY).limit(1))).one()
        posting = (await execute_core(session, sa.select(POSTING).limit(1))).one()
    new = entry._asdict() | {"id": new_id(), "key": "made up", "amount": 100_00}
    rows = [
        posting._asdict() | {"entry_id": new["id"], "position": number, "amount": amount}
        for number, amount in enumerate(lines, 1)
    ]
    inserts = [ENTRY.insert().values(new), *(POSTING.insert().values(row) for row in rows)]
    with pytest.raises(DBAPIError, match="does not add up"):
        await _execute(scenario, *inserts)
