"""Warnings, milestones, packages and target templates."""

from datetime import timedelta
from typing import Any

from tests.projects.factories_projects import ProjectScenario, build_project, expect_success


async def list_warnings(steps: ProjectScenario) -> dict[str, Any]:
    found = expect_success(await steps.bureau.get("/projects/warnings"))
    return {one["rule"]: (one["count"], one["past_deadline"]) for one in found["items"] if one["count"]}


async def test_money_without_a_start_is_warned_of_after_sixty_days(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve(planned_end="2026-12-20", planned_start="2026-01-01")
    await steps.deliver_money_event(project_id)
    steps.clock.advance(timedelta(days=60))
    assert await list_warnings(steps) == {}
    steps.clock.advance(timedelta(days=1))
    assert await list_warnings(steps) == {"not_started": (1, 0)}
    (item,) = expect_success(await steps.bureau.get("/projects/warnings/not_started"))["items"]
    assert (item["id"], item["waiting_days"], item["owner"]) == (project_id, 61, "town_officer")
    assert item["deadline"] == str(steps.today() + timedelta(days=14))
    steps.clock.advance(timedelta(days=15))
    assert await list_warnings(steps) == {"not_started": (1, 1)}
    await steps.start_project(project_id)
    assert await list_warnings(steps) == {}


async def test_silence_lateness_and_payment_ahead_of_the_works(steps: ProjectScenario) -> None:
    project_id = await steps.create_started(planned_end="2024-08-15", planned_start="2024-06-01")
    expect_success(await steps.post_progress(project_id, 30))
    await steps.deliver_money_event(project_id, "400000.00", "payment.paid")
    steps.clock.advance(timedelta(days=1))
    assert await list_warnings(steps) == {}
    await steps.deliver_money_event(project_id, "1.00", "payment.paid")
    steps.clock.advance(timedelta(days=1))
    assert await list_warnings(steps) == {"behind_payment": (1, 0)}
    steps.clock.advance(timedelta(days=34))
    assert "silent" in await list_warnings(steps)
    expect_success(await steps.post_progress(project_id, 50))
    steps.clock.advance(timedelta(days=1))
    assert await list_warnings(steps) == {}
    steps.clock.advance(timedelta(days=30))
    assert await list_warnings(steps) == {"late": (1, 0)}


async def test_completed_not_accepted_and_accepted_without_assets(steps: ProjectScenario) -> None:
    project_id = await steps.create_completed()
    steps.clock.advance(timedelta(days=91))
    assert await list_warnings(steps) == {"not_accepted": (1, 0)}
    await steps.accept_project(project_id, "980000.00")
    steps.clock.advance(timedelta(days=31))
    assert await list_warnings(steps) == {"no_assets": (1, 0)}


async def test_a_year_in_the_library_without_a_plan(steps: ProjectScenario) -> None:
    await steps.create_in_reserve()
    steps.clock.advance(timedelta(days=366))
    assert await list_warnings(steps) == {"unplanned": (1, 0)}
    town = steps.projects.client_as("town_officer", "620602101000")
    assert all(one["count"] == 0 for one in expect_success(await town.get("/projects/warnings"))["items"])
    assert (await steps.bureau.get("/projects/warnings/nonsense")).status_code == 404


async def test_milestones_are_planned_and_reached_once(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    address = f"/projects/{project_id}/milestones"
    soon, later = str(steps.today() + timedelta(days=3)), str(steps.today() + timedelta(days=30))
    items = [{"name": "基础完工", "planned_on": soon}, {"name": "主体完工", "planned_on": later}]
    first, second = expect_success(await steps.town.put(address, json={"items": items}))
    steps.clock.advance(timedelta(days=5))
    body = {"done_on": str(steps.today())}
    for _ in range(2):
        reached = expect_success(await steps.town.post(f"{address}/{first['id']}/reach", json=body))
        assert (reached["late_days"], reached["done_on"]) == (2, body["done_on"])
    future = {"done_on": str(steps.today() + timedelta(days=1))}
    assert (await steps.town.post(f"{address}/{second['id']}/reach", json=future)).status_code == 422
    kept = expect_success(
        await steps.town.put(address, json={"items": [{"name": "竣工", "planned_on": later}]})
    )
    assert [one["name"] for one in kept] == ["基础完工", "竣工"]
    again = await steps.town.put(address, json={"items": [{"name": "基础完工", "planned_on": later}]})
    assert again.json()["errors"][0]["code"] == "twice"
    assert (await steps.clerk.put(address, json={"items": items})).status_code == 403


async def test_the_money_of_parts_is_rolled_up(steps: ProjectScenario) -> None:
    package = await steps.create_draft(name="温室项目包")
    first = await steps.create_draft(name="一标段", parent_id=package["id"], total="700000.00", money=[])
    await steps.create_draft(name="一标段三组", parent_id=first["id"], total="400000.00", money=[])
    await steps.create_draft(name="二标段", parent_id=package["id"], total="500000.00", money=[])
    found = expect_success(await steps.clerk.get(f"/projects/{package['id']}/parts"))
    assert (found["sum"]["count"], found["sum"]["total"], found["difference"]) == (
        2,
        "900000.00",
        "300000.00",
    )
    assert [one["name"] for one in found["items"]] == ["一标段", "二标段"]
    assert expect_success(await steps.bureau.get("/projects/summary"))["sum"]["total"] == "900000.00"


async def test_packages_and_funded_projects_keep_their_shape(steps: ProjectScenario) -> None:
    from tests.projects.test_implementation import put_commitment as commit

    package = await steps.create_in_reserve(name="温室项目包")
    expect_success(await steps.town.post("/projects", json=build_project(parent_id=package, places=[])))
    assert (await commit(steps, package)).status_code == 409
    funded = await steps.create_in_reserve(name="已有资金的项目")
    await steps.deliver_money_event(funded)
    answer = await steps.town.post("/projects", json=build_project(parent_id=funded, places=[]))
    assert answer.json()["errors"][0]["code"] == "funded"


async def test_target_templates_follow_the_category(steps: ProjectScenario) -> None:
    road = expect_success(await steps.clerk.get("/projects/target-templates?category=3.1.2"))
    assert road["category"] == "3.1"
    assert {one["kind"] for one in road["items"]} >= {"quantity", "quality", "satisfaction"}
    assert any(one["core"] for one in road["items"])
    assert (
        expect_success(await steps.clerk.get("/projects/target-templates?category=3.1.4"))["category"]
        == "3.1.4"
    )
    assert expect_success(await steps.clerk.get("/projects/target-templates"))["category"] == ""
    assert (await steps.clerk.get("/projects/target-templates?category=abc")).status_code == 422
