"""Sums that must agree, at any size: running totals against the rows, and a published district's figures."""

import asyncio
from datetime import date, datetime
from typing import Any

from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, Origin, OwnerKind
from services.assets.register.service import format_code
from services.assets.summary.service import apply_deltas
from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, TOWN, VILLAGE

COUNTS_AND_VALUES_BY_CLASS = {"public": (502, 2604550), "operating": (33, 297790), "household": (89, 183920)}
"""掇刀区 2013 to 2021, as published: class → (assets, 百元): 624 assets, 30,862.61万元 (rounded to 0.1万元 per class)."""
COUNTS_BY_OWNER = {"state": 19, "town": 28, "village": 488, "household": 89}


async def get_summary(world: AssetScenario, region: str = DISTRICT, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = (
        await world.bureau.get("/assets/summary", params={"region": region, **params})
    ).json()
    return found


def build_register(at: datetime) -> list[Asset]:
    """A register of the published shape: so many assets per class and owner, and their values to the 分."""
    free = [kind for kind, count in COUNTS_BY_OWNER.items() if kind != "household" for _ in range(count)]
    made = []
    for kind, (count, hundreds) in COUNTS_AND_VALUES_BY_CLASS.items():
        total = hundreds * 10_000
        for number in range(count):
            year = 2013 + number % 9
            made.append(
                Asset(
                    id=new_id(),
                    region=VILLAGE,
                    created_at=at,
                    created_by="ledger",
                    updated_at=at,
                    code=format_code("620602", year, AssetClass(kind).letters, number + 1),
                    name=f"资产{number}",
                    asset_class=AssetClass(kind),
                    origin=Origin.IMPORT,
                    year=year,
                    original_value=total // count + (number < total % count),
                    owner_kind=OwnerKind("household" if kind == "household" else free.pop()),
                    state=AssetState.REGISTERED,
                    state_since=at,
                    use=UseState.IN_USE,
                    use_since=at,
                )
            )
    return made


async def test_a_published_district_reproduces_from_its_ledger(world: AssetScenario) -> None:
    async with world.door.context.database.write() as session:
        session.add_all(build_register(world.doors.now()))
    for _ in range(2):
        found = await get_summary(world)
        assert found["count"] == 624
        assert found["value"] == "308626000.00"
        by_class = {one["key"]: (one["count"], one["value"]) for one in found["by_class"]}
        assert by_class == {
            "public": (502, "260455000.00"),
            "operating": (33, "29779000.00"),
            "household": (89, "18392000.00"),
        }
        assert {one["key"]: one["count"] for one in found["by_owner"]} == COUNTS_BY_OWNER
        years = [await get_summary(world, year=year) for year in (2013, 2021)]
        assert [one["count"] for one in years] == [56 + 4 + 10, 55 + 3 + 9]
        assert await apply_deltas(world.door.context) in {624, 0}
    assert (await get_summary(world, TOWN))["count"] == (await get_summary(world, VILLAGE))["count"] == 624


async def test_totals_follow_every_kind_of_change(world: AssetScenario) -> None:
    kept = await world.create_confirmed_asset()
    split = await world.create_registered_asset(
        name="新店村水渠", subclass="irrigation", original_value="300.00"
    )
    photo = await world.upload_photo()
    use = {"reason": "塌方", "evidence": [photo], "person": "王", "deadline": str(world.today())}
    await world.transition_asset_ok(world.clerk, kept["id"], "mark_damaged", **use)
    parts = [{"name": "一段", "original_value": "100.00"}, {"name": "二段", "original_value": "200.00"}]
    await apply_deltas(world.door.context)
    await world.bureau.post(f"/assets/{split['id']}/split", json={"parts": parts, "reason": "分段"})
    fix = {"kind": "correction", "amount": "0.01", "happened_on": "2024-01-01", "reason": "更正"}
    made = (await world.clerk.post(f"/assets/{kept['id']}/adjustments", json=fix)).json()
    await world.bureau.post(f"/assets/adjustments/{made['id']}/approve", json={})
    back = await world.create_registered_asset(name="退回的")
    await world.transition_asset_ok(world.bureau, back["id"], "return", reason="更正")
    for _ in range(2):
        found = await get_summary(world)
        assert (found["count"], found["value"]) == (3, "500300.01")
        assert {one["key"]: one["count"] for one in found["by_use"]} == {"in_use": 2, "damaged": 1}
        assert {one["key"]: one["count"] for one in found["by_state"]} == {"registered": 2, "confirmed": 1}
        await apply_deltas(world.door.context)
    rows = (await world.bureau.get("/assets", params={"limit": 200})).json()["items"]
    counted = [one for one in rows if one["state"] in {"registered", "confirmed"}]
    assert len(counted) == 3


async def test_what_projects_cost_is_kept_beside_what_is_registered_for_them(world: AssetScenario) -> None:
    project = await world.deliver_project_accepted()
    await world.deliver_project_accepted(settled="1.00", accepted_on=date(2023, 5, 1))
    await world.create_registered_asset(project_id=str(project))
    for _ in range(2):
        found = (await get_summary(world))["agreement"]
        assert found == {
            "projects": 2,
            "settled": "1200001.00",
            "registered": "500000.00",
            "difference": "-700001.00",
        }
        of_year = (await get_summary(world, year=2024))["agreement"]
        assert (of_year["projects"], of_year["settled"], of_year["registered"]) == (
            1,
            "1200000.00",
            "500000.00",
        )
        mine = (await world.clerk.get("/assets/summary", params={"region": DISTRICT})).json()["agreement"]
        assert mine == found
        await apply_deltas(world.door.context)
    await world.deliver_project_accepted(project_id=project, version=12, settled="1100000.00")
    assert (await get_summary(world, TOWN))["agreement"]["settled"] == "1100001.00"


async def test_writers_and_the_folder_at_once_lose_nothing(world: AssetScenario) -> None:
    drafts = [await world.create_asset(name=f"道路{at}") for at in range(8)]

    async def folding() -> None:
        for _ in range(4):
            await apply_deltas(world.door.context)

    await asyncio.gather(
        folding(), *(world.transition_asset_ok(world.clerk, one["id"], "register") for one in drafts)
    )
    await apply_deltas(world.door.context)
    found = await get_summary(world)
    assert (found["count"], found["value"]) == (8, "4000000.00")
    codes = {(await world.clerk.get(f"/assets/{one['id']}")).json()["code"] for one in drafts}
    assert len(codes) == 8


async def test_a_part_of_a_region_is_counted_for_those_who_see_a_part(world: AssetScenario) -> None:
    await world.create_registered_asset()
    mine = (await world.clerk.get("/assets/summary", params={"region": DISTRICT})).json()
    assert (mine["count"], mine["value"]) == (1, "500000.00")
    elsewhere = world.door.client_as("town_officer", "620602101000")
    nothing = (await elsewhere.get("/assets/summary", params={"region": TOWN})).json()
    assert (nothing["count"], nothing["by_class"]) == (0, [])


async def test_every_figure_of_the_summary_leads_to_its_rows(world: AssetScenario) -> None:
    await world.create_asset(name="草稿路")
    for number in range(2):
        await world.create_registered_asset(name=f"路{number}")
    await world.create_registered_asset(
        name="车间", asset_class="operating", subclass="workshop", built_on="2020-01-01"
    )
    for year in (None, 2019):
        params = {"region": DISTRICT} | ({"year": year} if year else {})
        found = (await world.bureau.get("/assets/summary", params=params)).json()
        for part in [*found["by_class"], *found["by_owner"], *found["by_state"], *found["by_use"]]:
            rows = (await world.bureau.get(f"/assets?{part['filter']}")).json()["items"]
            assert len(rows) == part["count"], part
