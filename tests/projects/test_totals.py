"""The running totals are what the projects themselves add up to, whatever happened to them, folded or not."""

from typing import Any

from services.projects.summary import repository as live
from services.projects.summary.models import FIGURE_COLUMNS
from services.projects.summary.service import fold_totals
from shared.auth import NATION_CODE
from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, expect_success


async def find_disagreements(steps: ProjectScenario) -> list[tuple[str, Any, Any]]:
    """Regions and years whose totals differ from what SQL counts now."""
    context = steps.projects.context
    found = []
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        for region in (NATION_CODE, "620000000000", DISTRICT, steps.village[:9] + "000", steps.village):
            for year in (None, 2024, 2025):
                kept = [_to_tuple(row) for row in await live.sum_totals(work, region, year)]
                counted = [_to_tuple(row) for row in await live.sum_projects(work, region, year)]
                if kept != counted:
                    found.append((f"{region} {year}", kept, counted))
    return found


def _to_tuple(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in ("head", "stage", "category", *FIGURE_COLUMNS))


async def test_totals_are_what_the_projects_add_up_to_whatever_happened(steps: ProjectScenario) -> None:
    context = steps.projects.context
    assert await find_disagreements(steps) == []
    await steps.create_accepted()
    await steps.create_in_reserve(name="二号温室项目")
    assert await find_disagreements(steps) == []
    folded = await fold_totals(context)
    assert folded > 0
    assert await find_disagreements(steps) == []
    rolled = await steps.create_in_reserve(name="滚动项目", category="3.1.2")
    body = {"ids": [rolled], "year": 2025, "decision_no": "凉区农领发〔2024〕9号"}
    assert expect_success(await steps.bureau.post("/projects/roll-over", json=body))["done"] == 1
    package = await steps.create_draft(name="项目包")
    part = await steps.create_draft(name="一标段", parent_id=package["id"], total="700000.00", money=[])
    await steps.create_draft(name="二标段", parent_id=package["id"], total="500000.00", money=[])
    county = expect_success(await steps.bureau.post("/projects", json=_build_county_project()))
    etag = {"If-Match": (await steps.clerk.get(f"/projects/{part['id']}")).headers["ETag"]}
    changed = {"category": "3.1.4", "total": "800000.00", "counts_as_industry": None}
    expect_success(await steps.clerk.patch(f"/projects/{part['id']}", json=changed, headers=etag))
    assert await find_disagreements(steps) == []
    await steps.transition_project(steps.clerk, part["id"], "withdraw", reason="不再需要")
    await fold_totals(context)
    assert await fold_totals(context) == 0
    assert await find_disagreements(steps) == []
    assert county["region"] == DISTRICT


def _build_county_project() -> dict[str, Any]:
    from tests.projects.factories_projects import build_project as a_project

    return a_project(region=DISTRICT, places=[], name="县级培训项目")


async def test_who_sees_part_of_a_region_gets_the_figures_of_that_part(steps: ProjectScenario) -> None:
    await steps.create_draft()
    await fold_totals(steps.projects.context)
    expect_success(await steps.bureau.post("/projects", json=_build_county_project()))
    for client, count in ((steps.leader, 2), (steps.town, 1), (steps.clerk, 1)):
        told = expect_success(await client.get("/projects/summary"))
        assert told["sum"]["count"] == count
        for one in told["items"]:
            rows = expect_success(await client.get(one["rows"].removeprefix("/api/v1")))["items"]
            assert len(rows) == one["count"]
