"""Running totals against the rows they summarise, and the published figures of a district."""

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, AssetOrigin, OwnerKind
from services.assets.register.service import format_code
from services.assets.summary.service import apply_deltas
from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, TOWN, VILLAGE

COUNTS_AND_VALUES_BY_CLASS = {"public": (502, 2604550), "operating": (33, 297790), "household": (89, 183920)}
"""掇刀区 2013 to 2021, as published: class → (assets, 百元): 624 assets, 30,862.61万元 (rounded to 0.1万元 per class)."""
COUNTS_BY_OWNER = {"state": 19, "town": 28, "village": 488, "household": 89}


async def get_summary(scenario: AssetScenario, region: str = DISTRICT, **params: Any) -> dict[str, Any]:
    summary: dict[str, Any] = (
        await scenario.bureau.get("/assets/summary", params={"region": region, **params})
    ).json()
    return summary


def build_register(at: datetime) -> list[Asset]:
    """Assets with the published counts per class and owner and the published values, exact to the 分."""
    owners = [kind for kind, count in COUNTS_BY_OWNER.items() if kind != "household" for _ in range(count)]
    assets = []
    for kind, (count, hundreds) in COUNTS_AND_VALUES_BY_CLASS.items():
        total = hundreds * 10_000
        for number in range(count):
            year = 2013 + number % 9
            assets.append(
                Asset(
                    id=new_id(),
                    region=VILLAGE,
                    created_at=at,
                    created_by="ledger",
                    updated_at=at,
                    code=format_code("620602", year, AssetClass(kind).letters, number + 1),
                    name=f"资产{number}",
                    asset_class=AssetClass(kind),
                    origin=AssetOrigin.IMPORT,
                    year=year,
                    original_value=total // count + (number < total % count),
                    owner_kind=OwnerKind("household" if kind == "household" else owners.pop()),
                    state=AssetState.REGISTERED,
                    state_since=at,
                    use=UseState.IN_USE,
                    use_since=at,
                )
            )
    return assets


async def test_a_county_compares_its_towns_by_the_average_of_their_rates(scenario: AssetScenario) -> None:
    rows = build_register(scenario.system.now())[:4]
    places = (VILLAGE, VILLAGE, "620602101200", DISTRICT)
    for row, region, state in zip(
        rows, places, (AssetState.CONFIRMED, AssetState.REGISTERED) * 2, strict=True
    ):
        row.region, row.state = region, state
    rows[2].state = AssetState.HANDED_OVER
    async with scenario.service.context.database.write() as session:
        session.add_all(rows)
    for _ in range(2):
        summary = await get_summary(scenario)
        assert (summary["count"], summary["confirmed_percent"]) == (4, "50.0")
        assert summary["confirmed_percent_of_towns"] == "75.0", "one town has half, the other all"
        await apply_deltas(scenario.service.context)
    assert (await get_summary(scenario, TOWN))["confirmed_percent_of_towns"] is None


async def test_assets_of_a_merged_village_count_in_its_new_town(scenario: AssetScenario) -> None:
    rows = build_register(scenario.system.now())[:3]
    rows[2].region = new = "620602101200"
    async with scenario.service.context.database.write() as session:
        session.add_all(rows)
    await apply_deltas(scenario.service.context)

    async def read_counts() -> list[int]:
        regions = (DISTRICT, TOWN, VILLAGE, "620602101000", new)
        return [(await get_summary(scenario, region))["count"] for region in regions]

    assert await read_counts() == [3, 2, 2, 1, 1]
    await scenario.system.merge_regions(VILLAGE, new)
    assert await read_counts() == [3, 0, 2, 3, 3]


