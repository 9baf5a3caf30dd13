"""Operating contracts, receivables, receipts, income."""

from datetime import date, timedelta
from itertools import count, pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.assets.contracts.calculation import RentStep, build_schedule
from services.assets.contracts.schemas import SettlementPeriod
from shared.china import add_months
from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.conftest import Clock

VOUCHERS = count(1)


async def create_workshop(scenario: AssetScenario, **changes: Any) -> dict[str, Any]:
    return await scenario.create_registered_asset(
        name="扶贫车间", asset_class="operating", subclass="workshop", **changes
    )


async def create_contract(scenario: AssetScenario, asset: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "number": "租2023-1",
        "mode": "lease",
        "operator": "凉州区某食品有限公司",
        "starts_on": "2023-01-01",
        "ends_on": "2025-12-31",
        "amount": "30000.00",
        "period": "year",
        "file_ids": [await scenario.upload_photo()],
        **changes,
    }
    response = await scenario.clerk.post(f"/assets/{asset['id']}/contracts", json=body)
    assert response.status_code == 201, response.text
    contract: dict[str, Any] = response.json()
    return contract


async def transition_contract(
    client: httpx.AsyncClient, contract: dict[str, Any], action: str, **body: Any
) -> httpx.Response:
    return await client.post(f"/assets/contracts/{contract['id']}/{action}", json=body)


async def create_signed_contract(scenario: AssetScenario, **changes: Any) -> dict[str, Any]:
    contract = await create_contract(scenario, await create_workshop(scenario), **changes)
    response = await transition_contract(scenario.town, contract, "sign")
    assert response.status_code == 200, response.text
    signed: dict[str, Any] = response.json()
    return signed


async def post_receipt(
    client: httpx.AsyncClient, contract: dict[str, Any], amount: str, **changes: Any
) -> httpx.Response:
    body = {
        "amount": amount,
        "received_on": "2024-05-01",
        "payer": "某公司",
        "voucher_no": f"收{next(VOUCHERS)}",
        **changes,
    }
    return await client.post(f"/assets/contracts/{contract['id']}/receipts", json=body)


