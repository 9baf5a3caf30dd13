"""The ledger equations hold in every row at every date, and every figure can be traced to its entries."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.trust.tampering import tamper


def satisfies_equations(figures: dict[str, str]) -> bool:
    """received = available + allocated, and allocated = paid + unpaid."""
    fen = {name: int(value.replace(".", "")) for name, value in figures.items()}
    return (fen["received"], fen["allocated"]) == (
        fen["available"] + fen["allocated"],
        fen["paid"] + fen["unpaid"],
    )


@pytest.mark.parametrize("by", ["source", "project", "payee", "year"])
async def test_the_rule_holds_in_every_row_however_it_is_grouped(
    scenario: FundsScenario, library: FakeProjectLibrary, by: str
) -> None:
    first = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(first["id"], 300_00)
    second = await scenario.create_allocation(500_00)
    payment = await scenario.create_payment(second["id"], 200_00)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    await scenario.create_source(700_00, fiscal_year=2023)
    for params in ({}, {"as_of": "2024-05-20"}, {"as_of": "2024-05-09"}, {"payee": ""}):
        positions = expect_ok(await scenario.auditor.get("/funds/ledger", params={"by": by, **params}))
        assert positions["rows"]
        assert all(satisfies_equations(row["figures"]) for row in positions["rows"]), positions
        assert satisfies_equations(positions["total"])


async def test_a_report_as_of_a_day_is_what_stood_then(scenario: FundsScenario, clock: Clock) -> None:
    allocation = await scenario.create_allocation(1000_00)
    clock.advance(timedelta(days=1))
    payment = await scenario.create_payment(allocation["id"], 300_00)
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment["id"], action))
    clock.advance(timedelta(days=9))
    voucher = {"voucher_no": "1", "paid_on": "2024-05-25"}
    expect_ok(await scenario.transition_payment(scenario.cashier, payment["id"], "pay", **voucher))
    days = {
        "2024-05-07": ("0.00", "0.00", "0.00"),
        "2024-05-19": ("1000.00", "0.00", "0.00"),
        "2024-05-20": ("1000.00", "1000.00", "0.00"),
        "2024-05-24": ("1000.00", "1000.00", "0.00"),
        "2024-05-25": ("1000.00", "1000.00", "300.00"),
    }
    for day, (received, allocated, paid) in days.items():
        total = expect_ok(await scenario.auditor.get("/funds/ledger", params={"as_of": day}))["total"]
        assert (total["received"], total["allocated"], total["paid"]) == (received, allocated, paid), day
    now = expect_ok(await scenario.auditor.get("/funds/ledger"))["total"]
    assert (
        now == expect_ok(await scenario.auditor.get("/funds/ledger", params={"as_of": "2024-05-30"}))["total"]
    )


async def test_every_figure_opens_to_the_entries_behind_it(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    await scenario.create_paid_payment(allocation["id"], 200_00)
    await scenario.create_allocation(5000_00)
    filters = {"project_id": allocation["project_id"], "kind": "paid"}
    entries = expect_ok(await scenario.auditor.get("/funds/ledger/entries", params=filters))["items"]
    assert sorted(entry["amount"] for entry in entries) == ["200.00", "300.00"]
    for entry in entries:
        assert sum(float(part["amount"]) for part in entry["lines"]) == 0
        assert entry["document_no"] in {"2024-000123", "2024-000124"}
    totals = await scenario.get_totals(project_id=allocation["project_id"])
    assert totals["paid"] == 500_00


async def test_entries_are_paged_without_loss(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    for _ in range(3):
        await scenario.create_paid_payment(allocation["id"], 100_00)
    entry_ids, cursor = [], ""
    while True:
        page = expect_ok(
            await scenario.auditor.get(
                "/funds/ledger/entries", params={"limit": 4, "cursor": cursor, "count": "exact"}
            )
        )
        entry_ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(entry_ids) == len(set(entry_ids)) == page["total"] == 9


async def test_the_trial_balance_shows_each_kind_of_account(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    trial = expect_ok(await scenario.auditor.get("/funds/ledger/trial"))
    rows = {row["kind"]: row["balance"] for row in trial["rows"]}
    assert trial["balanced"] is True
    assert trial["debits"] == trial["credits"]
    assert (rows["received"], rows["paid"], rows["unpaid"]) == ("1000.00", "300.00", "700.00")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ledger_account SET balance = balance + 1 WHERE kind = 'paid'", "broken_accounts"),
        ("UPDATE ledger_posting SET amount = amount + 1 WHERE amount > 0", "lopsided_entries"),
        ("UPDATE ledger_account SET balance = balance + 1 WHERE kind = 'received'", "unbalanced_sources"),
    ],
)
async def test_books_that_were_tampered_with_are_found_out(
    scenario: FundsScenario, statement: str, named: str
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    await tamper(scenario.door.context.database, sa.text(statement))
    trial = expect_ok(await scenario.auditor.get("/funds/ledger/trial"))
    assert trial["balanced"] is False
    assert trial[named]


async def test_a_town_sees_its_own_projects_money_and_the_rule_holds_there_too(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    own, other = library.create_project(), library.create_project(region="620602101000")
    plan = await scenario.create_plan(
        build_line(own, source["id"], 600_00), build_line(other, source["id"], 300_00)
    )
    await scenario.issue_plan(plan["id"])
    positions = expect_ok(await scenario.town.get("/funds/ledger"))
    assert positions["total"]["received"] == positions["total"]["allocated"] == "600.00"
    assert satisfies_equations(positions["total"])
    entries: list[dict[str, Any]] = expect_ok(await scenario.town.get("/funds/ledger/entries"))["items"]
    assert [entry["amount"] for entry in entries] == ["600.00"]
    assert expect_ok(await scenario.town.get("/funds/ledger/trial"))["balanced"] is True


async def test_admin_and_villagers_see_no_money(scenario: FundsScenario) -> None:
    expect_refusal(await scenario.door.client_as("admin").get("/funds/ledger"), 403)
    expect_refusal(await scenario.door.anonymous_client().get("/funds/ledger"), 401)
