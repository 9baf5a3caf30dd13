"""The running totals are what the projects themselves add up to, whatever happened to them, folded or not."""

from typing import Any

from services.projects.summary import repository as live
from services.projects.totals import repository as totals
from services.projects.totals.counting import FIGURES
from services.projects.totals.service import fold
from shared.access import NATION
from tests.doors import DISTRICT
from tests.projects.steps import Steps, good


async def disagreement(steps: Steps) -> list[tuple[str, Any, Any]]:
    """Regions and years whose totals differ from what SQL counts now."""
    context = steps.projects.context
    found = []
    async with context.database.read() as session:
        work = context.work(session)
        for region in (NATION, "620000000000", DISTRICT, steps.village[:9] + "000", steps.village):
            for year in (None, 2024, 2025):
                kept = [_plain(row) for row in await totals.figures(work, region, year)]
                counted = [_plain(row) for row in await live.summed(work, region, year)]
                if kept != counted:
                    found.append((f"{region} {year}", kept, counted))
    return found


def _plain(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in ("head", "stage", "category", *FIGURES))


async def test_totals_are_what_the_projects_add_up_to_whatever_happened(steps: Steps) -> None:
    context = steps.projects.context
    assert await disagreement(steps) == []
    await steps.accepted()
    await steps.in_reserve(name="二号温室项目")
    assert await disagreement(steps) == []
    folded = await fold(context)
    assert folded > 0
    assert await disagreement(steps) == []
    rolled = await steps.in_reserve(name="滚动项目", category="3.1.2")
    body = {"ids": [rolled], "year": 2025, "decision_no": "凉区农领发〔2024〕9号"}
    assert good(await steps.bureau.post("/projects/roll-over", json=body))["done"] == 1
    package = await steps.draft(name="项目包")
    part = await steps.draft(name="一标段", parent_id=package["id"], total="700000.00", money=[])
    await steps.draft(name="二标段", parent_id=package["id"], total="500000.00", money=[])
    county = good(await steps.bureau.post("/projects", json=_at_the_county()))
    etag = {"If-Match": (await steps.clerk.get(f"/projects/{part['id']}")).headers["ETag"]}
    changed = {"category": "3.1.4", "total": "800000.00", "counts_as_industry": None}
    good(await steps.clerk.patch(f"/projects/{part['id']}", json=changed, headers=etag))
    assert await disagreement(steps) == []
    await steps.act(steps.clerk, part["id"], "withdraw", reason="不再需要")
    await fold(context)
    assert await fold(context) == 0
    assert await disagreement(steps) == []
    assert county["region"] == DISTRICT


def _at_the_county() -> dict[str, Any]:
    from tests.projects.steps import a_project

    return a_project(region=DISTRICT, places=[], name="县级培训项目")


async def test_who_sees_part_of_a_region_gets_the_figures_of_that_part(steps: Steps) -> None:
    await steps.draft()
    await fold(steps.projects.context)
    good(await steps.bureau.post("/projects", json=_at_the_county()))
    for client, count in ((steps.leader, 2), (steps.town, 1), (steps.clerk, 1)):
        told = good(await client.get("/projects/summary"))
        assert told["sum"]["count"] == count
        for one in told["items"]:
            rows = good(await client.get(one["rows"].removeprefix("/api/v1")))["items"]
            assert len(rows) == one["count"]