async def test_a_second_person_signs_and_signing_creates_receivables(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    contract = await create_contract(scenario, asset)
    assert (await transition_contract(scenario.clerk, contract, "sign")).status_code == 403
    done = (await transition_contract(scenario.town, contract, "sign")).json()
    assert [(item["due_on"], item["amount"]) for item in done["receivables"]] == [
        ("2023-01-01", "30000.00"),
        ("2024-01-01", "30000.00"),
        ("2025-01-01", "30000.00"),
    ]
    assert (done["due"], done["arrears"]) == ("60000.00", "60000.00")
    second = await create_contract(
        scenario, asset, number="租2024-2", starts_on="2025-06-01", ends_on="2026-05-31"
    )
    refused = await transition_contract(scenario.town, second, "sign")
    assert refused.json()["errors"][0]["code"] == "overlap"


async def test_receipts_settle_the_oldest_receivable_and_never_exceed_the_debt(
    scenario: AssetScenario,
) -> None:
    contract = await create_signed_contract(scenario)
    assert (await post_receipt(scenario.clerk, contract, "40000.00")).status_code == 201
    now = (await scenario.clerk.get(f"/assets/contracts/{contract['id']}")).json()
    assert [(item["received"], item["open"]) for item in now["receivables"]] == [
        ("30000.00", False),
        ("10000.00", True),
        ("0.00", True),
    ]
    assert (now["received"], now["arrears"]) == ("40000.00", "20000.00")
    owed = (await scenario.town.get("/assets/arrears")).json()["items"]
    assert [item["due_on"] for item in owed] == ["2024-01-01"]
    over = await post_receipt(scenario.clerk, contract, "50000.01")
    assert (over.status_code, over.json()["errors"][0]["code"]) == (422, "above_contract")
    assert (await post_receipt(scenario.clerk, contract, "50000.00")).status_code == 201
    assert (await scenario.town.get("/assets/arrears")).json()["items"] == []
    future = await post_receipt(scenario.clerk, contract, "1.00", received_on="2024-06-01")
    assert future.status_code == 422


async def test_a_receipt_is_reversed_once_by_a_second_person(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)
    receipt = (await post_receipt(scenario.clerk, contract, "40000.00")).json()
    address = f"/assets/receipts/{receipt['id']}/reverse"
    assert (await scenario.clerk.post(address, json={"reason": "记错"})).status_code == 403
    back = await scenario.town.post(address, json={"reason": "记错"})
    assert (back.status_code, back.json()["amount"]) == (201, "-40000.00")
    assert (await scenario.town.post(address, json={"reason": "再来"})).status_code == 409
    assert (
        await scenario.town.post(address, json={"reason": "再来", "id": str(new_id())})
    ).status_code == 409
    now = (await scenario.clerk.get(f"/assets/contracts/{contract['id']}")).json()
    assert {item["received"] for item in now["receivables"]} == {"0.00"}
    income = (await scenario.bureau.get(f"/assets/{contract['asset_id']}/income")).json()
    assert (income["due"], income["arrears"], income["received"]) == ("60000.00", "60000.00", "0.00")


async def test_income_per_year_adds_up_for_the_region(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)
    await post_receipt(scenario.clerk, contract, "30000.00", received_on="2023-02-01")
    other = {
        "amount": "500.00",
        "received_on": "2024-03-01",
        "payer": "村民",
        "voucher_no": "收9",
        "kind": "compensation",
    }
    assert (
        await scenario.clerk.post(f"/assets/{contract['asset_id']}/income", json=other)
    ).status_code == 201
    income = (await scenario.bureau.get("/assets/income", params={"region": "620602000000"})).json()
    assert income["years"] == [
        {"year": 2023, "due": "30000.00", "settled": "30000.00", "arrears": "0.00", "received": "30000.00"},
        {"year": 2024, "due": "30000.00", "settled": "0.00", "arrears": "30000.00", "received": "500.00"},
    ]
    assert (await scenario.clerk.get("/assets/receipts")).json()["items"][0]["kind"] == "compensation"


async def test_termination_voids_receivables_not_yet_due(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)
    assert (await transition_contract(scenario.clerk, contract, "end")).json()["errors"][0][
        "code"
    ] == "not_over"
    assert (await transition_contract(scenario.clerk, contract, "terminate")).json()["errors"][0][
        "code"
    ] == "no_reason"
    done = (await transition_contract(scenario.clerk, contract, "terminate", reason="经营不善")).json()
    assert [(item["void"], item["open"]) for item in done["receivables"]] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    assert done["arrears"] == "60000.00"


async def test_expiring_contracts_are_listed_and_renewed(scenario: AssetScenario, clock: Clock) -> None:
    contract = await create_signed_contract(scenario, ends_on="2024-07-01")
    later = await create_signed_contract(scenario, number="租2023-2", ends_on="2026-07-01")
    soon = (await scenario.town.get("/assets/contracts", params={"expiring_within": 60})).json()["items"]
    assert [item["id"] for item in soon] == [contract["id"]]
    assert later["id"]
    body = {
        "number": "租2024-9",
        "mode": "lease",
        "operator": "某公司",
        "starts_on": "2024-07-01",
        "ends_on": "2027-06-30",
        "amount": "32000.00",
        "file_ids": [await scenario.upload_photo()],
    }
    address = f"/assets/contracts/{contract['id']}/renewals"
    assert (await scenario.clerk.post(address, json=body)).status_code == 422
    renewed = await scenario.clerk.post(address, json={**body, "starts_on": "2024-07-02"})
    assert (renewed.status_code, renewed.json()["previous_id"]) == (201, contract["id"])
    clock.advance(timedelta(days=60))
    ended = (await transition_contract(scenario.clerk, contract, "end")).json()
    assert ended["state"] == "ended"


async def test_contradictory_terms_are_invalid(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    for changes in ({"ends_on": "2022-12-31"}, {"first_due_on": "2022-01-01"}, {"ends_on": "2190-01-01"}):
        body = {
            "number": "1",
            "mode": "lease",
            "operator": "某公司",
            "starts_on": "2023-01-01",
            "ends_on": "2025-12-31",
            "amount": "1.00",
            **changes,
        }
        assert (await scenario.clerk.post(f"/assets/{asset['id']}/contracts", json=body)).status_code == 422
    bare = await create_contract(scenario, asset, file_ids=[])
    assert (await transition_contract(scenario.town, bare, "sign")).json()["errors"][0][
        "code"
    ] == "no_documents"
    assert (await scenario.bureau.post(f"/assets/{asset['id']}/contracts", json={})).status_code == 403


async def test_contracts_and_receipts_are_absent_outside_their_region(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    assert (await elsewhere.get(f"/assets/contracts/{contract['id']}")).status_code == 404
    assert (await transition_contract(elsewhere, contract, "terminate", reason="无")).status_code == 404
    assert (await post_receipt(elsewhere, contract, "1.00")).status_code == 404
    for address in ("/assets/contracts", "/assets/receivables", "/assets/arrears", "/assets/receipts"):
        assert (await elsewhere.get(address)).json()["items"] == []


@pytest.mark.parametrize(
    ("day", "months", "there"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2023, 12, 31), 2, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
    ],
)
def test_add_months_ends_at_the_last_day_of_short_months(day: date, months: int, there: date) -> None:
    assert add_months(day, months) == there


@settings(max_examples=100, deadline=None)
@given(
    first=st.dates(date(2013, 1, 1), date(2030, 1, 1)),
    days=st.integers(0, 4000),
    period=st.sampled_from(list(SettlementPeriod)),
    amount=st.integers(1, 10**9),
    raised=st.integers(1, 10**9),
)
def test_schedule_dates_ascend_within_the_term(
    first: date, days: int, period: SettlementPeriod, amount: int, raised: int
) -> None:
    ends_on, step = first + timedelta(days=days), RentStep(first + timedelta(days=days // 2), raised)
    schedule = build_schedule(first, ends_on, period, amount, [step])
    assert [receivable.number for receivable in schedule] == list(range(1, len(schedule) + 1))
    assert schedule[0].due_on == first
    assert all(earlier.due_on < later.due_on for earlier, later in pairwise(schedule))
    assert all(first <= receivable.due_on <= ends_on for receivable in schedule)
    assert all(
        receivable.amount == (raised if receivable.due_on >= step.starts_on else amount)
        for receivable in schedule
    )
