"""Statements against our payments: every difference is listed with its age and explained by a person."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.funds.statements.calculation import MatchItem, Tolerance, pair_lines
from services.funds.statements.schemas import MatchResult
from tests.clients import DISTRICT
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

COMPANY_NAME = "武威市水利工程有限公司"
DATE_TOLERANCE = Tolerance(3)


def build_item(number: str, amount: int, day: int = 20, payee: str = COMPANY_NAME) -> MatchItem:
    return MatchItem(uuid4(), number, amount, date(2024, 5, day), payee)


def match_items(theirs: Sequence[MatchItem], ours: Sequence[MatchItem]) -> list[tuple[MatchResult, str]]:
    return sorted((pair.match, pair.explanation) for pair in pair_lines(theirs, ours, DATE_TOLERANCE))


@pytest.mark.parametrize(
    ("theirs", "match", "explanation"),
    [
        (build_item("2024-1", 100), MatchResult.EXACT, ""),
        (build_item("２０２４－1", 100), MatchResult.EXACT, ""),
        (build_item("2024-1", 100, payee="武威市水利工程有限公司 "), MatchResult.EXACT, ""),
        (build_item("2024-1", 100, 23), MatchResult.TOLERATED, "日期相差 3 天"),
        (
            build_item("2024-1", 100, payee="武威市水利工程有限公司(基本户)"),
            MatchResult.TOLERATED,
            "收款人写法不同",
        ),
        (build_item("", 100, 21), MatchResult.TOLERATED, "凭证号不同"),
        (build_item("9", 100), MatchResult.TOLERATED, "凭证号不同"),
        (build_item("2024-1", 101), MatchResult.DIFFERS, "金额相差 0.01 元"),
        (build_item("2024-1", 100, 24), MatchResult.DIFFERS, "日期相差 4 天"),
        (build_item("2024-1", 100, payee="另一公司"), MatchResult.DIFFERS, "收款人写法不同"),
    ],
)
def test_one_of_theirs_against_one_of_ours(theirs: MatchItem, match: MatchResult, explanation: str) -> None:
    (pair,) = pair_lines([theirs], [build_item("2024-1", 100)], DATE_TOLERANCE)
    assert pair.match is match
    assert explanation in pair.explanation


def test_what_has_no_counterpart_stands_alone_on_its_side() -> None:
    pairs = pair_lines(
        [build_item("1", 100, payee="甲公司")], [build_item("2", 300, payee="乙公司")], DATE_TOLERANCE
    )
    assert [(pair.match, pair.theirs is None) for pair in pairs] == [
        (MatchResult.ALONE, False),
        (MatchResult.ALONE, True),
    ]


def test_a_voucher_that_comes_twice_matches_once_and_the_second_says_so() -> None:
    results = match_items([build_item("1", 100), build_item("1", 100)], [build_item("1", 100)])
    assert results == [(MatchResult.ALONE, "凭证号重复, 我方只有一笔"), (MatchResult.EXACT, "")]


def test_two_alike_without_numbers_are_not_guessed() -> None:
    results = match_items([build_item("", 100)], [build_item("1", 100), build_item("2", 100)])
    assert [match for match, _ in results] == [MatchResult.ALONE] * 3


def test_the_sure_pair_is_made_before_the_near_one() -> None:
    sure, near = build_item("1", 100, 20), build_item("2", 100, 19)
    ours_by_theirs = {
        pair.theirs: pair.ours
        for pair in pair_lines(
            [build_item("1", 100, 20), build_item("x", 100, 19)], [near, sure], DATE_TOLERANCE
        )
    }
    assert list(ours_by_theirs.values()) == [sure, near]


LINES_STRATEGY = st.lists(
    st.builds(build_item, st.sampled_from(["", "1", "2", "3"]), st.integers(-3, 3), st.integers(18, 26),
              st.sampled_from(["甲", "乙"])), max_size=8,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(theirs=LINES_STRATEGY, ours=LINES_STRATEGY)
def test_every_line_is_in_exactly_one_pair_and_the_difference_is_explained(
    theirs: list[MatchItem], ours: list[MatchItem]
) -> None:
    pairs = pair_lines(theirs, ours, DATE_TOLERANCE)
    assert sorted(item.theirs.id for item in pairs if item.theirs) == sorted(item.id for item in theirs)
    assert sorted(item.ours.id for item in pairs if item.ours) == sorted(item.id for item in ours)
    for item in pairs:
        if item.match in {MatchResult.EXACT, MatchResult.TOLERATED}:
            assert item.theirs is not None
            assert item.ours is not None
            assert item.theirs.amount == item.ours.amount


async def create_paid_payments(scenario: FundsScenario, *amounts: int) -> list[str]:
    """Pay several amounts of one allocation, each with a voucher of its own; return the ids."""
    allocation = await scenario.create_allocation(10_000_00)
    numbers = []
    for at, amount in enumerate(amounts, 1):
        payment = (await scenario.create_payment(allocation["id"], amount))["id"]
        for who, action in (
            (scenario.town, "submit"),
            (scenario.reviewer, "review"),
            (scenario.finance, "approve"),
        ):
            expect_ok(await scenario.transition_payment(who, payment, action))
        voucher = {"voucher_no": f"PZ{at}", "paid_on": "2024-05-20"}
        expect_ok(await scenario.transition_payment(scenario.cashier, payment, "pay", **voucher))
        numbers.append(payment)
    return numbers


def build_row(number: str, amount: str, day: str = "2024-05-20", payee: str = COMPANY_NAME) -> dict[str, str]:
    return {"voucher_no": number, "amount": amount, "happened_on": day, "payee": payee}


async def upload_statement(scenario: FundsScenario, *lines: dict[str, str], **overrides: Any) -> Any:
    body = {
        "region": DISTRICT,
        "title": "2024年5月国库支付对账单",
        "period_from": "2024-05-01",
        "period_to": "2024-05-31",
        "lines": lines,
        **overrides,
    }
    return expect_ok(await scenario.finance.post("/funds/reconciliations/statements", json=body), 201)


async def test_a_statement_is_matched_its_differences_aged_explained_and_closed_by_another(
    scenario: FundsScenario, clock: Clock
) -> None:
    payments = await create_paid_payments(scenario, 1_000_00, 2_000_00, 3_000_00)
    clock.advance(timedelta(days=12))
    detail = await upload_statement(
        scenario,
        build_row("PZ1", "1000.00"),
        build_row("PZ2", "2000.50"),
        build_row("PZ9", "77.00", "2024-05-30", "陌生公司"),
    )
    tallies = {
        (tally["side"], tally["match"]): (tally["lines"], tally["amount"]) for tally in detail["tallies"]
    }
    assert tallies == {
        ("theirs", "exact"): (1, "1000.00"),
        ("theirs", "differs"): (1, "2000.50"),
        ("theirs", "alone"): (1, "77.00"),
        ("ours", "alone"): (1, "3000.00"),
    }
    assert (detail["theirs"], detail["ours"], detail["difference"]) == ("3077.50", "6000.00", "-2922.50")
    differs, *alone = detail["lines"]
    assert (differs["record_id"], differs["age_days"]) == (payments[1], 12)
    assert "金额相差 0.50 元" in differs["explanation"]
    ages = {item["side"]: (item["age_days"], item["record_id"]) for item in alone}
    assert ages == {"theirs": (2, None), "ours": (12, payments[2])}
    address = f"/funds/reconciliations/statements/{detail['id']}"
    assert "3 笔" in expect_refusal(await scenario.cashier.post(f"{address}/close"), 409)["detail"]
    for line in detail["lines"]:
        expect_ok(
            await scenario.finance.post(
                f"{address}/lines/{line['id']}/resolve", json={"reason": "已与财政核对"}
            )
        )
    repeated = await scenario.finance.post(
        f"{address}/lines/{differs['id']}/resolve", json={"reason": "再说"}
    )
    expect_refusal(repeated, 409)
    expect_refusal(await scenario.finance.post(f"{address}/close"), 403)
    closed = expect_ok(await scenario.cashier.post(f"{address}/close"))
    assert (closed["state"], closed["closed_by"]) == ("closed", "liu")
    assert {line["resolved_by"] for line in closed["lines"]} == {"chen"}
    expect_refusal(await scenario.cashier.post(f"{address}/match"), 409)


async def test_matching_again_takes_what_was_booked_since_and_keeps_what_was_explained(
    scenario: FundsScenario,
) -> None:
    detail = await upload_statement(
        scenario, build_row("PZ1", "1000.00"), build_row("PZ8", "5.00", payee="陌生公司")
    )
    assert {line["match"] for line in detail["lines"]} == {"alone"}
    address = f"/funds/reconciliations/statements/{detail['id']}"
    strange = next(line for line in detail["lines"] if line["voucher_no"] == "PZ8")
    expect_ok(
        await scenario.finance.post(f"{address}/lines/{strange['id']}/resolve", json={"reason": "他县串户"})
    )
    await create_paid_payments(scenario, 1_000_00)
    after = expect_ok(await scenario.finance.post(f"{address}/match"))
    assert [(line["voucher_no"], line["match"]) for line in after["lines"]] == [("PZ8", "resolved")]
    assert after["difference"] == "5.00"
    expect_ok(await scenario.cashier.post(f"{address}/close"))


async def test_a_refund_matches_the_line_that_came_back(scenario: FundsScenario) -> None:
    (payment,) = await create_paid_payments(scenario, 1_000_00)
    body = {"amount": "200.00", "voucher_no": "TK1", "happened_on": "2024-05-20", "reason": "多付"}
    expect_ok(await scenario.cashier.post(f"/funds/payments/{payment}/refunds", json=body), 201)
    detail = await upload_statement(scenario, build_row("PZ1", "1000.00"), build_row("TK1", "-200.00"))
    assert detail["lines"] == []
    assert (detail["theirs"], detail["ours"], detail["difference"]) == ("800.00", "800.00", "0.00")


async def test_what_one_statement_accounts_for_is_not_open_in_the_next(scenario: FundsScenario) -> None:
    await create_paid_payments(scenario, 1_000_00, 2_000_00)
    await upload_statement(scenario, build_row("PZ1", "1000.00"))
    second = await upload_statement(
        scenario, build_row("PZ2", "2000.00"), build_row("PZ1", "1000.00"), title="补充对账单"
    )
    assert [(line["voucher_no"], line["match"]) for line in second["lines"]] == [("PZ1", "alone")]
    assert second["lines"][0]["explanation"] == "这个凭证号已在另一份对账单中相符"


async def test_a_statement_comes_as_a_file_and_wrong_cells_are_named(scenario: FundsScenario) -> None:
    await create_paid_payments(scenario, 1_000_00)

    async def file(text: str) -> str:
        answer = await scenario.finance.post(
            "/funds/files",
            params={"name": "对账单.csv"},
            headers={"Content-Type": "text/csv"},
            content=text.encode("gb18030"),
        )
        return str(expect_ok(answer, 201)["id"])

    good = await file(
        f'支付凭证号,支付日期,收款人名称,金额(元)\nPZ1,2024年5月20日,{COMPANY_NAME},"1,000.00"\n合计,,,1000\n'
    )
    detail = await upload_statement(scenario, lines=[], file_id=good)
    assert (detail["lines"], detail["difference"], detail["file_id"]) == ([], "0.00", good)
    bad = await file(f"凭证号,日期,收款人,金额(元)\nPZ1,昨天,{COMPANY_NAME},一千\n")
    body = {
        "region": DISTRICT,
        "title": "坏账单",
        "period_from": "2024-05-01",
        "period_to": "2024-05-31",
        "file_id": bad,
    }
    problem = expect_refusal(await scenario.finance.post("/funds/reconciliations/statements", json=body), 422)
    assert len(problem["errors"]) == 2


async def test_only_finance_and_its_machine_reconcile_and_only_at_home(scenario: FundsScenario) -> None:
    detail = await upload_statement(scenario, build_row("PZ1", "1.00"))
    address = f"/funds/reconciliations/statements/{detail['id']}"
    for role in ("bureau", "town_officer", "auditor", "leader"):
        assert (await scenario.door.client_as(role).get(address)).status_code == 403
    stranger = scenario.door.client_as("finance", "620623000000", person="other")
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.post(f"{address}/close")).status_code == 404
    body = {"region": DISTRICT, "title": "越界", "period_from": "2024-05-01", "period_to": "2024-05-02",
            "lines": [build_row("PZ1", "1.00")]}  # fmt: skip
    assert (await stranger.post("/funds/reconciliations/statements", json=body)).status_code == 404
