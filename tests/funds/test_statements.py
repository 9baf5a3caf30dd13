"""Their statement against our payments: every difference is shown with its age and explained by somebody."""

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
    return sorted((one.match, one.explanation) for one in pair_lines(theirs, ours, DATE_TOLERANCE))


@pytest.mark.parametrize(
    ("theirs", "match", "told"),
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
def test_one_of_theirs_against_one_of_ours(theirs: MatchItem, match: MatchResult, told: str) -> None:
    (found,) = pair_lines([theirs], [build_item("2024-1", 100)], DATE_TOLERANCE)
    assert found.match is match
    assert told in found.explanation


def test_what_has_no_counterpart_stands_alone_on_its_side() -> None:
    found = pair_lines(
        [build_item("1", 100, payee="甲公司")], [build_item("2", 300, payee="乙公司")], DATE_TOLERANCE
    )
    assert [(one.match, one.theirs is None) for one in found] == [
        (MatchResult.ALONE, False),
        (MatchResult.ALONE, True),
    ]


def test_a_voucher_that_comes_twice_matches_once_and_the_second_says_so() -> None:
    found = match_items([build_item("1", 100), build_item("1", 100)], [build_item("1", 100)])
    assert found == [(MatchResult.ALONE, "凭证号重复, 我方只有一笔"), (MatchResult.EXACT, "")]


def test_two_alike_without_numbers_are_not_guessed() -> None:
    found = match_items([build_item("", 100)], [build_item("1", 100), build_item("2", 100)])
    assert [match for match, _ in found] == [MatchResult.ALONE] * 3


def test_the_sure_pair_is_made_before_the_near_one() -> None:
    sure, near = build_item("1", 100, 20), build_item("2", 100, 19)
    found = {
        one.theirs: one.ours
        for one in pair_lines(
            [build_item("1", 100, 20), build_item("x", 100, 19)], [near, sure], DATE_TOLERANCE
        )
    }
    assert list(found.values()) == [sure, near]


LINES_STRATEGY = st.lists(
    st.builds(build_item, st.sampled_from(["", "1", "2", "3"]), st.integers(-3, 3), st.integers(18, 26),
              st.sampled_from(["甲", "乙"])), max_size=8,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(theirs=LINES_STRATEGY, ours=LINES_STRATEGY)
def test_every_line_is_in_exactly_one_pair_and_the_difference_is_explained(
    theirs: list[MatchItem], ours: list[MatchItem]
) -> None:
    found = pair_lines(theirs, ours, DATE_TOLERANCE)
    assert sorted(one.theirs.id for one in found if one.theirs) == sorted(one.id for one in theirs)
    assert sorted(one.ours.id for one in found if one.ours) == sorted(one.id for one in ours)
    for one in found:
        if one.match in {MatchResult.EXACT, MatchResult.TOLERATED}:
            assert one.theirs is not None
            assert one.ours is not None
            assert one.theirs.amount == one.ours.amount


async def create_paid_payments(desk: FundsScenario, *amounts: int) -> list[str]:
    """Payments of one allocation, each under a voucher of its own."""
    given_ = await desk.create_allocation(10_000_00)
    numbers = []
    for at, amount in enumerate(amounts, 1):
        payment = (await desk.create_payment(given_["id"], amount))["id"]
        for who, action in ((desk.town, "submit"), (desk.reviewer, "review"), (desk.finance, "approve")):
            expect_ok(await desk.transition_payment(who, payment, action))
        voucher = {"voucher_no": f"PZ{at}", "paid_on": "2024-05-20"}
        expect_ok(await desk.transition_payment(desk.cashier, payment, "pay", **voucher))
        numbers.append(payment)
    return numbers


def build_row(number: str, amount: str, day: str = "2024-05-20", payee: str = COMPANY_NAME) -> dict[str, str]:
    return {"voucher_no": number, "amount": amount, "happened_on": day, "payee": payee}


async def upload_statement(desk: FundsScenario, *lines: dict[str, str], **given_: Any) -> Any:
    body = {
        "region": DISTRICT,
        "title": "2024年5月国库支付对账单",
        "period_from": "2024-05-01",
        "period_to": "2024-05-31",
        "lines": lines,
        **given_,
    }
    return expect_ok(await desk.finance.post("/funds/reconciliations/statements", json=body), 201)


async def test_a_statement_is_matched_its_differences_aged_explained_and_closed_by_another(
    desk: FundsScenario, clock: Clock
) -> None:
    payments = await create_paid_payments(desk, 1_000_00, 2_000_00, 3_000_00)
    clock.advance(timedelta(days=12))
    found = await upload_statement(
        desk,
        build_row("PZ1", "1000.00"),
        build_row("PZ2", "2000.50"),
        build_row("PZ9", "77.00", "2024-05-30", "陌生公司"),
    )
    tallies = {(one["side"], one["match"]): (one["lines"], one["amount"]) for one in found["tallies"]}
    assert tallies == {
        ("theirs", "exact"): (1, "1000.00"),
        ("theirs", "differs"): (1, "2000.50"),
        ("theirs", "alone"): (1, "77.00"),
        ("ours", "alone"): (1, "3000.00"),
    }
    assert (found["theirs"], found["ours"], found["difference"]) == ("3077.50", "6000.00", "-2922.50")
    differs, *alone = found["lines"]
    assert (differs["record_id"], differs["age_days"]) == (payments[1], 12)
    assert "金额相差 0.50 元" in differs["explanation"]
    ages = {one["side"]: (one["age_days"], one["record_id"]) for one in alone}
    assert ages == {"theirs": (2, None), "ours": (12, payments[2])}
    address = f"/funds/reconciliations/statements/{found['id']}"
    assert "3 笔" in expect_refusal(await desk.cashier.post(f"{address}/close"), 409)["detail"]
    for one in found["lines"]:
        expect_ok(
            await desk.finance.post(f"{address}/lines/{one['id']}/resolve", json={"reason": "已与财政核对"})
        )
    again = await desk.finance.post(f"{address}/lines/{differs['id']}/resolve", json={"reason": "再说"})
    expect_refusal(again, 409)
    expect_refusal(await desk.finance.post(f"{address}/close"), 403)
    closed = expect_ok(await desk.cashier.post(f"{address}/close"))
    assert (closed["state"], closed["closed_by"]) == ("closed", "liu")
    assert {one["resolved_by"] for one in closed["lines"]} == {"chen"}
    expect_refusal(await desk.cashier.post(f"{address}/match"), 409)


async def test_matching_again_takes_what_was_booked_since_and_keeps_what_was_explained(
    desk: FundsScenario,
) -> None:
    found = await upload_statement(
        desk, build_row("PZ1", "1000.00"), build_row("PZ8", "5.00", payee="陌生公司")
    )
    assert {one["match"] for one in found["lines"]} == {"alone"}
    address = f"/funds/reconciliations/statements/{found['id']}"
    strange = next(one for one in found["lines"] if one["voucher_no"] == "PZ8")
    expect_ok(
        await desk.finance.post(f"{address}/lines/{strange['id']}/resolve", json={"reason": "他县串户"})
    )
    await create_paid_payments(desk, 1_000_00)
    after = expect_ok(await desk.finance.post(f"{address}/match"))
    assert [(one["voucher_no"], one["match"]) for one in after["lines"]] == [("PZ8", "resolved")]
    assert after["difference"] == "5.00"
    expect_ok(await desk.cashier.post(f"{address}/close"))


async def test_a_refund_matches_the_line_that_came_back(desk: FundsScenario) -> None:
    (payment,) = await create_paid_payments(desk, 1_000_00)
    body = {"amount": "200.00", "voucher_no": "TK1", "happened_on": "2024-05-20", "reason": "多付"}
    expect_ok(await desk.cashier.post(f"/funds/payments/{payment}/refunds", json=body), 201)
    found = await upload_statement(desk, build_row("PZ1", "1000.00"), build_row("TK1", "-200.00"))
    assert found["lines"] == []
    assert (found["theirs"], found["ours"], found["difference"]) == ("800.00", "800.00", "0.00")


async def test_what_one_statement_accounts_for_is_not_open_in_the_next(desk: FundsScenario) -> None:
    await create_paid_payments(desk, 1_000_00, 2_000_00)
    await upload_statement(desk, build_row("PZ1", "1000.00"))
    second = await upload_statement(
        desk, build_row("PZ2", "2000.00"), build_row("PZ1", "1000.00"), title="补充对账单"
    )
    assert [(one["voucher_no"], one["match"]) for one in second["lines"]] == [("PZ1", "alone")]
    assert second["lines"][0]["explanation"] == "这个凭证号已在另一份对账单中相符"


async def test_a_statement_comes_as_a_file_and_wrong_cells_are_named(desk: FundsScenario) -> None:
    await create_paid_payments(desk, 1_000_00)

    async def file(text: str) -> str:
        answer = await desk.finance.post(
            "/funds/files",
            params={"name": "对账单.csv"},
            headers={"Content-Type": "text/csv"},
            content=text.encode("gb18030"),
        )
        return str(expect_ok(answer, 201)["id"])

    good = await file(
        f'支付凭证号,支付日期,收款人名称,金额(元)\nPZ1,2024年5月20日,{COMPANY_NAME},"1,000.00"\n合计,,,1000\n'
    )
    found = await upload_statement(desk, lines=[], file_id=good)
    assert (found["lines"], found["difference"], found["file_id"]) == ([], "0.00", good)
    bad = await file(f"凭证号,日期,收款人,金额(元)\nPZ1,昨天,{COMPANY_NAME},一千\n")
    body = {
        "region": DISTRICT,
        "title": "坏账单",
        "period_from": "2024-05-01",
        "period_to": "2024-05-31",
        "file_id": bad,
    }
    problem = expect_refusal(await desk.finance.post("/funds/reconciliations/statements", json=body), 422)
    assert len(problem["errors"]) == 2


async def test_only_finance_and_its_machine_reconcile_and_only_at_home(desk: FundsScenario) -> None:
    found = await upload_statement(desk, build_row("PZ1", "1.00"))
    address = f"/funds/reconciliations/statements/{found['id']}"
    for role in ("bureau", "town_officer", "auditor", "leader"):
        assert (await desk.door.client_as(role).get(address)).status_code == 403
    stranger = desk.door.client_as("finance", "620623000000", person="other")
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.post(f"{address}/close")).status_code == 404
    body = {"region": DISTRICT, "title": "越界", "period_from": "2024-05-01", "period_to": "2024-05-02",
            "lines": [build_row("PZ1", "1.00")]}  # fmt: skip
    assert (await stranger.post("/funds/reconciliations/statements", json=body)).status_code == 404