async def test_sums_reproduce_a_published_district(scenario: AssetScenario) -> None:
    async with scenario.service.context.database.write() as session:
        session.add_all(build_register(scenario.system.now()))
    for _ in range(2):
        summary = await get_summary(scenario)
        assert summary["count"] == 624
        assert summary["value"] == "308626000.00"
        by_class = {item["key"]: (item["count"], item["value"]) for item in summary["by_class"]}
        assert by_class == {
            "public": (502, "260455000.00"),
            "operating": (33, "29779000.00"),
            "household": (89, "18392000.00"),
        }
        assert {item["key"]: item["count"] for item in summary["by_owner"]} == COUNTS_BY_OWNER
        years = [await get_summary(scenario, year=year) for year in (2013, 2021)]
        assert [item["count"] for item in years] == [56 + 4 + 10, 55 + 3 + 9]
        assert await apply_deltas(scenario.service.context) in {624, 0}
    assert (
        (await get_summary(scenario, TOWN))["count"] == (await get_summary(scenario, VILLAGE))["count"] == 624
    )


async def test_totals_follow_every_kind_of_change(scenario: AssetScenario) -> None:
    confirmed = await scenario.create_confirmed_asset()
    split = await scenario.create_registered_asset(
        name="新店村水渠", subclass="irrigation", original_value="300.00"
    )
    photo = await scenario.upload_photo()
    use = {"reason": "塌方", "evidence": [photo], "person": "王", "deadline": str(scenario.today())}
    await scenario.transition_asset_ok(scenario.clerk, confirmed["id"], "mark_damaged", **use)
    parts = [{"name": "一段", "original_value": "100.00"}, {"name": "二段", "original_value": "200.00"}]
    await apply_deltas(scenario.service.context)
    await scenario.bureau.post(f"/assets/{split['id']}/split", json={"parts": parts, "reason": "分段"})
    fix = {"kind": "correction", "amount": "0.01", "happened_on": "2024-01-01", "reason": "更正"}
    adjustment = (await scenario.clerk.post(f"/assets/{confirmed['id']}/adjustments", json=fix)).json()
    await scenario.bureau.post(f"/assets/adjustments/{adjustment['id']}/approve", json={})
    returned = await scenario.create_registered_asset(name="退回的")
    await scenario.transition_asset_ok(scenario.bureau, returned["id"], "return", reason="更正")
    for _ in range(2):
        summary = await get_summary(scenario)
        assert (summary["count"], summary["value"]) == (3, "500300.01")
        assert {item["key"]: item["count"] for item in summary["by_use"]} == {"in_use": 2, "damaged": 1}
        assert {item["key"]: item["count"] for item in summary["by_state"]} == {
            "registered": 2,
            "confirmed": 1,
        }
        await apply_deltas(scenario.service.context)
    rows = (await scenario.bureau.get("/assets", params={"limit": 200})).json()["items"]
    counted = [item for item in rows if item["state"] in {"registered", "confirmed"}]
    assert len(counted) == 3


async def test_settled_cost_is_reconciled_with_registered_value(scenario: AssetScenario) -> None:
    project = await scenario.deliver_project_accepted()
    await scenario.deliver_project_accepted(settled="1.00", accepted_on=date(2023, 5, 1))
    await scenario.create_registered_asset(project_id=str(project))
    for _ in range(2):
        reconciliation = (await get_summary(scenario))["agreement"]
        assert reconciliation == {
            "projects": 2,
            "settled": "1200001.00",
            "registered": "500000.00",
            "difference": "-700001.00",
        }
        of_year = (await get_summary(scenario, year=2024))["agreement"]
        assert (of_year["projects"], of_year["settled"], of_year["registered"]) == (
            1,
            "1200000.00",
            "500000.00",
        )
        mine = (await scenario.clerk.get("/assets/summary", params={"region": DISTRICT})).json()["agreement"]
        assert mine == reconciliation
        await apply_deltas(scenario.service.context)
    await scenario.deliver_project_accepted(project_id=project, version=12, settled="1100000.00")
    assert (await get_summary(scenario, TOWN))["agreement"]["settled"] == "1100001.00"


async def test_concurrent_writers_and_apply_deltas_lose_nothing(scenario: AssetScenario) -> None:
    drafts = [await scenario.create_asset(name=f"道路{at}") for at in range(8)]

    async def apply_repeatedly() -> None:
        for _ in range(4):
            await apply_deltas(scenario.service.context)

    await asyncio.gather(
        apply_repeatedly(),
        *(scenario.transition_asset_ok(scenario.clerk, item["id"], "register") for item in drafts),
    )
    await apply_deltas(scenario.service.context)
    summary = await get_summary(scenario)
    assert (summary["count"], summary["value"]) == (8, "4000000.00")
    codes = {(await scenario.clerk.get(f"/assets/{item['id']}")).json()["code"] for item in drafts}
    assert len(codes) == 8


