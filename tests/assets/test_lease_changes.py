"""Rent is waived and terms change by a record that another person approves; deposits have a book; pledged assets stay."""

from typing import Any

import httpx
import pytest

from tests.assets.factories_assets import AssetScenario
from tests.assets.test_contracts import create_signed_contract, create_workshop, post_receipt
from tests.assets.test_leases import request_disposal

QUARTERS = {"starts_on": "2022-01-01", "ends_on": "2024-12-31", "amount": "9000.00", "period": "quarter"}


async def propose(scenario: AssetScenario, contract: dict[str, Any], **body: Any) -> httpx.Response:
    body = {"reason": "疫情停业", "file_ids": [await scenario.upload_photo()], **body}
    return await scenario.clerk.post(f"/assets/contracts/{contract['id']}/amendments", json=body)


async def read_contract(scenario: AssetScenario, contract: dict[str, Any]) -> dict[str, Any]:
    detail: dict[str, Any] = (await scenario.clerk.get(f"/assets/contracts/{contract['id']}")).json()
    return detail


async def test_a_waiver_lowers_what_is_owed_once_another_person_approved_it(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS)
    before = await read_contract(scenario, contract)
    lines = [{"number": 1, "amount": "9000.00"}, {"number": 2, "amount": "4500.00"}]

    proposed = await propose(scenario, contract, kind="waiver", effective_on="2024-04-01", waivers=lines)

    assert proposed.status_code == 201, proposed.text
    assert (await read_contract(scenario, contract))["arrears"] == before["arrears"]
    address = f"/assets/amendments/{proposed.json()['id']}/approve"
    assert (await scenario.clerk.post(address, json={})).status_code == 403
    approved = await scenario.bureau.post(address, json={})
    assert (approved.status_code, approved.json()["waived"]) == (200, "13500.00"), approved.text
    now = await read_contract(scenario, contract)
    assert float(before["arrears"]) - float(now["arrears"]) == 13500
    assert now["waived"] == "13500.00"
    assert [(one["amount"], one["waived"], one["open"]) for one in now["receivables"][:3]] == [
        ("0.00", "9000.00", False),
        ("4500.00", "4500.00", True),
        ("9000.00", "0.00", True),
    ]
    overdue = (await scenario.bureau.get("/assets/arrears")).json()["items"]
    assert overdue[0]["number"] == 2


@pytest.mark.parametrize(
    ("lines", "code", "pointer"),
    [
        ([{"number": 1, "amount": "5000.01"}], "above_debt", "/waivers/0/amount"),
        ([{"number": 2, "amount": "1.00"}, {"number": 99, "amount": "1.00"}], "no_such_receivable",
         "/waivers/1/number"),
    ],
)  # fmt: skip
async def test_no_more_is_waived_than_is_owed(
    scenario: AssetScenario, lines: list[dict[str, Any]], code: str, pointer: str
) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS)
    assert (await post_receipt(scenario.clerk, contract, "4000.00")).status_code == 201

    refused = await propose(scenario, contract, kind="waiver", effective_on="2024-04-01", waivers=lines)

    error = refused.json()["errors"][0]
    assert (refused.status_code, error["code"], error["pointer"]) == (422, code, pointer)


async def test_rent_received_after_the_proposal_is_not_waived(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS)
    lines = [{"number": 1, "amount": "9000.00"}]
    proposed = await propose(scenario, contract, kind="waiver", effective_on="2024-04-01", waivers=lines)
    assert (await post_receipt(scenario.clerk, contract, "9000.00")).status_code == 201

    refused = await scenario.bureau.post(f"/assets/amendments/{proposed.json()['id']}/approve", json={})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "above_debt")


async def test_changed_terms_change_the_schedule_from_their_day_on(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS)
    proposed = await propose(
        scenario, contract, kind="terms", effective_on="2024-07-01", amount="7000.00", ends_on="2025-06-30"
    )
    again = await propose(scenario, contract, kind="terms", effective_on="2024-07-01", amount="1.00")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "running")

    approved = await scenario.bureau.post(f"/assets/amendments/{proposed.json()['id']}/approve", json={})

    assert approved.status_code == 200, approved.text
    now = await read_contract(scenario, contract)
    assert now["ends_on"] == "2025-06-30"
    assert [(one["due_on"], one["amount"]) for one in now["receivables"] if one["due_on"] >= "2024-04"] == [
        ("2024-04-01", "9000.00"),
        ("2024-07-01", "7000.00"),
        ("2024-10-01", "7000.00"),
        ("2025-01-01", "7000.00"),
        ("2025-04-01", "7000.00"),
    ]


