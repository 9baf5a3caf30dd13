"""fsck: tables that do not follow from the event log are found and named, on both databases, through the auditor's door."""

import pytest
import sqlalchemy as sa

from services.funds.fsck import FSCK
from shared.app.fsck_routes import run_waiting_fsck
from shared.events import audit_log
from shared.events.fsck import BASELINE_MARK, FsckReport, check_service, check_session, write_baseline
from tests.funds.factories_funds import FundsScenario, expect_ok
from tests.trust.tampering import tamper, tampered


async def _create_books(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    payment = await scenario.create_paid_payment(allocation["id"], 200_00)
    refund = {"amount": "50.00", "voucher_no": "退1", "happened_on": "2024-05-20", "reason": "多付"}
    expect_ok(await scenario.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=refund), 201)
    await audit_log.seal_rows(scenario.door.context)


async def _check(scenario: FundsScenario) -> FsckReport:
    return await check_service("funds", scenario.door.context.database, FSCK)


async def test_an_auditor_has_the_books_compared_with_the_log(scenario: FundsScenario) -> None:
    await _create_books(scenario)
    started = expect_ok(await scenario.auditor.post("/funds/log/fsck"), 202)
    again = expect_ok(await scenario.auditor.post("/funds/log/fsck"), 202)
    waiting = expect_ok(await scenario.auditor.get("/funds/log/fsck"))
    await run_waiting_fsck(scenario.door.context, FSCK)
    finished = expect_ok(await scenario.auditor.get("/funds/log/fsck"))

    assert started["id"] == again["id"] == waiting["id"] == finished["id"]
    assert (waiting["state"], finished["state"]) == ("waiting", "finished")
    assert finished["report"]["differences"] == finished["report"]["log"]["faults"] == []
    assert finished["report"]["rows"] == finished["rows"] > 20
    assert (await scenario.town.post("/funds/log/fsck")).status_code == 403


# ruff: noqa: S608 - names of this test
ENTRY = "(SELECT id FROM ledger_entry WHERE kind = 'payment' AND amount = 30000)"
LINES = f"ledger_posting WHERE entry_id = {ENTRY}"
RECOMPUTE = """
UPDATE ledger_account SET balance = (SELECT coalesce(sum(p.amount), 0) * CASE kind WHEN 'received' THEN -1 ELSE 1 END
    FROM ledger_posting AS p WHERE p.account_id = ledger_account.id)
"""
NAMED = {
    "a payment's entry deleted, balances recomputed": (
        [
            f"DELETE FROM {LINES}",
            "DELETE FROM ledger_entry WHERE kind = 'payment' AND amount = 30000",
            RECOMPUTE,
        ],
        "被删除",
    ),
    "amounts changed on both legs": (
        [
            f"UPDATE ledger_posting SET amount = amount / 2 WHERE entry_id = {ENTRY}",
            "UPDATE ledger_entry SET amount = 15000 WHERE kind = 'payment' AND amount = 30000",
            RECOMPUTE,
        ],
        "amount: 日志里是 30000, 表里是 15000",
    ),
    "author of an entry": (
        ["UPDATE ledger_entry SET recorded_by = 'nobody' WHERE kind = 'payment'"],
        "recorded_by",
    ),
    "date of an entry": (
        ["UPDATE ledger_entry SET happened_on = '2024-01-02' WHERE kind = 'payment'"],
        "happened_on",
    ),
    "reason of an entry": (["UPDATE ledger_entry SET reason = '补' WHERE kind = 'payment'"], "其他栏目"),
    "payee of a payment": (["UPDATE payment SET payee_name = '别人'"], "其他栏目"),
    "payee of an account": (["UPDATE ledger_account SET payee = '别人' WHERE kind = 'paid'"], "收款人被改动"),
    "title of a source": (["UPDATE source SET title = '别的'"], "title"),
    "a payment made unpaid": (["UPDATE payment SET state = 'draft' WHERE amount = 30000"], "state"),
    "a refund removed": (["DELETE FROM refund", "UPDATE payment SET refunded = 0"], "被删除"),
    "an account closed for a year": (["UPDATE ledger_account SET closed_year = 2025"], "结到 2025 年"),
    "a source that nobody registered": (
        [
            "UPDATE source SET id = '00000000-0000-7000-8000-000000000001'",
        ],
        "没有来历",
    ),
}


@pytest.fixture
async def books(scenario: FundsScenario) -> FundsScenario:
    """Sources, plans, allocations, payments and a refund, sealed."""
    await _create_books(scenario)
    return scenario


async def test_each_known_way_to_tamper_is_found_and_named(books: FundsScenario) -> None:
    assert (await _check(books)).differences == []
    unseen = []
    for name, (statements, word) in NAMED.items():
        texts = [sa.text(one) for one in statements]
        async with tampered(books.door.context.database, *texts) as session:
            report = await check_session(session, "funds", FSCK)
        if not any(word in one.words for one in report.differences):
            unseen.append((name, [one.words for one in report.differences]))
    assert unseen == []
    assert (await _check(books)).differences == []


async def test_a_year_reopened_behind_the_system_is_found(scenario: FundsScenario) -> None:
    await scenario.create_source(
        100_00, fiscal_year=2023, received_on="2023-06-01", document_date="2023-05-20"
    )
    expect_ok(await scenario.finance.post("/funds/years/2023/close", json={"region": "620602000000"}), 201)
    assert (await _check(scenario)).differences == []
    statements = [
        sa.text("UPDATE year_closing SET reopened_at = '2024-05-20 01:00:00'"),
        sa.text("UPDATE ledger_account SET closed_year = 0"),
    ]
    async with tampered(scenario.door.context.database, *statements) as session:
        report = await check_session(session, "funds", FSCK)

    assert any("reopened_at" in one.words for one in report.differences)


async def test_rows_of_earlier_versions_get_a_baseline_and_are_proved_from_then_on(
    books: FundsScenario,
) -> None:
    context = books.door.context
    mark = {"subscriber": BASELINE_MARK, "due_at": context.clock()}
    await tamper(
        context.database,
        sa.text("UPDATE event_log SET records = '{}'"),
        sa.text("DELETE FROM log_tile"),
        sa.text("DELETE FROM log_seal"),
        sa.text(
            "INSERT INTO log_cursor (subscriber, tx, seq, attempts, failures, refusals, due_at, last_error) "
            "VALUES (:subscriber, 0, 0, 0, 0, 0, :due_at, '')"
        ).bindparams(subscriber=mark["subscriber"], due_at=mark["due_at"]),
    )
    assert {one.kind for one in (await _check(books)).differences} >= {"untold"}

    written = await write_baseline(context, FSCK)

    assert written > 20
    report = await _check(books)
    assert report.differences == []
    assert report.proved_since == context.clock()
    assert await write_baseline(context, FSCK) == 0
