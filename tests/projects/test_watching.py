"""Warnings, milestones, packages and target templates."""

from datetime import timedelta
from typing import Any

from tests.projects.steps import Steps, a_project, good


async def warned(steps: Steps) -> dict[str, Any]:
    found = good(await steps.bureau.get("/projects/warnings"))
    return {one["rule"]: (one["count"], one["past_deadline"]) for one in found["items"] if one["count"]}


async def test_money_without_a_start_is_warned_of_after_sixty_days(steps: Steps) -> None:
    project_id = await steps.in_reserve(planned_end="2026-12-20", planned_start="2026-01-01")
    await steps.money(project_id)
    steps.clock.advance(timedelta(days=60))
    assert await warned(steps) == {}
    steps.clock.advance(timedelta(days=1))
    assert await warned(steps) == {"not_started": (1, 0)}
    (item,) = good(await steps.bureau.get("/projects/warnings/not_started"))["items"]
    assert (item["id"], item["waiting_days"], item["owner"]) == (project_id, 61, "town_officer")
    assert item["deadline"] == str(steps.today() + timedelta(days=14))
    steps.clock.advance(timedelta(days=15))
    assert await warned(steps) == {"not_started": (1, 1)}
    await steps.begin(project_id)
    assert await warned(steps) == {}


async def test_silence_lateness_and_payment_ahead_of_the_works(steps: Steps) -> None:
    project_id = await steps.started(planned_end="2024-08-15", planned_start="2024-06-01")
    good(await steps.report(project_id, 30))
    await steps.money(project_id, "400000.00", "payment.paid")
    steps.clock.advance(timedelta(days=1))
    assert await warned(steps) == {}
    await steps.money(project_id, "1.00", "payment.paid")
    steps.clock.advance(timedelta(days=1))
    assert await warned(steps) == {"behind_payment": (1, 0)}
    steps.clock.advance(timedelta(days=34))
    assert "silent" in await warned(steps)
    good(await steps.report(project_id, 50))
    steps.clock.advance(timedelta(days=1))
    assert await warned(steps) == {}
    steps.clock.advance(timedelta(days=30))
    assert await warned(steps) == {"late": (1, 0)}


async def test_completed_not_accepted_and_accepted_without_assets(steps: Steps) -> None:
    project_id = await steps.completed()
    steps.clock.advance(timedelta(days=91))
    assert await warned(steps) == {"not_accepted": (1, 0)}
    await steps.accept(project_id, "980000.00")
    steps.clock.advance(timedelta(days=31))
    assert await warned(steps) == {"no_assets": (1, 0)}


async def test_a_year_in_the_library_without_a_plan(steps: Steps) -> None:
    await steps.in_reserve()
    steps.clock.advance(timedelta(days=366))
    assert await warned(steps) == {"unplanned": (1, 0)}
    town = steps.projects.as_("town_officer", "620602101000")
    assert all(one["count"] == 0 for one in good(await town.get("/projects/warnings"))["items"])
    assert (await steps.bureau.get("/projects/warnings/nonsense")).status_code == 404


async def test_milestones_are_planned_and_reached_once(steps: Steps) -> None:
    project_id = await steps.started()
    address = f"/projects/{project_id}/milestones"
    soon, later = str(steps.today() + timedelta(days=3)), str(steps.today() + timedelta(days=30))
    items = [{"name": "基础完工", "planned_on": soon}, {"name": "主体完工", "planned_on": later}]
    first, second = good(await steps.town.put(address, json={"items": items}))
    steps.clock.advance(timedelta(days=5))
    body = {"done_on": str(steps.today())}
    for _ in range(2):
        reached = good(await steps.town.post(f"{address}/{first['id']}/reach", json=body))
        assert (reached["late_days"], reached["done_on"]) == (2, body["done_on"])
    future = {"done_on": str(steps.today() + timedelta(days=1))}
    assert (await steps.town.post(f"{address}/{second['id']}/reach", json=future)).status_code == 422
    kept = good(await steps.town.put(address, json={"items": [{"name": "竣工", "planned_on": later}]}))
    assert [one["name"] for one in kept] == ["基础完工", "竣工"]
    again = await steps.town.put(address, json={"items": [{"name": "基础完工", "planned_on": later}]})
    assert again.json()["errors"][0]["code"] == "twice"
    assert (await steps.clerk.put(address, json={"items": items})).status_code == 403


async def test_the_money_of_parts_is_rolled_up(steps: Steps) -> None:
    package = await steps.draft(name="温室项目包")
    first = await steps.draft(name="一标段", parent_id=package["id"], total="700000.00", money=[])
    await steps.draft(name="一标段三组", parent_id=first["id"], total="400000.00", money=[])
    await steps.draft(name="二标段", parent_id=package["id"], total="500000.00", money=[])
    found = good(await steps.clerk.get(f"/projects/{package['id']}/parts"))
    assert (found["sum"]["count"], found["sum"]["total"], found["difference"]) == (
        2,
        "900000.00",
        "300000.00",
    )
    assert [one["name"] for one in found["items"]] == ["一标段", "二标段"]
    assert good(await steps.bureau.get("/projects/summary"))["sum"]["total"] == "900000.00"


async def test_packages_and_funded_projects_keep_their_shape(steps: Steps) -> None:
    from tests.projects.test_building import commit

    package = await steps.in_reserve(name="温室项目包")
    good(await steps.town.post("/projects", json=a_project(parent_id=package, places=[])))
    assert (await commit(steps, package)).status_code == 409
    funded = await steps.in_reserve(name="已有资金的项目")
    await steps.money(funded)
    answer = await steps.town.post("/projects", json=a_project(parent_id=funded, places=[]))
    assert answer.json()["errors"][0]["code"] == "funded"


async def test_target_templates_follow_the_category(steps: Steps) -> None:
    road = good(await steps.clerk.get("/projects/target-templates?category=3.1.2"))
    assert road["category"] == "3.1"
    assert {one["kind"] for one in road["items"]} >= {"quantity", "quality", "satisfaction"}
    assert any(one["core"] for one in road["items"])
    assert good(await steps.clerk.get("/projects/target-templates?category=3.1.4"))["category"] == "3.1.4"
    assert good(await steps.clerk.get("/projects/target-templates"))["category"] == ""
    assert (await steps.clerk.get("/projects/target-templates?category=abc")).status_code == 422
