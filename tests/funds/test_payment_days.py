"""Days off and wrong years of payments and documents."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.funds.alerts.service import scan_alerts
from services.funds.payments.calculation import describe_pay_day
from tests.clients import DISTRICT
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal


async def _pay_on_sunday(scenario: FundsScenario, clock: Clock) -> Any:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment["id"], action))
    clock.set(datetime(2024, 5, 27, 1, 0, tzinfo=UTC))
    voucher = {"voucher_no": "PZ-9", "paid_on": "2024-05-26"}
    return expect_ok(await scenario.transition_payment(scenario.cashier, payment["id"], "pay", **voucher))


async def test_a_payment_on_a_sunday_is_found_in_its_checks_and_alerted(
    scenario: FundsScenario, clock: Clock
) -> None:
    payment = await _pay_on_sunday(scenario, clock)

    checks = expect_ok(await scenario.leader.get(f"/funds/payments/{payment['id']}/checks"))
    finding = next(one for one in checks["findings"] if one["key"] == "payment.pay_day")
    assert (finding["passed"], finding["effect"]) == (False, "warn")
    assert "2024-05-26 是周末" in finding["message"]
    await scan_alerts(scenario.door.context)
    alerts = expect_ok(await scenario.auditor.get("/funds/alerts?rule=alert.pay_day"))["items"]
    assert [alert["subject"] for alert in alerts] == [payment["id"]]


@pytest.mark.parametrize(
    ("on", "year", "words"),
    [
        (date(2026, 3, 29), 2026, "周末"),
        (date(2026, 10, 1), 2026, "国庆节"),
        (date(2026, 2, 14), 2026, ""),
        (date(2026, 10, 9), 2026, ""),
        (date(2025, 12, 31), 2026, "早于资金年度 2026"),
        (date(2027, 3, 1), 2026, ""),
    ],
)
def test_what_is_unusual_about_a_day(on: date, year: int, words: str) -> None:
    assert words in describe_pay_day(on, year)
    assert bool(words) == bool(describe_pay_day(on, year))


@pytest.mark.parametrize(("year", "status"), [(2030, 422), (2026, 422), (2025, 201), (2023, 201)])
async def test_money_is_announced_at_most_one_year_ahead(
    scenario: FundsScenario, year: int, status: int
) -> None:
    body = {
        "region": DISTRICT,
        "document_no": "青财农字〔2024〕7号",
        "title": "提前下达资金",
        "fiscal_year": year,
        "level": "central",
        "fund": "bridging",
        "amount": "1.00",
        "document_date": "2024-01-20",
        "received_on": "2024-01-21",
    }

    answer = await scenario.finance.post("/funds/sources", json=body)

    assert answer.status_code == status
    if status != 201:
        expect_refusal(answer, 422, "wrong_year")