async def test_sums_count_only_the_visible_part_of_a_region(scenario: AssetScenario) -> None:
    await scenario.create_registered_asset()
    mine = (await scenario.clerk.get("/assets/summary", params={"region": DISTRICT})).json()
    assert (mine["count"], mine["value"]) == (1, "500000.00")
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    nothing = (await elsewhere.get("/assets/summary", params={"region": TOWN})).json()
    assert (nothing["count"], nothing["by_class"]) == (0, [])


async def test_every_summary_filter_lists_its_assets(scenario: AssetScenario) -> None:
    await scenario.create_asset(name="草稿路")
    for number in range(2):
        await scenario.create_registered_asset(name=f"路{number}")
    await scenario.create_registered_asset(
        name="车间", asset_class="operating", subclass="workshop", built_on="2020-01-01"
    )
    for year in (None, 2019):
        params = {"region": DISTRICT} | ({"year": year} if year else {})
        summary = (await scenario.bureau.get("/assets/summary", params=params)).json()
        for part in [*summary["by_class"], *summary["by_owner"], *summary["by_state"], *summary["by_use"]]:
            rows = (await scenario.bureau.get(f"/assets?{part['filter']}")).json()["items"]
            assert len(rows) == part["count"], part


async def test_the_net_value_is_that_of_the_books_and_disposed_assets_stand_apart(
    scenario: AssetScenario,
) -> None:
    for number, (value, built_on) in enumerate(
        [("333.33", "2019-09-30"), ("100000.01", "2023-12-31"), ("7.77", "1990-01-31")]
    ):
        await scenario.create_registered_asset(
            name=f"车间{number}",
            asset_class="operating",
            subclass="workshop",
            original_value=value,
            built_on=built_on,
            service_years=7 if number else None,
        )
    changed = await scenario.create_registered_asset(
        name="车间", asset_class="operating", subclass="workshop"
    )
    fix = {"kind": "improvement", "amount": "1000.00", "happened_on": "2023-01-01", "reason": "扩建"}
    adjustment = (await scenario.clerk.post(f"/assets/{changed['id']}/adjustments", json=fix)).json()
    await scenario.bureau.post(f"/assets/adjustments/{adjustment['id']}/approve", json={})
    split = await scenario.create_registered_asset(name="冷库", asset_class="operating", subclass="storage")
    parts = [{"name": "一段", "original_value": "200000.00"}, {"name": "二段", "original_value": "300000.00"}]
    await scenario.bureau.post(f"/assets/{split['id']}/split", json={"parts": parts, "reason": "分段"})
    gone = await scenario.create_registered_asset(name="圈舍")
    async with scenario.service.context.database.write() as session:
        row = await session.get(Asset, UUID(gone["id"]))
        assert row is not None
        row.use = UseState.DISPOSED
        session.add(row)

    summary = await get_summary(scenario)

    rows = (await scenario.bureau.get("/assets", params={"counted": True, "limit": 200})).json()["items"]
    books = [(await scenario.bureau.get(f"/assets/{one['id']}/book")).json() for one in rows]
    assert len(rows) == summary["count"] == 6
    assert Decimal(summary["net"]) == sum(Decimal(book["net"]) for book in books) < Decimal(summary["value"])
    assert (summary["disposed"]["count"], summary["disposed"]["value"]) == (1, "500000.00")
    assert {part["key"] for part in summary["by_use"]} == {"in_use"}
    apart = (await scenario.bureau.get(f"/assets?{summary['disposed']['filter']}")).json()["items"]
    assert [one["id"] for one in apart] == [gone["id"]]
    mine = (await scenario.clerk.get("/assets/summary", params={"region": DISTRICT})).json()
    assert (mine["net"], mine["disposed"]["count"]) == (summary["net"], 1)