async def test_a_shortened_term_drops_later_receivables_but_none_that_was_paid(
    scenario: AssetScenario,
) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS)
    assert (await post_receipt(scenario.clerk, contract, "99000.00")).status_code == 201  # eleven of twelve
    early = await propose(scenario, contract, kind="terms", effective_on="2024-06-01", ends_on="2024-06-30")
    assert (early.status_code, early.json()["errors"][0]["code"]) == (422, "settled")

    late = await propose(scenario, contract, kind="terms", effective_on="2024-09-30", ends_on="2024-09-30")
    assert late.status_code == 201, late.text
    approved = await scenario.bureau.post(f"/assets/amendments/{late.json()['id']}/approve", json={})

    assert approved.status_code == 200, approved.text
    last = (await read_contract(scenario, contract))["receivables"][-1]
    assert (last["due_on"], last["void"], last["open"]) == ("2024-10-01", True, False)


async def enter_deposit(
    scenario: AssetScenario, contract: dict[str, Any], kind: str, amount: str, **body: Any
) -> httpx.Response:
    body = {"kind": kind, "amount": amount, "happened_on": "2024-03-01", "party": "某公司",
            "voucher_no": f"押-{kind}-{amount}", **body}  # fmt: skip
    entered = await scenario.clerk.post(f"/assets/contracts/{contract['id']}/deposits", json=body)
    assert entered.status_code == 201, entered.text
    return await scenario.town.post(f"/assets/deposits/{entered.json()['id']}/confirm", json={})


async def test_a_deposit_is_received_kept_and_returned_in_a_book(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS, deposit="20000.00")
    body = {"amount": "20000.00", "received_on": "2024-03-01", "payer": "某公司", "voucher_no": "1"}
    kept = await scenario.clerk.post(
        f"/assets/contracts/{contract['id']}/receipts", json={**body, "kind": "deposit_kept"}
    )
    assert kept.status_code == 422, "what is kept must have been received as a deposit"
    nothing = await enter_deposit(scenario, contract, "kept_rent", "1.00")
    assert (nothing.status_code, nothing.json()["errors"][0]["code"]) == (409, "below_zero")

    received = await enter_deposit(scenario, contract, "received", "20000.00", happened_on="2024-02-01")
    assert received.status_code == 200, received.text
    above = await enter_deposit(scenario, contract, "received", "0.01", happened_on="2024-02-01")
    assert above.json()["errors"][0]["code"] == "above_agreed"
    early = await enter_deposit(scenario, contract, "returned", "5.00", happened_on="2024-01-31")
    assert early.json()["errors"][0]["code"] == "below_zero", "it was not there yet on that day"
    rent = await enter_deposit(scenario, contract, "kept_rent", "9000.00")
    assert (rent.status_code, bool(rent.json()["receipt_id"])) == (200, True), rent.text
    back = await enter_deposit(scenario, contract, "returned", "10000.00")
    assert back.status_code == 200, back.text

    now = await read_contract(scenario, contract)
    assert (now["deposit_held"], now["received"]) == ("1000.00", "9000.00")
    income = (await scenario.bureau.get(f"/assets/{contract['asset_id']}/income")).json()
    assert income["received"] == "9000.00", "only what was kept is income"


async def test_a_deposit_entry_is_reversed_by_another_person_with_its_income(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario, **QUARTERS, deposit="20000.00")
    received = (await enter_deposit(scenario, contract, "received", "20000.00")).json()
    rent = (await enter_deposit(scenario, contract, "kept_rent", "9000.00")).json()
    held = await scenario.clerk.post(f"/assets/deposits/{received['id']}/reverse", json={"reason": "记错"})
    assert held.json()["errors"][0]["code"] == "below_zero", "part of it was kept"
    address = f"/assets/deposits/{rent['id']}/reverse"
    assert (await scenario.town.post(address, json={"reason": "记错"})).status_code == 403

    reversed_entry = await scenario.clerk.post(address, json={"reason": "记错"})

    assert (reversed_entry.status_code, reversed_entry.json()["state"]) == (200, "reversed")
    now = await read_contract(scenario, contract)
    assert (now["deposit_held"], now["received"]) == ("20000.00", "0.00")


