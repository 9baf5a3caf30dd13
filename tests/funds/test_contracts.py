"""The contract register, and the payments that are checked against it."""

from typing import Any

import pytest

from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

PARTY_NAME = "武威市水利工程有限公司"
COLLECTIVE_CODE = "N2620602MF0012345P"


async def create_contract(
    scenario: FundsScenario, allocation: dict[str, Any], amount: str = "1000.00", **overrides: Any
) -> Any:
    """Register a contract of the allocation's project."""
    return expect_ok(
        await scenario.town.post("/funds/contracts", json=build_contract(allocation, amount, **overrides)),
        201,
    )


def build_contract(allocation: dict[str, Any], amount: str = "1000.00", **overrides: Any) -> dict[str, Any]:
    """Body of a contract."""
    return {
        "project_id": allocation["project_id"],
        "number": "HT-2024-1",
        "title": "机井施工合同",
        "party": PARTY_NAME,
        "amount": amount,
        "signed_on": "2024-05-10",
        **overrides,
    }


async def test_a_contract_is_registered_for_a_project_with_money(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    contract = await create_contract(scenario, allocation)
    listed = expect_ok(
        await scenario.leader.get("/funds/contracts", params={"project_id": allocation["project_id"]})
    )
    assert [item["id"] for item in listed["items"]] == [contract["id"]]
    problem = expect_refusal(
        await scenario.town.post("/funds/contracts", json=build_contract(allocation)), 409
    )
    assert contract["id"] in problem["detail"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"party_code": "91620602MA7XYZ1234"}, "/party_code"),
        ({"retention_percent": "3.01"}, "/retention_percent"),
        ({"retention_percent": "x"}, "/retention_percent"),
        ({"signed_on": "2024-05-21"}, "/signed_on"),
        ({"amount": "0"}, "/amount"),
        ({"project_id": "01a20caa-a3e8-71c1-b41d-92126c065e49"}, "/project_id"),
    ],
)
async def test_a_wrong_contract_is_pointed_at(
    scenario: FundsScenario, change: dict[str, Any], pointer: str
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    problem = expect_refusal(
        await scenario.town.post("/funds/contracts", json={**build_contract(allocation), **change}), 422
    )
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


async def test_five_percent_may_be_kept_under_the_older_rule(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await create_contract(scenario, allocation, retention_percent="5", signed_on="2017-06-30")
    later = build_contract(allocation, retention_percent="5", signed_on="2017-07-01", number="HT-2")
    expect_refusal(await scenario.town.post("/funds/contracts", json=later), 422)


async def test_only_the_party_is_paid(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    contract = await create_contract(scenario, allocation)
    wrong = await scenario.create_payment(
        allocation["id"], 100_00, contract_id=contract["id"], payee_name="某某建材经营部"
    )
    expect_refusal(
        await scenario.transition_payment(scenario.town, wrong["id"], "submit"), 409, "payment.payee"
    )
    right = await scenario.create_payment(allocation["id"], 100_00, contract_id=contract["id"])
    expect_ok(await scenario.transition_payment(scenario.town, right["id"], "submit"))


async def test_payments_stay_within_the_contract_and_within_its_settlement(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(2000_00)
    contract = await create_contract(scenario, allocation)
    await scenario.create_paid_payment(allocation["id"], 600_00, contract_id=contract["id"])
    over = await scenario.create_payment(allocation["id"], 400_01, contract_id=contract["id"])
    expect_refusal(
        await scenario.transition_payment(scenario.town, over["id"], "submit"), 409, "payment.contract"
    )
    settled = {"settled": "900.00", "settlement_no": "审字〔2024〕7号"}
    path = f"/funds/contracts/{contract['id']}/settle"
    expect_refusal(await scenario.town.post(path, json=settled), 403)
    expect_ok(await scenario.bureau.post(path, json=settled))
    expect_ok(await scenario.bureau.post(path, json=settled))
    expect_refusal(await scenario.bureau.post(path, json={**settled, "settled": "901.00"}), 409)
    payment_above_settlement = await scenario.create_payment(
        allocation["id"], 300_01, contract_id=contract["id"]
    )
    expect_refusal(
        await scenario.transition_payment(scenario.town, payment_above_settlement["id"], "submit"),
        409,
        "payment.contract",
    )
    last = await scenario.create_payment(allocation["id"], 300_00, contract_id=contract["id"])
    expect_ok(await scenario.transition_payment(scenario.town, last["id"], "submit"))


async def test_retention_is_kept_until_acceptance(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    contract = await create_contract(scenario, allocation, retention_percent="3")
    await scenario.create_paid_payment(allocation["id"], 970_00, contract_id=contract["id"])
    retention_payment = await scenario.create_payment(allocation["id"], 30_00, contract_id=contract["id"])
    expect_refusal(
        await scenario.transition_payment(scenario.town, retention_payment["id"], "submit"),
        409,
        "payment.retention",
    )
    project = next(iter(scenario.library.projects))
    scenario.library.update_project(project, state="accepted")
    expect_ok(await scenario.transition_payment(scenario.town, retention_payment["id"], "submit"))


async def test_advances_stay_under_thirty_percent_of_the_contract(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    contract = await create_contract(scenario, allocation)
    first = await scenario.create_payment(allocation["id"], 300_00, contract_id=contract["id"], advance=True)
    expect_ok(await scenario.transition_payment(scenario.town, first["id"], "submit"))
    second = await scenario.create_payment(allocation["id"], 1, contract_id=contract["id"], advance=True)
    expect_refusal(
        await scenario.transition_payment(scenario.town, second["id"], "submit"), 409, "payment.advance"
    )


async def test_another_projects_contract_is_not_paid_from_this_allocation(scenario: FundsScenario) -> None:
    allocation, other = await scenario.create_allocation(1000_00), await scenario.create_allocation(1000_00)
    contract = await create_contract(scenario, other)
    payment = {
        "allocation_id": allocation["id"],
        "contract_id": contract["id"],
        "amount": "1.00",
        "payee_name": PARTY_NAME,
        "purpose": "进度款",
    }
    problem = expect_refusal(await scenario.town.post("/funds/payments", json=payment), 422)
    assert problem["errors"][0]["pointer"] == "/contract_id"


async def test_a_large_payment_without_contract_is_warned_of(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(60_0000_00)
    payment = await scenario.create_payment(allocation["id"], 50_0000_00)
    checks = expect_ok(await scenario.leader.get(f"/funds/payments/{payment['id']}/checks"))
    assert [finding["key"] for finding in checks["findings"] if not finding["passed"]] == [
        "payment.contract_needed"
    ]


async def test_a_village_collective_is_a_party_by_its_own_kind_of_code(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    village = {"party": "新店村股份经济合作社", "party_code": COLLECTIVE_CODE}
    contract = await create_contract(scenario, allocation, **village)
    pay = {"contract_id": contract["id"], "payee_name": village["party"], "payee_kind": "collective"}
    without = await scenario.create_payment(allocation["id"], 100_00, **pay)
    expect_refusal(
        await scenario.transition_payment(scenario.town, without["id"], "submit"), 409, "payment.payee"
    )
    payment = await scenario.create_payment(allocation["id"], 100_00, **pay, payee_code=COLLECTIVE_CODE)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
