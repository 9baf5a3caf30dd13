"""Every supervision rule, on both sides of its limit."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.funds.alerts.calculation import find_checkpoint, find_split_window
from services.funds.alerts.rules import Checkpoint
from services.funds.allocations.models import Allocation
from services.funds.contracts.models import Contract
from shared.db import notice
from tests.conftest import Clock
from tests.funds.factories_alerts import list_alerts, record_project_progress, update_payment_row, update_rows
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok


async def test_a_clean_month_raises_nothing(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await record_project_progress(scenario, UUID(allocation["project_id"]), 100, date(2024, 5, 20))
    await scenario.create_paid_payment(allocation["id"], 10_000_00)
    found = [alert["rule"] for alert in await list_alerts(scenario)]
    assert found == ["alert.notice_afterwards"], "the scenario enters its notice ten days late"


async def test_money_that_lies_still_is_found_with_its_rows_and_gets_redder(
    scenario: FundsScenario, clock: Clock
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    clock.advance(timedelta(days=59))
    assert await list_alerts(scenario, "idle") == []
    clock.advance(timedelta(days=1))
    (alert,) = await list_alerts(scenario, "idle")
    assert (alert["kind"], alert["light"], alert["subject"]) == ("speed", "yellow", allocation["id"])
    assert alert["figures"]["未支付"] == "10000.00"
    assert alert["region"] == "620602100000"
    detail = expect_ok(await scenario.auditor.get(f"/funds/alerts/{alert['id']}"))
    assert detail["rows"][0]["document_no"].startswith("青财农字")
    assert detail["rows"][0]["unpaid"] == "10000.00"
    clock.advance(timedelta(days=120))
    (same,) = await list_alerts(scenario, "idle")
    assert (same["id"], same["light"]) == (alert["id"], "red")


async def test_thirty_days_are_enough_to_break_a_document_down_and_thirty_one_are_not(
    scenario: FundsScenario, clock: Clock
) -> None:
    source = await scenario.create_source(10_000_00)
    clock.set(clock.now() + timedelta(days=18))  # 7 June, thirty days after 8 May
    assert await list_alerts(scenario, "break_down") == []
    clock.advance(timedelta(days=1))
    (alert,) = await list_alerts(scenario, "break_down")
    assert (alert["subject"], alert["light"]) == (source["id"], "orange")
    assert "31 天" in alert["message"]
    assert alert["figures"]["未下达"] == "10000.00"


def test_the_schedule_gives_the_last_point_that_is_over() -> None:
    points = [Checkpoint(by="06-30", percent=50), Checkpoint(by="09-30", percent=75)]
    assert find_checkpoint(points, date(2024, 6, 30)) is None
    assert find_checkpoint(points, date(2024, 7, 1)) == (date(2024, 6, 30), 50)
    assert find_checkpoint(points, date(2024, 12, 1)) == (date(2024, 9, 30), 75)


@pytest.mark.parametrize(("paid", "lights"), [(2_999_99, ["red"]), (4_999_99, ["orange"]), (5_000_00, [])])
async def test_spending_behind_the_schedule_is_found_and_exactly_on_it_is_not(
    scenario: FundsScenario, clock: Clock, paid: int, lights: list[str]
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await scenario.create_paid_payment(allocation["id"], paid)
    clock.advance(timedelta(days=41))
    assert await list_alerts(scenario, "slow") == [], "on 30 June there is still time"
    clock.advance(timedelta(days=1))
    raised = await list_alerts(scenario, "slow")
    assert [item["light"] for item in raised] == lights
    assert [item["figures"]["应达%"] for item in raised] == ["50" for _ in lights]


async def test_paid_ahead_of_the_works_is_found(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await scenario.create_paid_payment(allocation["id"], 6_000_00)
    project = UUID(allocation["project_id"])
    await record_project_progress(scenario, project, 50, date(2024, 5, 20))
    assert await list_alerts(scenario, "ahead") == []
    await record_project_progress(scenario, project, 49, date(2024, 5, 20))
    (alert,) = await list_alerts(scenario, "ahead")
    assert (alert["kind"], alert["light"], alert["subject"]) == ("amount", "orange", str(project))
    await record_project_progress(scenario, project, 20, date(2024, 5, 20))
    assert (await list_alerts(scenario, "ahead"))[0]["light"] == "red"


@pytest.mark.parametrize(
    ("reported", "expected"),
    [(None, "没有任何现场"), (date(2024, 2, 20), None), (date(2024, 2, 19), "已过 91 天")],
)
async def test_paid_long_after_anybody_was_on_the_site_is_found(
    scenario: FundsScenario, reported: date | None, expected: str | None
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    if reported is not None:
        await record_project_progress(scenario, UUID(allocation["project_id"]), 100, reported)
    payment = await scenario.create_paid_payment(allocation["id"], 1_000_00)
    alerts = await list_alerts(scenario, "evidence")
    assert [item["subject"] for item in alerts] == ([payment["id"]] if expected else [])
    assert not expected or expected in alerts[0]["message"]


async def test_a_large_sum_cut_into_pieces_is_found(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(2_000_000_00)
    first = await scenario.create_paid_payment(allocation["id"], 300_000_00)
    assert await list_alerts(scenario, "split") == []
    second = await scenario.create_paid_payment(allocation["id"], 200_000_00)
    (alert,) = await list_alerts(scenario, "split")
    assert alert["figures"] == {"笔数": "2", "合计": "500000.00", "起点": "500000.00"}
    rows = expect_ok(await scenario.auditor.get(f"/funds/alerts/{alert['id']}"))["rows"]
    assert {row["id"] for row in rows} == {first["id"], second["id"]}
    await update_payment_row(scenario, first["id"], applied_on=date(2024, 4, 19))
    assert (await list_alerts(scenario, "split"))[0]["gone"], "31 days apart is not together"


def test_a_window_slides_over_payments() -> None:
    class Row:
        def __init__(self, day: int, amount: int) -> None:
            self.applied_on, self.amount = date(2024, 1, 1) + timedelta(days=day), amount

    rows: list[Any] = [Row(0, 40), Row(20, 30), Row(50, 40), Row(60, 30), Row(70, 40)]
    assert find_split_window(rows, 30, 100) == rows[2:5]
    assert find_split_window(rows, 30, 111) == ()
    assert find_split_window([rows[0]], 30, 10) == ()


async def test_two_payments_to_one_payee_on_a_day_are_found_and_equal_ones_are_worse(
    scenario: FundsScenario,
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await scenario.create_paid_payment(allocation["id"], 1_000_00)
    assert await list_alerts(scenario, "same_day") == []
    await scenario.create_paid_payment(allocation["id"], 2_000_00)
    (alert,) = await list_alerts(scenario, "same_day")
    assert (alert["kind"], alert["light"]) == ("other", "yellow")
    await scenario.create_paid_payment(allocation["id"], 2_000_00)
    assert (await list_alerts(scenario, "same_day"))[0]["light"] == "orange"


async def test_a_payee_who_is_not_the_contracts_party_is_found(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    body = {
        "project_id": allocation["project_id"],
        "number": "HT-1",
        "title": "机井施工合同",
        "party": "武威市水利工程有限公司",
        "amount": "10000.00",
        "signed_on": "2024-05-20",
    }
    contract = expect_ok(await scenario.town.post("/funds/contracts", json=body), 201)
    payment = await scenario.create_paid_payment(allocation["id"], 1_000_00, contract_id=contract["id"])
    assert await list_alerts(scenario, "payee") == []
    table = Contract.__table__  # type: ignore[attr-defined]
    await update_rows(scenario, table, table.c.id == UUID(contract["id"]), party="武威市另一公司")
    (alert,) = await list_alerts(scenario, "payee")
    assert (alert["kind"], alert["light"], alert["subject"]) == ("direction", "red", payment["id"])
    assert alert["figures"]["合同乙方"] == "武威市另一公司"


@pytest.mark.parametrize(
    ("purpose", "forbidden"),
    [
        ("镇政府办公楼维修", "办公楼"),
        ("种植以奖代补奖金", None),
        ("100%机井_进度款", None),
        ("偿还债务", "偿还债务"),
    ],
)
async def test_a_forbidden_purpose_is_found_and_an_excused_one_is_not(
    scenario: FundsScenario, purpose: str, forbidden: str | None
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 1_000_00)
    await update_payment_row(scenario, payment["id"], purpose=purpose)
    alerts = await list_alerts(scenario, "purpose")
    assert [item["figures"]["命中"] for item in alerts] == ([forbidden] if forbidden else [])


async def test_a_purpose_is_judged_by_the_rule_of_its_day(scenario: FundsScenario, clock: Clock) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 1_000_00)
    await update_payment_row(scenario, payment["id"], purpose="招待费")
    (alert,) = await list_alerts(scenario, "purpose")
    clock.set(clock.now().replace(year=2021, month=4, day=1))
    day = date(2021, 2, 20)
    await update_payment_row(scenario, payment["id"], applied_on=day, paid_on=day)
    (same,) = await list_alerts(scenario, "purpose")
    assert same["id"] == alert["id"]
    assert same["gone"], "招待费 was not on the list before March 2021"


async def test_a_forbidden_subject_is_found(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    fine = await scenario.create_paid_payment(allocation["id"], 1_000_00, economic_subject="31005")
    bad = await scenario.create_paid_payment(allocation["id"], 1_001_00, economic_subject="30217")
    (alert,) = await list_alerts(scenario, "subject")
    assert alert["subject"] == bad["id"] != fine["id"]


async def test_management_fees_above_the_ceiling_are_found(scenario: FundsScenario) -> None:
    source = await scenario.create_source(1_000_000_00)
    work, fee = (
        scenario.library.create_project(),
        scenario.library.create_project(category="7", name="项目管理费"),
    )
    plan = await scenario.create_plan(
        build_line(work, source["id"], 990_000_00), build_line(fee, source["id"], 10_000_00)
    )
    await scenario.issue_plan(plan["id"])
    assert await list_alerts(scenario, "fee") == []
    table = Allocation.__table__  # type: ignore[attr-defined]
    await update_rows(scenario, table, table.c.project_id == work, management_fee=True)
    (alert,) = await list_alerts(scenario, "fee")
    assert alert["figures"]["占比%"] == "100.00"


async def test_paid_without_a_standing_notice_is_found(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await scenario.create_paid_payment(allocation["id"], 1_000_00)
    assert await list_alerts(scenario, "unpublished") == []
    condition = notice.c.subject == allocation["plan_id"]
    await update_rows(scenario, notice, condition, starts_on=date(2024, 5, 21))
    (alert,) = await list_alerts(scenario, "unpublished")
    assert "2024-05-21 才公示" in alert["message"]
    await update_rows(scenario, notice, condition, withdrawn_at=scenario.door.context.clock())
    assert "没有资金分配公示" in (await list_alerts(scenario, "unpublished"))[0]["message"]
