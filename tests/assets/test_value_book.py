"""Net value never falls below zero, accumulated depreciation never falls, split and merge keep both to the 分."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.assets.book.calculation import Change, ValuePart, calculate_value, split_parts, split_within
from tests.assets.factories_assets import AssetScenario

OPERATING = {"asset_class": "operating", "subclass": "workshop", "service_years": 10}


async def get_book(scenario: AssetScenario, asset: dict[str, Any], on: str = "2024-05-20") -> dict[str, Any]:
    response = await scenario.bureau.get(f"/assets/{asset['id']}/book", params={"on": on})
    assert response.status_code == 200, response.text
    book: dict[str, Any] = response.json()
    return book


async def adjust(scenario: AssetScenario, asset: dict[str, Any], **body: Any) -> Any:
    """Propose and approve an adjustment; return the decision, or the refusal of the proposal."""
    posted = await scenario.clerk.post(
        f"/assets/{asset['id']}/adjustments",
        json={"happened_on": "2024-05-01", "reason": "减值测试", **body},
    )
    if posted.status_code != 201:
        return posted
    return await scenario.bureau.post(f"/assets/adjustments/{posted.json()['id']}/approve", json={})


async def test_an_impairment_takes_no_more_than_the_net_value(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset(
        **OPERATING, original_value="120000.00", built_on="2019-05-10"
    )
    assert (await get_book(scenario, asset))["net"] == "63000.00"

    refused = await adjust(scenario, asset, kind="impairment", amount="-63000.01")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "below_zero")
    accepted = await adjust(scenario, asset, kind="impairment", amount="-63000.00")
    assert accepted.status_code == 200, accepted.text

    book = await get_book(scenario, asset)
    assert (book["value"], book["accumulated"], book["net"]) == ("57000.00", "57000.00", "0.00")
    later = await get_book(scenario, asset, "2030-01-01")
    assert (later["accumulated"], later["net"], later["residual"]) == ("57000.00", "0.00", "0.00")


async def test_a_correction_is_held_to_the_impairments_made_since(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset(
        **OPERATING, original_value="120000.00", built_on="2019-05-10"
    )
    await adjust(scenario, asset, kind="impairment", amount="-60000.00")

    refused = await adjust(scenario, asset, kind="correction", amount="-119999.99")

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "below_zero")
    book = await get_book(scenario, asset)
    assert (book["original_value"], book["net"]) == ("120000.00", "3000.00")


async def test_an_adjustment_is_not_older_than_the_asset(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset(**OPERATING, built_on="2021-03-31")

    refused = await adjust(scenario, asset, kind="improvement", amount="100.00", happened_on="2010-01-01")

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/happened_on")


async def test_an_improvement_after_the_end_of_life_needs_a_new_service_life_and_is_depreciated_over_it(
    scenario: AssetScenario,
) -> None:
    asset = await scenario.create_registered_asset(
        **OPERATING | {"service_years": 5}, original_value="12000.00", built_on="2018-05-20"
    )
    wish = {"kind": "improvement", "amount": "1200.00", "happened_on": "2024-05-20"}
    bare = await adjust(scenario, asset, **wish)
    over = await adjust(scenario, asset, **wish, service_years=6)
    odd = await adjust(
        scenario, asset, kind="impairment", amount="-1.00", happened_on="2024-05-20", service_years=9
    )
    before = await get_book(scenario, asset)
    approved = await adjust(scenario, asset, **wish, service_years=8)
    assert approved.status_code == 200, approved.text
    later = [await get_book(scenario, asset, day) for day in ("2024-05-20", "2025-05-20", "2026-05-20")]

    assert [one.json()["errors"][0]["pointer"] for one in (bare, over, odd)] == ["/service_years"] * 3
    assert "使用年限 5 年已满" in bare.json()["detail"]
    assert (before["net"], before["years"]) == ("600.00", 5)
    assert [(one["net"], one["accumulated"]) for one in later] == [
        ("1800.00", "11400.00"),
        ("1230.00", "11970.00"),
        ("660.00", "12540.00"),
    ]
    assert (later[0]["years"], later[2]["months"]) == (8, 96)


async def test_a_merge_keeps_the_net_value_and_the_dates_of_its_parts(scenario: AssetScenario) -> None:
    old = await scenario.create_registered_asset(
        **OPERATING, original_value="100000.00", built_on="2014-05-10"
    )
    new = await scenario.create_registered_asset(
        **OPERATING, original_value="100000.00", built_on="2023-05-10"
    )
    assert [(await get_book(scenario, one))["net"] for one in (old, new)] == ["5000.00", "90500.00"]

    merged = await scenario.bureau.post(
        "/assets/merge", json={"asset_ids": [old["id"], new["id"]], "name": "合并车间", "reason": "合并管理"}
    )
    (asset,) = merged.json()["new"]

    book = await get_book(scenario, asset)
    assert (book["value"], book["net"]) == ("200000.00", "95500.00")
    assert [(part["built_on"], part["net"]) for part in book["parts"]] == [
        ("2014-05-10", "5000.00"),
        ("2023-05-10", "90500.00"),
    ]
    assert (await get_book(scenario, asset, "2025-05-20"))["net"] == "86000.00", "as the two apart would be"
    assert (await get_book(scenario, asset, "2040-01-01"))["net"] == "10000.00"
    before = await scenario.bureau.get(f"/assets/{asset['id']}/book", params={"on": "2024-05-19"})
    assert before.json()["errors"][0]["code"] == "before_opening"
    loss = await adjust(scenario, asset, kind="impairment", amount="-95500.01", happened_on="2024-05-20")
    assert loss.json()["errors"][0]["code"] == "below_zero"


async def test_a_split_keeps_value_net_value_and_funding_to_the_fen(scenario: AssetScenario) -> None:
    funding = [
        {"level": "central", "fund": "bridging", "document_no": "甲", "amount": "70.01"},
        {"level": "county", "fund": "bridging", "document_no": "乙", "amount": "29.99"},
    ]
    asset = await scenario.create_registered_asset(
        **OPERATING, original_value="100.00", built_on="2018-07-10", funding=funding
    )
    before = await get_book(scenario, asset)
    values = ["33.34", "33.33", "33.33"]
    parts = [{"name": f"第{number}段", "original_value": value} for number, value in enumerate(values, 1)]

    split = await scenario.bureau.post(
        f"/assets/{asset['id']}/split", json={"parts": parts, "reason": "分段"}
    )
    new = split.json()["new"]

    books = [await get_book(scenario, one) for one in new]
    for name in ("value", "accumulated", "net"):
        assert sum(Decimal(book[name]) for book in books) == Decimal(before[name]), name
    for one, value in zip(new, values, strict=True):
        assert sum(Decimal(part["amount"]) for part in one["funding"]) == Decimal(value)
    of_source = [
        sum(Decimal(part["amount"]) for one in new for part in one["funding"] if part["level"] == level)
        for level in ("central", "county")
    ]
    assert of_source == [Decimal("70.01"), Decimal("29.99")]


async def test_what_was_merged_and_split_again_keeps_its_net_value(scenario: AssetScenario) -> None:
    assets = [
        await scenario.create_registered_asset(**OPERATING, original_value="33333.33", built_on=built_on)
        for built_on in ("2015-02-01", "2019-09-30", "2022-11-11")
    ]
    before = sum([Decimal((await get_book(scenario, one))["net"]) for one in assets])
    body = {"asset_ids": [one["id"] for one in assets], "name": "合并车间", "reason": "合并"}
    (merged,) = (await scenario.bureau.post("/assets/merge", json=body)).json()["new"]
    parts = [{"name": "东段", "original_value": "50000.00"}, {"name": "西段", "original_value": "49999.99"}]

    split = await scenario.bureau.post(
        f"/assets/{merged['id']}/split", json={"parts": parts, "reason": "再分"}
    )

    books = [await get_book(scenario, one) for one in split.json()["new"]]
    assert sum(Decimal(book["net"]) for book in books) == before
    assert [book["value"] for book in books] == ["50000.00", "49999.99"]


DAYS = st.dates(date(2015, 1, 1), date(2030, 12, 31))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    value=st.integers(0, 10**9),
    changes=st.lists(
        st.builds(Change, DAYS, st.integers(-(10**9), 10**9), st.none() | st.integers(1, 40)), max_size=5
    ),
    days=st.lists(DAYS, min_size=2, max_size=6).map(sorted),
    residual=st.integers(0, 100),
)
def test_accumulated_depreciation_never_falls_and_the_net_value_stays_above_zero(
    value: int, changes: list[Change], days: list[date], residual: int
) -> None:
    part = ValuePart(value, date(2015, 1, 1), date(2015, 1, 1), 10)
    kept: list[Change] = []
    for change in sorted(changes, key=lambda one: one.day):  # what the guard accepts
        if calculate_value([part], [*kept, change], date(2031, 1, 1), residual_percent=residual).lowest >= 0:
            kept.append(change)
    booked = [calculate_value([part], kept, day, residual_percent=residual).total for day in days]
    assert all(one.net >= 0 for one in booked)
    assert [one.accumulated for one in booked] == sorted(one.accumulated for one in booked)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    amounts=st.lists(st.integers(0, 10**6), min_size=1, max_size=5),
    capacities=st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
)
def test_no_part_is_given_more_than_it_holds(amounts: list[int], capacities: list[int]) -> None:
    capacities = [*capacities, max(0, sum(amounts) - sum(capacities)) + 1]

    rows = split_within(amounts, capacities)

    assert [sum(row) for row in rows] == amounts
    for column, capacity in zip(zip(*rows, strict=True), capacities, strict=True):
        assert 0 <= sum(column) <= capacity
    assert min(share for row in rows for share in row) >= 0


@pytest.mark.parametrize("values", [[1, 99], [50, 50], [33, 33, 34]])
def test_parts_of_a_split_never_carry_more_depreciation_than_value(values: list[int]) -> None:
    day = date(2024, 5, 20)
    parts = [ValuePart(60, day, day, 10), ValuePart(40, day, day, 5)]

    shares = split_parts(parts, [59, 40], values, day)

    assert [sum(part.value for part in own) for own in shares] == values
    assert sum(part.accumulated for own in shares for part in own) == 99
    assert all(part.accumulated <= part.value for own in shares for part in own)
