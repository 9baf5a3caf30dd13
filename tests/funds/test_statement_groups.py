"""Bank lines that agree with our vouchers only in sum, and bank fees."""

from datetime import date
from uuid import uuid4

from services.funds.statements.calculation import MatchItem, Tolerance, pair_lines
from services.funds.statements.schemas import MatchResult
from tests.funds.factories_funds import FundsScenario, expect_ok
from tests.funds.test_statements import (
    COMPANY_NAME,
    build_item,
    build_row,
    create_paid_payments,
    upload_statement,
)

TOLERANCE = Tolerance(3, fee_words=("手续费",), fee_most=200_00)


def build_fee(amount: int, number: str = "") -> MatchItem:
    return MatchItem(uuid4(), number, amount, date(2024, 5, 20), "", "跨行手续费")


async def test_one_voucher_in_two_bank_lines_agrees_in_sum(scenario: FundsScenario) -> None:
    await create_paid_payments(scenario, 603_000)

    statement = await upload_statement(
        scenario, build_row("PZ1", "3000.00"), build_row("PZ1", "3030.00", "2024-05-21")
    )

    detail = expect_ok(await scenario.finance.get(f"/funds/reconciliations/statements/{statement['id']}"))
    assert detail["difference"] == "0.00"
    assert {(line["side"], line["match"], line["group_no"]) for line in detail["lines"]} == {
        ("theirs", "grouped", 1),
        ("ours", "grouped", 1),
    }
    assert "合计相符, 6030.00 元" in detail["lines"][0]["explanation"]
    closed = await scenario.cashier.post(
        f"/funds/reconciliations/statements/{statement['id']}/close", json={}
    )
    assert expect_ok(closed)["state"] == "closed"


async def test_a_line_that_names_two_vouchers_agrees_with_both(scenario: FundsScenario) -> None:
    await create_paid_payments(scenario, 100_00, 250_00)

    statement = await upload_statement(scenario, build_row("PZ2+PZ1", "350.00"))

    path = f"/funds/reconciliations/statements/{statement['id']}"
    detail = expect_ok(await scenario.finance.get(path))
    assert (detail["theirs"], detail["ours"], detail["difference"]) == ("350.00", "350.00", "0.00")
    assert [line["match"] for line in detail["lines"]] == ["grouped"] * 3
    again = await scenario.finance.post(f"{path}/match", json={})
    expect_ok(again)
    assert expect_ok(await scenario.finance.get(path))["ours"] == "350.00", "matching again adds nothing"
    other = await upload_statement(scenario, build_row("PZ1", "100.00"), title="另一份对账单")
    detail = expect_ok(await scenario.finance.get(f"/funds/reconciliations/statements/{other['id']}"))
    assert [line["match"] for line in detail["lines"]] == ["alone"], "a record of a group is used up"


def test_a_merged_line_without_a_number_is_the_only_sum_of_its_payee() -> None:
    ours = [build_item("1", 100), build_item("2", 250), build_item("3", 400)]

    pairs = pair_lines([build_item("", 350)], ours, TOLERANCE)

    assert sorted((pair.match, (pair.ours or pair.theirs).voucher_no) for pair in pairs) == [  # type: ignore[union-attr]
        (MatchResult.ALONE, "3"),
        (MatchResult.GROUPED, ""),
        (MatchResult.GROUPED, "1"),
        (MatchResult.GROUPED, "2"),
    ]


def test_where_two_sums_are_possible_none_is_chosen() -> None:
    ours = [build_item("1", 100), build_item("2", 250), build_item("3", 250)]

    pairs = pair_lines([build_item("", 350)], ours, TOLERANCE)

    assert {pair.match for pair in pairs} == {MatchResult.ALONE}


def test_a_bank_fee_is_a_class_of_its_own_up_to_its_limit() -> None:
    pairs = pair_lines([build_fee(5_50), build_fee(200_01)], [], TOLERANCE)

    assert [pair.match for pair in pairs] == [MatchResult.FEE, MatchResult.ALONE]


def test_a_merged_payment_with_its_fee_agrees_and_the_fee_is_named() -> None:
    ours = [build_item("1", 100_00), build_item("2", 250_00)]
    line = MatchItem(uuid4(), "1+2", 355_50, date(2024, 5, 20), COMPANY_NAME, "工程款及手续费")

    pairs = pair_lines([line], ours, TOLERANCE)

    assert {pair.match for pair in pairs} == {MatchResult.GROUPED}
    assert "其中手续费 5.50 元" in pairs[0].explanation


def test_lines_of_a_number_that_do_not_add_up_still_differ() -> None:
    pairs = pair_lines([build_item("1", 300), build_item("1", 302)], [build_item("1", 603)], TOLERANCE)

    assert sorted(pair.match for pair in pairs) == [MatchResult.ALONE, MatchResult.DIFFERS]
