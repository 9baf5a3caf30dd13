"""Year end: closed years accept no entries, unspent money ages, land revenue meets its share."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients import DISTRICT
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

PREVIOUS_YEAR_SOURCE = {"fiscal_year": 2023, "document_date": "2023-03-01", "received_on": "2023-03-02"}
DISTRICT_BODY = {"region": DISTRICT}


async def get_year(scenario: FundsScenario, of: int) -> Any:
    return expect_ok(await scenario.leader.get(f"/funds/years/{of}", params=DISTRICT_BODY))


async def close_year(scenario: FundsScenario, of: int) -> Any:
    return expect_ok(await scenario.finance.post(f"/funds/years/{of}/close", json=DISTRICT_BODY), 201)


async def test_a_closed_year_stays_as_it_was_and_its_money_goes_on(scenario: FundsScenario) -> None:
    source = await scenario.create_source(1000_00, **PREVIOUS_YEAR_SOURCE)
    before = await get_year(scenario, 2023)
    assert (before["closing"], before["carried"]) == (None, "1000.00")
    closing = await close_year(scenario, 2023)
    late = {
        "kind": "addition",
        "amount": "5.00",
        "document_no": "甘财农〔2023〕99号",
        "happened_on": "2023-12-31",
    }
    path = f"/funds/sources/{source['id']}/adjustments"
    problem = expect_refusal(await scenario.finance.post(path, json=late), 409)
    assert "2023 年已结账" in problem["detail"]
    expect_ok(await scenario.finance.post(path, json={**late, "happened_on": "2024-01-02"}), 201)
    after = await get_year(scenario, 2023)
    assert after["closing"]["id"] == closing["id"]
    assert after["rows"] == before["rows"]
    assert after["rows"][0]["fiscal_year"] == 2023
    assert (await scenario.get_totals(year=2023))["received"] == 1005_00
    await scenario.check_balanced()


async def test_a_year_is_closed_once_by_finance_after_it_is_over(scenario: FundsScenario) -> None:
    expect_refusal(await scenario.finance.post("/funds/years/2024/close", json=DISTRICT_BODY), 409)
    for who in (scenario.bureau, scenario.auditor, scenario.leader):
        expect_refusal(await who.post("/funds/years/2023/close", json=DISTRICT_BODY), 403)
    await close_year(scenario, 2023)
    expect_refusal(await scenario.finance.post("/funds/years/2023/close", json=DISTRICT_BODY), 409)
    expect_refusal(await scenario.finance.post("/funds/years/1999/close", json=DISTRICT_BODY), 422)


async def test_a_closed_year_is_reopened_by_document_with_two_names_and_its_history_stays(
    scenario: FundsScenario, clock: Clock
) -> None:
    source = await scenario.create_source(1000_00)
    clock.set(clock.now().replace(year=2026, month=1, day=5))
    address, region = "/funds/years", {"region": DISTRICT}
    addition = {
        "kind": "addition",
        "amount": "100.00",
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-12-30",
    }
    adjustments = f"/funds/sources/{source['id']}/adjustments"
    for year in (2024, 2025):
        expect_ok(await scenario.finance.post(f"{address}/{year}/close", json=region), 201)
    expect_refusal(await scenario.finance.post(adjustments, json=addition), 409)
    request = {**region, "decision_no": "凉财〔2026〕1号", "decision_on": "2026-01-04", "reason": "审计调整"}
    future_request = {**request, "decision_on": "2026-01-06"}
    expect_refusal(
        await scenario.finance.post(f"{address}/2025/reopenings", json=future_request), 422, "in_the_future"
    )
    expect_refusal(await scenario.bureau.post(f"{address}/2025/reopenings", json=request), 403)
    later = expect_refusal(await scenario.finance.post(f"{address}/2024/reopenings", json=request), 409)
    assert later["detail"] == "2025 年也已结账, 须先重开 2025 年"
    for year in (2025, 2024):
        reopening = expect_ok(await scenario.finance.post(f"{address}/{year}/reopenings", json=request), 201)
        expect_refusal(await scenario.finance.post(f"{address}/{year}/reopenings", json=request), 409)
        confirm = f"{address}/reopenings/{reopening['id']}/confirm"
        expect_refusal(await scenario.finance.post(confirm), 403)
        expect_refusal(await scenario.finance.post(adjustments, json=addition), 409)
        assert expect_ok(await scenario.cashier.post(confirm))["confirmed_by"] == "liu"
        expect_refusal(await scenario.cashier.post(confirm), 409)
    expect_ok(await scenario.finance.post(adjustments, json=addition), 201)
    closing = expect_ok(await scenario.finance.post(f"{address}/2024/close", json=region), 201)
    assert closing["round"] == 2
    expect_refusal(await scenario.finance.post(adjustments, json={**addition, "amount": "1.00"}), 409)
    history = expect_ok(await scenario.auditor.get(f"{address}/2024/history", params=region))
    assert [(closing["round"], closing["reopened_at"] is None) for closing in history["closings"]] == [
        (1, False),
        (2, True),
    ]
    assert [reopening["decision_no"] for reopening in history["reopenings"]] == ["凉财〔2026〕1号"]
    (row,) = expect_ok(await scenario.auditor.get(f"{address}/2024", params=region))["rows"]
    assert row["received"] == "1100.00"
    await scenario.check_balanced()


async def test_another_districts_closing_does_not_bind_us(scenario: FundsScenario) -> None:
    elsewhere = scenario.door.client_as("finance", "632323000000")
    expect_ok(await elsewhere.post("/funds/years/2023/close", json={"region": "632323000000"}), 201)
    await scenario.create_source(1000_00, **PREVIOUS_YEAR_SOURCE)
    expect_refusal(
        await scenario.finance.post("/funds/years/2023/close", json={"region": "632323000000"}), 404
    )


@pytest.mark.parametrize(("of", "years", "due"), [(2023, 1, False), (2024, 2, True), (2025, 3, True)])
async def test_money_unspent_in_its_second_year_is_to_be_taken_back(
    scenario: FundsScenario, clock: Clock, of: int, years: int, due: bool
) -> None:
    await scenario.create_source(1000_00, **PREVIOUS_YEAR_SOURCE)
    clock.set(datetime(2026, 1, 5, tzinfo=UTC))
    report = await get_year(scenario, of)
    (row,) = report["rows"]
    assert (row["years"], row["take_back"], row["take_back_from"]) == (years, due, "2025-01-01")
    assert report["to_take_back"] == ("1000.00" if due else "0.00")
    assert report["basis"]


async def test_money_that_was_paid_or_taken_back_is_not_carried(
    scenario: FundsScenario, clock: Clock
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 1000_00)
    source = await scenario.create_source(500_00)
    take_back = {
        "kind": "take_back",
        "amount": "500.00",
        "document_no": "甘财农〔2024〕9号",
        "happened_on": "2024-05-20",
    }
    expect_ok(await scenario.finance.post(f"/funds/sources/{source['id']}/adjustments", json=take_back), 201)
    clock.set(datetime(2025, 1, 5, tzinfo=UTC))
    report = await get_year(scenario, 2024)
    assert [row["carried"] for row in report["rows"]] == ["0.00", "0.00"]


async def test_a_town_sees_no_year_of_the_district(scenario: FundsScenario) -> None:
    expect_refusal(await scenario.town.get("/funds/years/2023", params=DISTRICT_BODY), 404)
    expect_refusal(await scenario.town.get("/funds/years/2023/land-revenue", params=DISTRICT_BODY), 404)


@pytest.mark.parametrize(
    ("revenue", "set_aside", "percent", "reached", "short"),
    [
        ("1000000.00", 320_000_00, "32.00", True, "0.00"),
        ("1000000.00", 319_999_99, "32.00", False, "0.01"),
        ("1000000.01", 320_000_00, "32.00", False, "0.01"),
        ("1000000.00", 500_000_00, "50.00", True, "0.00"),
    ],
)
async def test_land_revenue_is_held_to_thirty_two_percent_to_the_fen(
    scenario: FundsScenario, revenue: str, set_aside: int, percent: str, reached: bool, short: str
) -> None:
    await scenario.create_source(set_aside, fund="land", level="county", origin="budget")
    await scenario.create_source(777_00)
    body = {
        **DISTRICT_BODY,
        "revenue": revenue,
        "document_no": "凉财综〔2024〕3号",
        "counted_on": "2024-05-18",
    }
    report = expect_ok(await scenario.finance.put("/funds/years/2024/land-revenue", json=body))
    assert (report["percent"], report["reached"], report["short"]) == (percent, reached, short)
    assert report["floor"] == "32"
    assert "32%" in report["basis"]


async def test_without_the_revenue_nothing_is_judged_and_a_later_count_replaces_it(
    scenario: FundsScenario,
) -> None:
    path = "/funds/years/2024/land-revenue"
    empty = expect_ok(await scenario.leader.get(path, params=DISTRICT_BODY))
    assert (empty["revenue"], empty["reached"], empty["percent"]) == (None, None, "0.00")
    body = {**DISTRICT_BODY, "revenue": "100.00", "document_no": "预计数", "counted_on": "2024-05-18"}
    expect_ok(await scenario.finance.put(path, json=body))
    expect_ok(await scenario.finance.put(path, json={**body, "revenue": "200.00", "document_no": "决算"}))
    assert expect_ok(await scenario.leader.get(path, params=DISTRICT_BODY))["revenue"] == "200.00"
    events = expect_ok(await scenario.auditor.get("/funds/events"))["items"]
    assert events[-1]["before"] == {"revenue": "100.00", "document_no": "预计数"}
    expect_refusal(await scenario.bureau.put(path, json=body), 403)
    expect_refusal(await scenario.finance.put(path, json={**body, "counted_on": "2024-05-21"}), 422)
