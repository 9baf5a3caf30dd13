"""Warnings, milestones, packages and target templates."""

from datetime import timedelta
from typing import Any

from tests.projects.factories_projects import ProjectScenario, build_project, expect_success


async def list_warnings(scenario: ProjectScenario) -> dict[str, Any]:
    expect_success(await scenario.bureau.post("/projects/alerts/sweep"))
    counts = expect_success(await scenario.bureau.get("/projects/warnings"))
    return {item["rule"]: (item["count"], item["past_deadline"]) for item in counts["items"] if item["count"]}


async def test_allocated_money_without_a_start_raises_a_warning_after_sixty_days(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_in_reserve(planned_end="2026-12-20", planned_start="2026-01-01")
    await scenario.deliver_money_event(project_id)
    scenario.clock.advance(timedelta(days=60))
    assert await list_warnings(scenario) == {}
    scenario.clock.advance(timedelta(days=1))
    assert await list_warnings(scenario) == {"not_started": (1, 0)}
    (item,) = expect_success(await scenario.bureau.get("/projects/warnings/not_started"))["items"]
    assert (item["id"], item["waiting_days"], item["owner"]) == (project_id, 61, "town_officer")
    assert item["deadline"] == str(scenario.today() + timedelta(days=14))
    scenario.clock.advance(timedelta(days=15))
    assert await list_warnings(scenario) == {"not_started": (1, 1)}
    await scenario.start_project(project_id)
    assert await list_warnings(scenario) == {}


async def test_warnings_for_silence_lateness_and_payment_ahead_of_progress(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started(planned_end="2024-08-15", planned_start="2024-06-01")
    expect_success(await scenario.post_progress(project_id, 30))
    await scenario.deliver_money_event(project_id, "400000.00", "payment.paid")
    scenario.clock.advance(timedelta(days=1))
    assert await list_warnings(scenario) == {}
    await scenario.deliver_money_event(project_id, "1.00", "payment.paid")
    scenario.clock.advance(timedelta(days=1))
    assert await list_warnings(scenario) == {"behind_payment": (1, 0)}
    scenario.clock.advance(timedelta(days=34))
    assert "silent" in await list_warnings(scenario)
    expect_success(await scenario.post_progress(project_id, 50))
    scenario.clock.advance(timedelta(days=1))
    assert await list_warnings(scenario) == {}
    scenario.clock.advance(timedelta(days=30))
    assert await list_warnings(scenario) == {"late": (1, 0)}


async def test_completed_not_accepted_and_accepted_without_assets(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_completed()
    scenario.clock.advance(timedelta(days=91))
    assert await list_warnings(scenario) == {"not_accepted": (1, 0)}
    await scenario.accept_project(project_id, "980000.00")
    scenario.clock.advance(timedelta(days=31))
    assert await list_warnings(scenario) == {"no_assets": (1, 0)}


async def test_a_year_in_the_library_without_a_plan(scenario: ProjectScenario) -> None:
    await scenario.create_in_reserve()
    scenario.clock.advance(timedelta(days=366))
    assert await list_warnings(scenario) == {"unplanned": (1, 0)}
    town = scenario.projects.client_as("town_officer", "620602101000")
    assert all(item["count"] == 0 for item in expect_success(await town.get("/projects/warnings"))["items"])
    assert (await scenario.bureau.get("/projects/warnings/nonsense")).status_code == 404


async def test_milestones_are_planned_and_reached_once(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    address = f"/projects/{project_id}/milestones"
    soon, later = str(scenario.today() + timedelta(days=3)), str(scenario.today() + timedelta(days=30))
    items = [{"name": "基础完工", "planned_on": soon}, {"name": "主体完工", "planned_on": later}]
    first, second = expect_success(await scenario.town.put(address, json={"items": items}))
    scenario.clock.advance(timedelta(days=5))
    body = {"done_on": str(scenario.today())}
    for _ in range(2):
        reached = expect_success(await scenario.town.post(f"{address}/{first['id']}/reach", json=body))
        assert (reached["late_days"], reached["done_on"]) == (2, body["done_on"])
    future = {"done_on": str(scenario.today() + timedelta(days=1))}
    assert (await scenario.town.post(f"{address}/{second['id']}/reach", json=future)).status_code == 422
    milestones = expect_success(
        await scenario.town.put(address, json={"items": [{"name": "竣工", "planned_on": later}]})
    )
    assert [milestone["name"] for milestone in milestones] == ["基础完工", "竣工"]
    again = await scenario.town.put(address, json={"items": [{"name": "基础完工", "planned_on": later}]})
    assert again.json()["errors"][0]["code"] == "twice"
    assert (await scenario.clerk.put(address, json={"items": items})).status_code == 403


async def test_amounts_of_parts_are_rolled_up(scenario: ProjectScenario) -> None:
    package = await scenario.create_draft(name="温室项目包")
    first = await scenario.create_draft(name="一标段", parent_id=package["id"], total="700000.00", money=[])
    await scenario.create_draft(name="一标段三组", parent_id=first["id"], total="400000.00", money=[])
    await scenario.create_draft(name="二标段", parent_id=package["id"], total="500000.00", money=[])
    parts = expect_success(await scenario.clerk.get(f"/projects/{package['id']}/parts"))
    assert (parts["sum"]["count"], parts["sum"]["total"], parts["difference"]) == (
        2,
        "900000.00",
        "300000.00",
    )
    assert [item["name"] for item in parts["items"]] == ["一标段", "二标段"]
    assert expect_success(await scenario.bureau.get("/projects/summary"))["sum"]["total"] == "900000.00"


async def test_funded_projects_cannot_get_parts(scenario: ProjectScenario) -> None:
    from tests.projects.test_implementation import put_commitment as commit

    package = await scenario.create_in_reserve(name="温室项目包")
    expect_success(await scenario.town.post("/projects", json=build_project(parent_id=package, places=[])))
    assert (await commit(scenario, package)).status_code == 409
    funded = await scenario.create_in_reserve(name="已有资金的项目")
    await scenario.deliver_money_event(funded)
    answer = await scenario.town.post("/projects", json=build_project(parent_id=funded, places=[]))
    assert answer.json()["errors"][0]["code"] == "funded"


async def test_target_templates_follow_the_category(scenario: ProjectScenario) -> None:
    road = expect_success(await scenario.clerk.get("/projects/target-templates?category=3.1.2"))
    assert road["category"] == "3.1"
    assert {item["kind"] for item in road["items"]} >= {"quantity", "quality", "satisfaction"}
    assert any(item["core"] for item in road["items"])
    assert (
        expect_success(await scenario.clerk.get("/projects/target-templates?category=3.1.4"))["category"]
        == "3.1.4"
    )
    assert expect_success(await scenario.clerk.get("/projects/target-templates"))["category"] == ""
    assert (await scenario.clerk.get("/projects/target-templates?category=abc")).status_code == 422
