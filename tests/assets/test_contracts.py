"""Contracts, what falls due, what came in, what is owed."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.assets.contracts.calculation import RentStep, add_months, build_schedule
from services.assets.contracts.schemas import SettlementPeriod
from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.conftest import Clock


async def create_workshop(world: AssetScenario, **changes: Any) -> dict[str, Any]:
    return await world.create_registered_asset(
        name="扶贫车间", asset_class="operating", subclass="workshop", **changes
    )


async def create_contract(world: AssetScenario, asset: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "number": "租2023-1",
        "mode": "lease",
        "operator": "凉州区某食品有限公司",
        "starts_on": "2023-01-01",
        "ends_on": "2025-12-31",
        "amount": "30000.00",
        "period": "year",
        "file_ids": [await world.upload_photo()],
        **changes,
    }
    answered = await world.clerk.post(f"/assets/{asset['id']}/contracts", json=body)
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def transition_contract(
    client: httpx.AsyncClient, contract: dict[str, Any], action: str, **body: Any
) -> httpx.Response:
    return await client.post(f"/assets/contracts/{contract['id']}/{action}", json=body)


async def create_signed_contract(world: AssetScenario, **changes: Any) -> dict[str, Any]:
    contract = await create_contract(world, await create_workshop(world), **changes)
    answered = await transition_contract(world.town, contract, "sign")
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def post_receipt(
    client: httpx.AsyncClient, contract: dict[str, Any], amount: str, **changes: Any
) -> httpx.Response:
    body = {"amount": amount, "received_on": "2024-05-01", "payer": "某公司", "voucher_no": "收1", **changes}
    return await client.post(f"/assets/contracts/{contract['id']}/receipts", json=body)


async def test_signing_makes_the_schedule_and_another_person_signs(world: AssetScenario) -> None:
    asset = await create_workshop(world)
    contract = await create_contract(world, asset)
    assert (await transition_contract(world.clerk, contract, "sign")).status_code == 403
    done = (await transition_contract(world.town, contract, "sign")).json()
    assert [(one["due_on"], one["amount"]) for one in done["receivables"]] == [
        ("2023-01-01", "30000.00"),
        ("2024-01-01", "30000.00"),
        ("2025-01-01", "30000.00"),
    ]
    assert (done["due"], done["arrears"]) == ("60000.00", "60000.00")
    second = await create_contract(
        world, asset, number="租2024-2", starts_on="2025-06-01", ends_on="2026-05-31"
    )
    clash = await transition_contract(world.town, second, "sign")
    assert clash.json()["errors"][0]["code"] == "overlap"


async def test_receipts_settle_the_oldest_first_and_never_more_than_is_owed(world: AssetScenario) -> None:
    contract = await create_signed_contract(world)
    assert (await post_receipt(world.clerk, contract, "40000.00")).status_code == 201
    now = (await world.clerk.get(f"/assets/contracts/{contract['id']}")).json()
    assert [(one["received"], one["open"]) for one in now["receivables"]] == [
        ("30000.00", False),
        ("10000.00", True),
        ("0.00", True),
    ]
    assert (now["received"], now["arrears"]) == ("40000.00", "20000.00")
    owed = (await world.town.get("/assets/arrears")).json()["items"]
    assert [one["due_on"] for one in owed] == ["2024-01-01"]
    over = await post_receipt(world.clerk, contract, "50000.01")
    assert (over.status_code, over.json()["errors"][0]["code"]) == (422, "above_contract")
    assert (await post_receipt(world.clerk, contract, "50000.00")).status_code == 201
    assert (await world.town.get("/assets/arrears")).json()["items"] == []
    future = await post_receipt(world.clerk, contract, "1.00", received_on="2024-06-01")
    assert future.status_code == 422


async def test_a_receipt_is_taken_back_by_another_person_once(world: AssetScenario) -> None:
    contract = await create_signed_contract(world)
    receipt = (await post_receipt(world.clerk, contract, "40000.00")).json()
    address = f"/assets/receipts/{receipt['id']}/reverse"
    assert (await world.clerk.post(address, json={"reason": "记错"})).status_code == 403
    back = await world.town.post(address, json={"reason": "记错"})
    assert (back.status_code, back.json()["amount"]) == (201, "-40000.00")
    assert (await world.town.post(address, json={"reason": "再来"})).status_code == 409
    assert (await world.town.post(address, json={"reason": "再来", "id": str(new_id())})).status_code == 409
    now = (await world.clerk.get(f"/assets/contracts/{contract['id']}")).json()
    assert {one["received"] for one in now["receivables"]} == {"0.00"}
    income = (await world.bureau.get(f"/assets/{contract['asset_id']}/income")).json()
    assert (income["due"], income["arrears"], income["received"]) == ("60000.00", "60000.00", "0.00")


async def test_income_per_year_adds_up_for_the_region(world: AssetScenario) -> None:
    contract = await create_signed_contract(world)
    await post_receipt(world.clerk, contract, "30000.00", received_on="2023-02-01")
    other = {
        "amount": "500.00",
        "received_on": "2024-03-01",
        "payer": "村民",
        "voucher_no": "收9",
        "kind": "compensation",
    }
    assert (await world.clerk.post(f"/assets/{contract['asset_id']}/income", json=other)).status_code == 201
    found = (await world.bureau.get("/assets/income", params={"region": "620602000000"})).json()
    assert found["years"] == [
        {"year": 2023, "due": "30000.00", "settled": "30000.00", "arrears": "0.00", "received": "30000.00"},
        {"year": 2024, "due": "30000.00", "settled": "0.00", "arrears": "30000.00", "received": "500.00"},
    ]
    assert (await world.clerk.get("/assets/receipts")).json()["items"][0]["kind"] == "compensation"


async def test_an_early_end_voids_what_had_not_fallen_due(world: AssetScenario) -> None:
    contract = await create_signed_contract(world)
    assert (await transition_contract(world.clerk, contract, "end")).json()["errors"][0]["code"] == "not_over"
    assert (await transition_contract(world.clerk, contract, "terminate")).json()["errors"][0][
        "code"
    ] == "no_reason"
    done = (await transition_contract(world.clerk, contract, "terminate", reason="经营不善")).json()
    assert [(one["void"], one["open"]) for one in done["receivables"]] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    assert done["arrears"] == "60000.00"


async def test_contracts_that_run_out_are_listed_and_renewed(world: AssetScenario, clock: Clock) -> None:
    contract = await create_signed_contract(world, ends_on="2024-07-01")
    later = await create_signed_contract(world, ends_on="2026-07-01")
    soon = (await world.town.get("/assets/contracts", params={"expiring_within": 60})).json()["items"]
    assert [one["id"] for one in soon] == [contract["id"]]
    assert later["id"]
    body = {
        "number": "租2024-9",
        "mode": "lease",
        "operator": "某公司",
        "starts_on": "2024-07-01",
        "ends_on": "2027-06-30",
        "amount": "32000.00",
        "file_ids": [await world.upload_photo()],
    }
    address = f"/assets/contracts/{contract['id']}/renewals"
    assert (await world.clerk.post(address, json=body)).status_code == 422
    renewed = await world.clerk.post(address, json={**body, "starts_on": "2024-07-02"})
    assert (renewed.status_code, renewed.json()["previous_id"]) == (201, contract["id"])
    clock.advance(timedelta(days=60))
    ended = (await transition_contract(world.clerk, contract, "end")).json()
    assert ended["state"] == "ended"


async def test_terms_that_make_no_sense_are_refused(world: AssetScenario) -> None:
    asset = await create_workshop(world)
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
        assert (await world.clerk.post(f"/assets/{asset['id']}/contracts", json=body)).status_code == 422
    bare = await create_contract(world, asset, file_ids=[])
    assert (await transition_contract(world.town, bare, "sign")).json()["errors"][0]["code"] == "no_documents"
    assert (await world.line.post(f"/assets/{asset['id']}/contracts", json={})).status_code == 403


async def test_outside_the_region_contracts_and_money_are_absent(world: AssetScenario) -> None:
    contract = await create_signed_contract(world)
    elsewhere = world.door.client_as("town_officer", "620602101000")
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
def test_short_months_shorten_a_due_date_once(day: date, months: int, there: date) -> None:
    assert add_months(day, months) == there


@settings(max_examples=100, deadline=None)
@given(
    first=st.dates(date(2013, 1, 1), date(2030, 1, 1)),
    days=st.integers(0, 4000),
    period=st.sampled_from(list(SettlementPeriod)),
    amount=st.integers(1, 10**9),
    raised=st.integers(1, 10**9),
)
def test_a_schedule_falls_due_in_order_within_the_term(
    first: date, days: int, period: SettlementPeriod, amount: int, raised: int
) -> None:
    ends_on, step = first + timedelta(days=days), RentStep(first + timedelta(days=days // 2), raised)
    found = build_schedule(first, ends_on, period, amount, [step])
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert found[0].due_on == first
    assert all(a.due_on < b.due_on for a, b in pairwise(found))
    assert all(first <= one.due_on <= ends_on for one in found)
    assert all(one.amount == (raised if one.due_on >= step.starts_on else amount) for one in found)
