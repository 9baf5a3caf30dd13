"""Leases follow the disposal and the return of their asset; their past can be entered; receipts count once."""

from typing import Any

import pytest

from tests.assets.factories_assets import AssetScenario
from tests.assets.test_contracts import (
    create_contract,
    create_signed_contract,
    create_workshop,
    post_receipt,
    transition_contract,
)


async def request_disposal(scenario: AssetScenario, asset: dict[str, Any]) -> Any:
    body = {
        "asset_id": asset["id"],
        "cause": "end_of_life",
        "description": "到年限",
        "file_ids": [await scenario.upload_photo()],
    }
    return await scenario.clerk.post("/assets/disposals", json=body)


async def test_no_lease_is_signed_while_its_asset_is_disposed_of(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    contract = await create_contract(scenario, asset)
    disposal = await request_disposal(scenario, asset)
    assert disposal.status_code == 201, disposal.text

    refused = await transition_contract(scenario.town, contract, "sign")

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "disposing")


async def test_no_lease_is_signed_over_a_damaged_asset(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    contract = await create_contract(scenario, asset)
    damage = {
        "reason": "屋面垮塌",
        "evidence": [await scenario.upload_photo()],
        "person": "张三",
        "deadline": "2024-09-30",
    }
    marked = await scenario.clerk.post(f"/assets/{asset['id']}/mark_damaged", json=damage)
    assert marked.status_code == 200, marked.text

    refused = await transition_contract(scenario.town, contract, "sign")

    assert refused.json()["errors"][0]["code"] == "damaged"


async def test_a_leased_asset_is_not_returned_to_draft(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)

    refused = await scenario.bureau.post(f"/assets/{contract['asset_id']}/return", json={"reason": "更正"})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "under_way")
    assert "经营合同" in refused.json()["detail"]
    ended = await transition_contract(scenario.town, contract, "terminate", reason="协商")
    assert ended.status_code == 200
    returned = await scenario.bureau.post(f"/assets/{contract['asset_id']}/return", json={"reason": "更正"})
    assert returned.status_code == 200, returned.text
    late = await post_receipt(scenario.clerk, contract, "100.00")
    assert late.status_code == 201, "rent that is owed is received even after the asset left the register"


@pytest.mark.parametrize("spelling", ["票1", "票 １", "票1 "])
async def test_a_receipt_sent_twice_counts_once(scenario: AssetScenario, spelling: str) -> None:
    contract = await create_signed_contract(scenario)
    first = (await post_receipt(scenario.clerk, contract, "500.00", voucher_no="票1")).json()

    again = await post_receipt(scenario.clerk, contract, "500.00", voucher_no=spelling)

    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "voucher_used")
    assert first["id"] in again.json()["detail"]
    income = (await scenario.bureau.get(f"/assets/{contract['asset_id']}/income")).json()
    assert income["received"] == "500.00"
    back = await scenario.town.post(f"/assets/receipts/{first['id']}/reverse", json={"reason": "记错"})
    assert back.status_code == 201
    assert (await post_receipt(scenario.clerk, contract, "400.00", voucher_no="票1")).status_code == 201


@pytest.mark.parametrize("day", ["1900-01-01", "2021-12-31"])
async def test_rent_is_not_received_long_before_its_contract(scenario: AssetScenario, day: str) -> None:
    contract = await create_signed_contract(scenario)

    refused = await post_receipt(scenario.clerk, contract, "500.00", received_on=day)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/received_on")


async def test_income_is_not_older_than_its_asset(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    body = {"amount": "5.00", "received_on": "1900-01-01", "payer": "某公司", "voucher_no": "1"}

    refused = await scenario.clerk.post(f"/assets/{asset['id']}/income", json=body)

    assert refused.json()["errors"][0]["code"] == "too_early"


async def test_the_past_of_a_contract_can_be_entered_and_leaves_no_false_arrears(
    scenario: AssetScenario,
) -> None:
    terms = {"starts_on": "2022-01-01", "ends_on": "2024-12-31", "amount": "9000.00", "period": "quarter"}
    contract = await create_contract(scenario, await create_workshop(scenario), **terms)

    signed = await transition_contract(
        scenario.town, contract, "sign", happened_at="2022-01-01T10:00:00+08:00"
    )
    ended = await transition_contract(
        scenario.town, contract, "terminate", reason="退租", happened_at="2023-05-15T10:00:00+08:00"
    )

    assert (signed.status_code, ended.status_code) == (200, 200), ended.text
    assert (ended.json()["due"], ended.json()["arrears"]) == ("54000.00", "54000.00")


async def test_a_broken_quarter_counts_by_its_days_where_the_contract_says_so(
    scenario: AssetScenario,
) -> None:
    terms = {"starts_on": "2022-01-01", "ends_on": "2024-12-31", "amount": "9100.00", "period": "quarter"}
    contract = await create_contract(scenario, await create_workshop(scenario), **terms, prorated=True)
    at = {"happened_at": "2022-01-01T10:00:00+08:00"}
    assert (await transition_contract(scenario.town, contract, "sign", **at)).status_code == 200

    ended = await transition_contract(
        scenario.town, contract, "terminate", reason="退租", happened_at="2023-05-15T10:00:00+08:00"
    )

    # five whole quarters, and 45 of the 91 days from 1 April to 30 June
    assert ended.json()["due"] == "50000.00"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"starts_on": "2015-01-01", "ends_on": "2016-12-31"}, 422, "before_built"),
        ({"starts_on": "2024-01-01", "ends_on": "2044-01-01"}, 422, "lease_too_long"),
        ({"number": "租 ２０２３—1"}, 409, "number_used"),
    ],
)
async def test_terms_that_cannot_be_are_refused(
    scenario: AssetScenario, changes: dict[str, str], status: int, code: str
) -> None:
    asset = await create_workshop(scenario)
    await create_contract(scenario, asset)
    body = {
        "number": "租2024-7",
        "mode": "lease",
        "operator": "某公司",
        "starts_on": "2024-01-01",
        "ends_on": "2024-12-31",
        "amount": "1.00",
        **changes,
    }

    refused = await scenario.clerk.post(f"/assets/{asset['id']}/contracts", json=body)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (status, code), refused.text
