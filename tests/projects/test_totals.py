"""Running totals equal the sums over the projects, before and after deltas are folded."""

from typing import Any

from services.projects.summary import repository
from services.projects.summary.models import FIGURE_COLUMNS
from services.projects.summary.service import fold_totals
from shared.auth import NATION_CODE
from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, expect_success


async def find_disagreements(scenario: ProjectScenario) -> list[tuple[str, Any, Any]]:
    """Return regions and years whose running totals differ from sums over the projects."""
    context = scenario.projects.context
    differences = []
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        for region in (NATION_CODE, "620000000000", DISTRICT, scenario.village[:9] + "000", scenario.village):
            for year in (None, 2024, 2025):
                totals = [_to_tuple(row) for row in await repository.sum_totals(work, region, year)]
                sums = [_to_tuple(row) for row in await repository.sum_projects(work, region, year)]
                if totals != sums:
                    differences.append((f"{region} {year}", totals, sums))
    return differences


def _to_tuple(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in ("head", "stage", "category", *FIGURE_COLUMNS))


async def test_totals_equal_the_sums_of_projects_after_every_operation(scenario: ProjectScenario) -> None:
    context = scenario.projects.context
    assert await find_disagreements(scenario) == []
    await scenario.create_accepted()
    await scenario.create_in_reserve(name="二号温室项目")
    assert await find_disagreements(scenario) == []
    folded = await fold_totals(context)
    assert folded > 0
    assert await find_disagreements(scenario) == []
    rolled = await scenario.create_in_reserve(name="滚动项目", category="3.1.2")
    body = {"ids": [rolled], "year": 2025, "decision_no": "凉区农领发〔2024〕9号"}
    assert expect_success(await scenario.bureau.post("/projects/roll-over", json=body))["done"] == 1
    package = await scenario.create_draft(name="项目包")
    part = await scenario.create_draft(name="一标段", parent_id=package["id"], total="700000.00", money=[])
    await scenario.create_draft(name="二标段", parent_id=package["id"], total="500000.00", money=[])
    county = expect_success(await scenario.bureau.post("/projects", json=_build_county_project()))
    etag = {"If-Match": (await scenario.clerk.get(f"/projects/{part['id']}")).headers["ETag"]}
    changed = {"category": "3.1.4", "total": "800000.00", "counts_as_industry": None}
    expect_success(await scenario.clerk.patch(f"/projects/{part['id']}", json=changed, headers=etag))
    assert await find_disagreements(scenario) == []
    await scenario.transition_project(scenario.clerk, part["id"], "withdraw", reason="不再需要")
    await fold_totals(context)
    assert await fold_totals(context) == 0
    assert await find_disagreements(scenario) == []
    assert county["region"] == DISTRICT


def _build_county_project() -> dict[str, Any]:
    from tests.projects.factories_projects import build_project as a_project

    return a_project(region=DISTRICT, places=[], name="县级培训项目")


async def test_a_caller_with_part_of_a_region_gets_figures_of_that_part(scenario: ProjectScenario) -> None:
    await scenario.create_draft()
    await fold_totals(scenario.projects.context)
    expect_success(await scenario.bureau.post("/projects", json=_build_county_project()))
    for client, count in ((scenario.leader, 2), (scenario.town, 1), (scenario.clerk, 1)):
        summary = expect_success(await client.get("/projects/summary"))
        assert summary["sum"]["count"] == count
        for item in summary["items"]:
            rows = expect_success(await client.get(item["rows"].removeprefix("/api/v1")))["items"]
            assert len(rows) == item["count"]
