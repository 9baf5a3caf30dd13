"""What warnings see becomes an alert: owned, answered in time, closed by another person, gone when it is put right."""

from datetime import timedelta
from typing import Any

from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.projects.test_changes import request_change


async def run_alert_scan(steps: ProjectScenario) -> dict[str, Any]:
    expect_success(await steps.bureau.post("/projects/alerts/sweep"))
    items = expect_success(await steps.bureau.get("/projects/alerts"))["items"]
    return {one["rule"].removeprefix("warning."): one for one in items}


async def test_a_warning_is_answered_by_who_builds_and_closed_by_the_bureau(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve(planned_end="2026-12-20", planned_start="2026-01-01")
    await steps.deliver_money_event(project_id)
    assert await run_alert_scan(steps) == {}
    steps.clock.advance(timedelta(days=61))
    alert = (await run_alert_scan(steps))["not_started"]
    assert (alert["project_id"], alert["state"], alert["light"]) == (project_id, "open", "orange")
    assert alert["due_on"] == str(steps.today() + timedelta(days=15))
    assert len(await run_alert_scan(steps)) == 1
    assert expect_success(await steps.town.get("/projects/inbox/counts"))["alerts"] == 1
    assert (
        expect_success(
            await steps.projects.client_as("town_officer", "620602101000").get("/projects/alerts")
        )["items"]
        == []
    )

    address = f"/projects/alerts/{alert['id']}"
    owner = {"owner": "town_officer-620602100000", "due_on": str(steps.today() + timedelta(days=5))}
    assert (await steps.town.post(f"{address}/assign", json=owner)).status_code == 403
    assert expect_success(await steps.bureau.post(f"{address}/assign", json=owner))["owner"] == owner["owner"]
    assert (await steps.clerk.post(f"{address}/answer", json={"reason": "x"})).status_code == 403
    assert (await steps.town.post(f"{address}/answer", json={})).json()["errors"][0]["code"] == "no_reason"
    expect_success(await steps.town.post(f"{address}/answer", json={"reason": "招标流标, 已重新公告"}))
    expect_success(await steps.bureau.post(f"{address}/send_back", json={"reason": "请写明开工日期"}))
    expect_success(await steps.town.post(f"{address}/answer", json={"reason": "8月5日开工"}))
    expect_success(await steps.bureau.post(f"{address}/close", json={"reason": "已核实"}))
    assert expect_success(await steps.town.get("/projects/inbox/counts"))["alerts"] == 0
    await steps.start_project(project_id)
    assert (await run_alert_scan(steps))["not_started"]["gone"] is True
    told = [
        one["after"]["now"] for one in expect_success(await steps.bureau.get(f"{address}/history"))["items"]
    ]
    assert told == ["open", "open", "answered", "open", "answered", "closed", "closed"]
    summary = expect_success(await steps.leader.get("/projects/alerts/summary"))
    assert (summary["undone"], summary["done"]) == (0, 1)


async def test_a_decided_change_that_is_not_on_notice_in_time_is_warned_of(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    address = f"/projects/changes/{(await request_change(steps, project_id))['id']}"
    decision = {"decision_no": "20号", "decision_on": str(steps.today())}
    by = expect_success(await steps.bureau.post(f"{address}/approve", json=decision))["republish_by"]

    async def warned() -> tuple[int, int, int]:
        (found,) = [
            one
            for one in expect_success(await steps.bureau.get("/projects/warnings"))["items"]
            if one["rule"] == "change_unpublished"
        ]
        rows = expect_success(await steps.bureau.get(found["rows"].removeprefix("/api/v1")))["items"]
        mine = expect_success(await steps.bureau.get("/projects/inbox/counts"))["unpublished"]
        return found["count"], len(rows), mine

    while str(steps.today()) < by:
        steps.clock.advance(timedelta(days=1))
    assert (await warned(), await run_alert_scan(steps)) == ((0, 0, 0), {})
    steps.clock.advance(timedelta(days=1))
    assert await warned() == (1, 1, 1)
    assert (await run_alert_scan(steps))["change_unpublished"]["project_id"] == project_id
    notice = {"level": "change", "places": ["村务公开栏"], "starts_on": str(steps.today())}
    lost = await steps.bureau.post(f"/projects/{project_id}/notices", json=notice)
    assert lost.status_code == 409  # a change is published at the change, or it would not count
    expect_success(await steps.town.post(f"{address}/notices", json=notice))
    assert await warned() == (0, 0, 0)
    assert (await run_alert_scan(steps))["change_unpublished"]["gone"] is True


async def test_findings_to_clear_wait_in_the_inbox(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_review()
    text = {"name": "村委会办公楼建设项目", "content": "新建村委会办公楼1栋"}
    blocked = await steps.create_in_district_notice(**text)
    project = expect_success(await steps.bureau.get(f"/projects/{blocked}"))
    assert project["blocked"] is True
    counts = expect_success(await steps.line.get("/projects/inbox/counts"))
    assert (counts["blocked"], counts["waivers"]) == (1, 0)
    mark = next(one["mark"] for one in project["findings"] if one["severity"] == "block")
    expect_success(
        await steps.line.post(
            f"/projects/{blocked}/clearances", json={"finding": mark, "reason": "县级批复的综合服务用房"}
        )
    )
    assert expect_success(await steps.bureau.get("/projects/inbox/counts"))["waivers"] == 1
    assert expect_success(await steps.line.get("/projects/inbox/counts"))["waivers"] == 0
    assert expect_success(await steps.bureau.get(f"/projects/{project_id}"))["blocked"] is False
