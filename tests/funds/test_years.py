"""The end of a year: closed days stay closed, what is left ages, land revenue is held to its share."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients import DISTRICT
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

PREVIOUS_YEAR_SOURCE = {"fiscal_year": 2023, "document_date": "2023-03-01", "received_on": "2023-03-02"}
DISTRICT_BODY = {"region": DISTRICT}


async def get_year(desk: FundsScenario, of: int) -> Any:
    return expect_ok(await desk.leader.get(f"/funds/years/{of}", params=DISTRICT_BODY))


async def close_year(desk: FundsScenario, of: int) -> Any:
    return expect_ok(await desk.finance.post(f"/funds/years/{of}/close", json=DISTRICT_BODY), 201)


async def test_a_closed_year_stays_as_it_was_and_its_money_goes_on(desk: FundsScenario) -> None:
    source = await desk.create_source(1000_00, **PREVIOUS_YEAR_SOURCE)
    before = await get_year(desk, 2023)
    assert (before["closing"], before["carried"]) == (None, "1000.00")
    closing = await close_year(desk, 2023)
    late = {
        "kind": "addition",
        "amount": "5.00",
        "document_no": "甘财农〔2023〕99号",
        "happened_on": "2023-12-31",
    }
    path = f"/funds/sources/{source['id']}/adjustments"
    problem = expect_refusal(await desk.finance.post(path, json=late), 409)
    assert "2023 年已结账" in problem["detail"]
    expect_ok(await desk.finance.post(path, json={**late, "happened_on": "2024-01-02"}), 201)
    after = await get_year(desk, 2023)
    assert after["closing"]["id"] == closing["id"]
    assert after["rows"] == before["rows"]
    assert after["rows"][0]["fiscal_year"] == 2023
    assert (await desk.get_totals(year=2023))["received"] == 1005_00
    await desk.check_balanced()


async def test_a_year_is_closed_once_by_finance_after_it_is_over(desk: FundsScenario) -> None:
    expect_refusal(await desk.finance.post("/funds/years/2024/close", json=DISTRICT_BODY), 409)
    for who in (desk.bureau, desk.auditor, desk.leader):
        expect_refusal(await who.post("/funds/years/2023/close", json=DISTRICT_BODY), 403)
    await close_year(desk, 2023)
    expect_refusal(await desk.finance.post("/funds/years/2023/close", json=DISTRICT_BODY), 409)
    expect_refusal(await desk.finance.post("/funds/years/1999/close", json=DISTRICT_BODY), 422)


async def test_a_closed_year_is_reopened_by_document_with_two_names_and_its_history_stays(
    desk: FundsScenario, clock: Clock
) -> None:
    source = await desk.create_source(1000_00)
    clock.set(clock.now().replace(year=2026, month=1, day=5))
    at, region = "/funds/years", {"region": DISTRICT}
    more = {
        "kind": "addition",
        "amount": "100.00",
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-12-30",
    }
    adjustments = f"/funds/sources/{source['id']}/adjustments"
    for year in (2024, 2025):
        expect_ok(await desk.finance.post(f"{at}/{year}/close", json=region), 201)
    expect_refusal(await desk.finance.post(adjustments, json=more), 409)
    paper = {**region, "decision_no": "凉财〔2026〕1号", "decision_on": "2026-01-04", "reason": "审计调整"}
    wrong = {**paper, "decision_on": "2026-01-06"}
    expect_refusal(await desk.finance.post(f"{at}/2025/reopenings", json=wrong), 422, "in_the_future")
    expect_refusal(await desk.bureau.post(f"{at}/2025/reopenings", json=paper), 403)
    later = expect_refusal(await desk.finance.post(f"{at}/2024/reopenings", json=paper), 409)
    assert later["detail"] == "2025 年也已结账, 须先重开 2025 年"
    for year in (2025, 2024):
        asked = expect_ok(await desk.finance.post(f"{at}/{year}/reopenings", json=paper), 201)
        expect_refusal(await desk.finance.post(f"{at}/{year}/reopenings", json=paper), 409)
        confirm = f"{at}/reopenings/{asked['id']}/confirm"
        expect_refusal(await desk.finance.post(confirm), 403)
        expect_refusal(await desk.finance.post(adjustments, json=more), 409)
        assert expect_ok(await desk.cashier.post(confirm))["confirmed_by"] == "liu"
        expect_refusal(await desk.cashier.post(confirm), 409)
    expect_ok(await desk.finance.post(adjustments, json=more), 201)
    again = expect_ok(await desk.finance.post(f"{at}/2024/close", json=region), 201)
    assert again["round"] == 2
    expect_refusal(await desk.finance.post(adjustments, json={**more, "amount": "1.00"}), 409)
    history = expect_ok(await desk.auditor.get(f"{at}/2024/history", params=region))
    assert [(one["round"], one["reopened_at"] is None) for one in history["closings"]] == [
        (1, False),
        (2, True),
    ]
    assert [one["decision_no"] for one in history["reopenings"]] == ["凉财〔2026〕1号"]
    (row,) = expect_ok(await desk.auditor.get(f"{at}/2024", params=region))["rows"]
    assert row["received"] == "1100.00"
    await desk.check_balanced()


async def test_another_districts_closing_does_not_bind_us(desk: FundsScenario) -> None:
    elsewhere = desk.door.client_as("finance", "632323000000")
    expect_ok(await elsewhere.post("/funds/years/2023/close", json={"region": "632323000000"}), 201)
    await desk.create_source(1000_00, **PREVIOUS_YEAR_SOURCE)
    expect_refusal(await desk.finance.post("/funds/years/2023/close", json={"region": "632323000000"}), 404)


@pytest.mark.parametrize(("of", "years", "due"), [(2023, 1, False), (2024, 2, True), (2025, 3, True)])
async def test_money_unspent_in_its_second_year_is_to_be_taken_back(
    desk: FundsScenario, clock: Clock, of: int, years: int, due: bool
) -> None:
    await desk.create_source(1000_00, **PREVIOUS_YEAR_SOURCE)
    clock.set(datetime(2026, 1, 5, tzinfo=UTC))
    found = await get_year(desk, of)
    (row,) = found["rows"]
    assert (row["years"], row["take_back"], row["take_back_from"]) == (years, due, "2025-01-01")
    assert found["to_take_back"] == ("1000.00" if due else "0.00")
    assert found["basis"]


async def test_money_that_was_paid_or_taken_back_is_not_carried(desk: FundsScenario, clock: Clock) -> None:
    given = await desk.create_allocation(1000_00)
    await desk.create_paid_payment(given["id"], 1000_00)
    source = await desk.create_source(500_00)
    back = {
        "kind": "take_back",
        "amount": "500.00",
        "document_no": "甘财农〔2024〕9号",
        "happened_on": "2024-05-20",
    }
    expect_ok(await desk.finance.post(f"/funds/sources/{source['id']}/adjustments", json=back), 201)
    clock.set(datetime(2025, 1, 5, tzinfo=UTC))
    found = await get_year(desk, 2024)
    assert [row["carried"] for row in found["rows"]] == ["0.00", "0.00"]


async def test_a_town_sees_no_year_of_the_district(desk: FundsScenario) -> None:
    expect_refusal(await desk.town.get("/funds/years/2023", params=DISTRICT_BODY), 404)
    expect_refusal(await desk.town.get("/funds/years/2023/land-revenue", params=DISTRICT_BODY), 404)


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
    desk: FundsScenario, revenue: str, set_aside: int, percent: str, reached: bool, short: str
) -> None:
    await desk.create_source(set_aside, fund="land", level="county", origin="budget")
    await desk.create_source(777_00)
    body = {
        **DISTRICT_BODY,
        "revenue": revenue,
        "document_no": "凉财综〔2024〕3号",
        "counted_on": "2024-05-18",
    }
    found = expect_ok(await desk.finance.put("/funds/years/2024/land-revenue", json=body))
    assert (found["percent"], found["reached"], found["short"]) == (percent, reached, short)
    assert found["floor"] == "32"
    assert "32%" in found["basis"]


async def test_without_the_revenue_nothing_is_judged_and_a_later_count_replaces_it(
    desk: FundsScenario,
) -> None:
    path = "/funds/years/2024/land-revenue"
    empty = expect_ok(await desk.leader.get(path, params=DISTRICT_BODY))
    assert (empty["revenue"], empty["reached"], empty["percent"]) == (None, None, "0.00")
    body = {**DISTRICT_BODY, "revenue": "100.00", "document_no": "预计数", "counted_on": "2024-05-18"}
    expect_ok(await desk.finance.put(path, json=body))
    expect_ok(await desk.finance.put(path, json={**body, "revenue": "200.00", "document_no": "决算"}))
    assert expect_ok(await desk.leader.get(path, params=DISTRICT_BODY))["revenue"] == "200.00"
    events = expect_ok(await desk.auditor.get("/funds/events"))["items"]
    assert events[-1]["before"] == {"revenue": 10000, "document_no": "预计数"}
    expect_refusal(await desk.bureau.put(path, json=body), 403)
    expect_refusal(await desk.finance.put(path, json={**body, "counted_on": "2024-05-21"}), 422)