async def test_a_pledged_asset_is_not_disposed_of_until_it_is_released(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    proof = await scenario.upload_photo()
    body = {"pledgee": "凉州区农村信用合作联社", "debtor": "新店村股份经济合作社", "amount": "100000.00",
            "starts_on": "2024-01-01", "ends_on": "2025-01-01", "reason": "流动资金", "file_ids": [proof]}  # fmt: skip
    pledge = (await scenario.clerk.post(f"/assets/{asset['id']}/pledges", json=body)).json()
    again = await scenario.clerk.post(f"/assets/{asset['id']}/pledges", json=body)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "pledged")
    assert (await scenario.bureau.post(f"/assets/pledges/{pledge['id']}/approve", json={})).status_code == 200
    disposal = (await request_disposal(scenario, asset)).json()
    steps = (("appraise", {"value": "1.00"}), ("decide", {"held_on": "2024-05-01"}))
    for step, more in steps:
        done = await scenario.clerk.post(
            f"/assets/disposals/{disposal['id']}/{step}",
            json={"file_ids": [await scenario.upload_photo()], **more},
        )
        assert done.status_code == 200, done.text
    approve = f"/assets/disposals/{disposal['id']}/approve"

    refused = await scenario.bureau.post(approve, json={"document_no": "凉农〔2024〕1号"})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "pledged")
    returned = await scenario.bureau.post(f"/assets/{asset['id']}/return", json={"reason": "更正"})
    assert "抵押" in returned.json()["detail"]
    release = f"/assets/pledges/{pledge['id']}/release"
    assert (await scenario.clerk.post(release, json={})).json()["errors"][0]["code"] == "no_documents"
    assert (await scenario.clerk.post(release, json={"file_ids": [proof]})).status_code == 200
    allowed = await scenario.bureau.post(approve, json={"document_no": "凉农〔2024〕1号"})
    assert allowed.status_code == 200, allowed.text


async def test_public_facilities_are_not_pledged(scenario: AssetScenario) -> None:
    road = await scenario.create_registered_asset()
    body = {"pledgee": "信用社", "debtor": "合作社", "amount": "1.00", "starts_on": "2024-01-01",
            "ends_on": "2025-01-01", "reason": "贷款"}  # fmt: skip

    refused = await scenario.clerk.post(f"/assets/{road['id']}/pledges", json=body)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_operating")


async def test_the_past_of_a_disposal_and_of_a_plan_can_be_entered(scenario: AssetScenario) -> None:
    asset = await create_workshop(scenario)
    then = "2023-05-01T10:00:00+08:00"
    body = {"asset_id": asset["id"], "cause": "end_of_life", "description": "到年限",
            "file_ids": [await scenario.upload_photo()], "happened_at": then}  # fmt: skip
    disposal = (await scenario.clerk.post("/assets/disposals", json=body)).json()
    appraised = await scenario.clerk.post(
        f"/assets/disposals/{disposal['id']}/appraise",
        json={"value": "1.00", "file_ids": body["file_ids"], "happened_at": "2023-06-01T10:00:00+08:00"},
    )
    plan = await scenario.clerk.post(
        "/assets/distributions",
        json={"region": asset["region"], "owner_name": asset["owner_name"], "year": 2023, "title": "2023年",
              "lines": [{"purpose": "welfare_post", "amount": "1.00"}], "happened_at": then},
    )  # fmt: skip
    other = await create_workshop(scenario)
    future = await scenario.clerk.post(
        "/assets/disposals", json={**body, "asset_id": other["id"], "happened_at": "2099-01-01T00:00:00Z"}
    )

    assert (appraised.status_code, appraised.json()["state_since"][:10]) == (200, "2023-06-01")
    assert plan.json()["state_since"][:10] == "2023-05-01", plan.text
    assert (future.status_code, future.json()["errors"][0]["pointer"]) == (422, "/happened_at")


async def test_the_thread_of_an_asset_goes_on_to_its_income(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)
    assert (await post_receipt(scenario.clerk, contract, "30000.00")).status_code == 201
    disposal = (await request_disposal(scenario, {"id": contract["asset_id"]})).json()

    thread = (await scenario.bureau.get("/assets/thread", params={"asset_id": contract["asset_id"]})).json()

    assert [lease["number"] for lease in thread["leases"]] == [contract["number"]]
    assert [receipt["amount"] for receipt in thread["receipts"]] == ["30000.00"]
    assert [one["id"] for one in thread["disposals"]] == [disposal["id"]]
    assert (thread["pledges"], thread["transfers"]) == ([], [])
