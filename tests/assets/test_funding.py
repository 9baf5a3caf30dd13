"""Where an asset's money came from: carried over from the books of funds, and corrected when money is taken back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.assets.book.service import fill_missing_funding, split_by_allocation
from shared.clients import ServiceClients
from tests.assets.factories_assets import AssetScenario
from tests.clients import VILLAGE, ServiceUnderTest
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok
from tests.funds.fake_project_library import FakeProjectLibrary


@pytest.fixture
def desk(door: Callable[[str], ServiceUnderTest]) -> Iterator[FundsScenario]:
    """A finance bureau beside the register, over a library of its own."""
    context, library = door("funds").context, FakeProjectLibrary()
    usual = context.clients
    context.clients = ServiceClients(context.settings, {**usual.apps, "projects": library.app})
    yield FundsScenario(door("funds"), library)
    context.clients = usual


async def get_funding_by_level(world: AssetScenario, asset: dict[str, Any]) -> dict[str, str]:
    """Level → amount, as the asset says now, after everything was told and asked."""
    await world.doors.deliver_events()
    await fill_missing_funding(world.door.context)
    read = (await world.bureau.get(f"/assets/{asset['id']}")).json()
    return {part["level"]: part["amount"] for part in read["funding"]}


async def test_the_split_follows_the_books_and_keeps_its_history(
    world: AssetScenario, desk: FundsScenario
) -> None:
    project = desk.library.create_project(region=VILLAGE)
    central, county = (
        await desk.create_source(800_00),
        await desk.create_source(200_00, level="county", fund="own"),
    )
    plan = await desk.create_plan(
        build_line(project, central["id"], 800_00), build_line(project, county["id"], 200_00)
    )
    given = {one["source_id"]: one for one in await desk.issue_plan(plan["id"])}
    desk.library.update_project(project, state="under_construction", physical_percent=100)
    await world.deliver_project_accepted(project_id=project, settled="900.00")
    (asset,) = (await world.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    tag = (await world.clerk.get(f"/assets/{asset['id']}")).headers["ETag"]
    rest = {"subclass": "road", "owner_kind": "village", "owner_name": "新店村", "address": "三组"}
    expect_ok(await world.clerk.patch(f"/assets/{asset['id']}", json=rest, headers={"If-Match": tag}))
    await world.transition_asset_ok(world.clerk, asset["id"], "register")
    by_hand = await world.create_registered_asset(
        project_id=str(project), funding=[{"level": "social", "amount": "1.00"}]
    )
    assert await get_funding_by_level(world, asset) == {"central": "720.00", "county": "180.00"}

    back = build_line(project, central["id"], -200_00, allocation_id=given[central["id"]]["id"])
    recall = await desk.create_plan(back, kind="amendment", title="调整方案")
    await desk.issue_plan(recall["id"])
    assert await get_funding_by_level(world, asset) == {"central": "675.00", "county": "225.00"}

    payment = await desk.create_paid_payment(given[county["id"]]["id"], 200_00)
    refund = {"amount": "200.00", "voucher_no": "T-1", "happened_on": "2024-05-20", "reason": "户名不符"}
    expect_ok(await desk.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=refund), 201)
    assert await get_funding_by_level(world, asset) == {"central": "900.00"}
    assert await get_funding_by_level(world, asset) == {"central": "900.00"}

    told = [
        one
        for one in (await world.bureau.get(f"/assets/{asset['id']}/history")).json()
        if one["type"] == "asset.funding_carried"
    ]
    assert [len(one["before"]["funding"]) for one in told] == [0, 2, 2]
    assert told[1]["before"]["funding"][0]["amount"] == told[0]["after"]["funding"][0]["amount"] == "720.00"
    assert "更正" in told[2]["reason"]
    assert await get_funding_by_level(world, by_hand) == {"social": "1.00"}


async def test_a_project_without_money_holds_no_other_up(world: AssetScenario, desk: FundsScenario) -> None:
    poor = await world.deliver_project_accepted()
    for at in range(2):
        await world.create_registered_asset(name=f"道路{at}", project_id=str(poor))
    rich = desk.library.create_project(region=VILLAGE)
    source = await desk.create_source(500_00)
    await desk.issue_plan((await desk.create_plan(build_line(rich, source["id"], 500_00)))["id"])
    await world.deliver_project_accepted(project_id=rich, settled="500.00")
    asset = await world.create_registered_asset(name="机井", project_id=str(rich), original_value="500.00")
    filled = [
        await fill_missing_funding(world.door.context, 2),
        await fill_missing_funding(world.door.context, 2),
    ]
    assert filled == [0, 1]
    assert await get_funding_by_level(world, asset) == {"central": "500.00"}
    fix = {"kind": "correction", "amount": "-100.00", "happened_on": "2024-05-01", "reason": "录入错误"}
    made = expect_ok(await world.clerk.post(f"/assets/{asset['id']}/adjustments", json=fix), 201)
    expect_ok(await world.bureau.post(f"/assets/adjustments/{made['id']}/approve", json={}))
    assert await get_funding_by_level(world, asset) == {"central": "400.00"}
    told = (await world.bureau.get(f"/assets/{asset['id']}/history")).json()
    assert [one["before"] for one in told if one["type"] == "asset.changed"] == [{"original_value": "500.00"}]


def test_a_value_is_split_to_the_last_fen() -> None:
    sources = [{"id": str(at), "level": "central", "fund": "x", "document_no": str(at)} for at in range(3)]
    gifts = [
        {"id": f"a{at}", "source_id": str(at), "figures": {"allocated": "1.00", "paid": "0.00"}}
        for at in range(3)
    ]
    thread = {"sources": sources, "allocations": gifts, "payments": []}
    assert [one["amount"] for one in split_by_allocation(thread, 100)] == [34, 33, 33]
    assert split_by_allocation({**thread, "allocations": []}, 100) == []
