"""Sources of money of an asset: copied from the funds ledger and corrected by recalls and refunds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.assets.book.calculation import split_by_allocation
from services.assets.book.service import fill_missing_funding
from shared.clients import ServiceClients
from tests.assets.factories_assets import AssetScenario
from tests.clients import VILLAGE, ServiceUnderTest
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok
from tests.funds.fake_project_library import FakeProjectLibrary


@pytest.fixture
def funds(door: Callable[[str], ServiceUnderTest]) -> Iterator[FundsScenario]:
    """The funds service with a fake projects service."""
    context, library = door("funds").context, FakeProjectLibrary()
    usual = context.clients
    context.clients = ServiceClients(context.settings, {**usual.apps, "projects": library.app})
    yield FundsScenario(door("funds"), library)
    context.clients = usual


async def get_funding_by_level(scenario: AssetScenario, asset: dict[str, Any]) -> dict[str, str]:
    """Level → amount of the asset's funding, after all events are delivered and funding is filled."""
    await scenario.system.deliver_events()
    await fill_missing_funding(scenario.service.context)
    read = (await scenario.bureau.get(f"/assets/{asset['id']}")).json()
    return {part["level"]: part["amount"] for part in read["funding"]}


async def test_funding_follows_the_ledger_and_keeps_its_history(
    scenario: AssetScenario, funds: FundsScenario
) -> None:
    project = funds.library.create_project(region=VILLAGE)
    central, county = (
        await funds.create_source(800_00),
        await funds.create_source(200_00, level="county", fund="own"),
    )
    plan = await funds.create_plan(
        build_line(project, central["id"], 800_00), build_line(project, county["id"], 200_00)
    )
    allocations = {item["source_id"]: item for item in await funds.issue_plan(plan["id"])}
    funds.library.update_project(project, state="under_construction", physical_percent=100)
    await scenario.deliver_project_accepted(project_id=project, settled="900.00")
    (asset,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    tag = (await scenario.clerk.get(f"/assets/{asset['id']}")).headers["ETag"]
    rest = {"subclass": "road", "owner_kind": "village", "owner_name": "新店村", "address": "三组"}
    expect_ok(await scenario.clerk.patch(f"/assets/{asset['id']}", json=rest, headers={"If-Match": tag}))
    await scenario.transition_asset_ok(scenario.clerk, asset["id"], "register")
    by_hand = await scenario.create_registered_asset(
        project_id=str(project), funding=[{"level": "social", "amount": "1.00"}]
    )
    assert await get_funding_by_level(scenario, asset) == {"central": "720.00", "county": "180.00"}

    recall_line = build_line(project, central["id"], -200_00, allocation_id=allocations[central["id"]]["id"])
    recall = await funds.create_plan(recall_line, kind="amendment", title="调整方案")
    await funds.issue_plan(recall["id"])
    assert await get_funding_by_level(scenario, asset) == {"central": "675.00", "county": "225.00"}

    payment = await funds.create_paid_payment(allocations[county["id"]]["id"], 200_00)
    refund = {"amount": "200.00", "voucher_no": "T-1", "happened_on": "2024-05-20", "reason": "户名不符"}
    expect_ok(await funds.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=refund), 201)
    assert await get_funding_by_level(scenario, asset) == {"central": "900.00"}
    assert await get_funding_by_level(scenario, asset) == {"central": "900.00"}

    events = [
        item
        for item in (await scenario.bureau.get(f"/assets/{asset['id']}/history")).json()
        if item["type"] == "asset.funding_carried"
    ]
    assert [len(item["before"]["funding"]) for item in events] == [0, 2, 2]
    assert (
        events[1]["before"]["funding"][0]["amount"] == events[0]["after"]["funding"][0]["amount"] == "720.00"
    )
    assert "更正" in events[2]["reason"]
    assert await get_funding_by_level(scenario, by_hand) == {"social": "1.00"}


async def test_a_project_without_allocations_does_not_block_others(
    scenario: AssetScenario, funds: FundsScenario
) -> None:
    unfunded = await scenario.deliver_project_accepted()
    for at in range(2):
        await scenario.create_registered_asset(name=f"道路{at}", project_id=str(unfunded))
    funded = funds.library.create_project(region=VILLAGE)
    source = await funds.create_source(500_00)
    await funds.issue_plan((await funds.create_plan(build_line(funded, source["id"], 500_00)))["id"])
    await scenario.deliver_project_accepted(project_id=funded, settled="500.00")
    asset = await scenario.create_registered_asset(
        name="机井", project_id=str(funded), original_value="500.00"
    )
    filled = [
        await fill_missing_funding(scenario.service.context, 2),
        await fill_missing_funding(scenario.service.context, 2),
    ]
    assert filled == [0, 1]
    assert await get_funding_by_level(scenario, asset) == {"central": "500.00"}
    fix = {"kind": "correction", "amount": "-100.00", "happened_on": "2024-05-01", "reason": "录入错误"}
    adjustment = expect_ok(await scenario.clerk.post(f"/assets/{asset['id']}/adjustments", json=fix), 201)
    expect_ok(await scenario.bureau.post(f"/assets/adjustments/{adjustment['id']}/approve", json={}))
    assert await get_funding_by_level(scenario, asset) == {"central": "400.00"}
    events = (await scenario.bureau.get(f"/assets/{asset['id']}/history")).json()
    assert [item["before"] for item in events if item["type"] == "asset.changed"] == [
        {"original_value": "500.00"}
    ]


def test_a_value_is_split_exactly_to_the_fen() -> None:
    sources = [{"id": str(at), "level": "central", "fund": "x", "document_no": str(at)} for at in range(3)]
    allocations = [
        {"id": f"a{at}", "source_id": str(at), "figures": {"allocated": "1.00", "paid": "0.00"}}
        for at in range(3)
    ]
    thread = {"sources": sources, "allocations": allocations, "payments": []}
    assert [item["amount"] for item in split_by_allocation(thread, 100)] == [34, 33, 33]
    assert split_by_allocation({**thread, "allocations": []}, 100) == []
