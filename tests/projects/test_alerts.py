"""Project alerts: created from warnings, answered before a deadline, closed by a second person, resolved when the cause is gone."""

from datetime import timedelta
from typing import Any

from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.projects.test_changes import request_change


async def run_alert_scan(scenario: ProjectScenario) -> dict[str, Any]:
    expect_success(await scenario.bureau.post("/projects/alerts/sweep"))
    items = expect_success(await scenario.bureau.get("/projects/alerts"))["items"]
    return {item["rule"].removeprefix("warning."): item for item in items}


async def test_an_alert_is_answered_by_the_town_and_closed_by_the_bureau(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_in_reserve(planned_end="2026-12-20", planned_start="2026-01-01")
    await scenario.deliver_money_event(project_id)
    assert await run_alert_scan(scenario) == {}
    scenario.clock.advance(timedelta(days=61))
    alert = (await run_alert_scan(scenario))["not_started"]
    assert (alert["project_id"], alert["state"], alert["light"]) == (project_id, "open", "orange")
    assert alert["due_on"] == str(scenario.today() + timedelta(days=15))
    assert len(await run_alert_scan(scenario)) == 1
    assert expect_success(await scenario.town.get("/projects/inbox/counts"))["alerts"] == 1
    assert (
        expect_success(
            await scenario.projects.client_as("town_officer", "620602101000").get("/projects/alerts")
        )["items"]
        == []
    )

    address = f"/projects/alerts/{alert['id']}"
    owner = {"owner": "town_officer-620602100000", "due_on": str(scenario.today() + timedelta(days=5))}
    assert (await scenario.town.post(f"{address}/assign", json=owner)).status_code == 403
    assert (
        expect_success(await scenario.bureau.post(f"{address}/assign", json=owner))["owner"] == owner["owner"]
    )
    assert (await scenario.clerk.post(f"{address}/answer", json={"reason": "x"})).status_code == 403
    assert (await scenario.town.post(f"{address}/answer", json={})).json()["errors"][0]["code"] == "no_reason"
    expect_success(await scenario.town.post(f"{address}/answer", json={"reason": "招标流标, 已重新公告"}))
    expect_success(await scenario.bureau.post(f"{address}/send_back", json={"reason": "请写明开工日期"}))
    expect_success(await scenario.town.post(f"{address}/answer", json={"reason": "8月5日开工"}))
    expect_success(await scenario.bureau.post(f"{address}/close", json={"reason": "已核实"}))
    assert expect_success(await scenario.town.get("/projects/inbox/counts"))["alerts"] == 0
    await scenario.start_project(project_id)
    assert (await run_alert_scan(scenario))["not_started"]["gone"] is True
    states = [
        event["after"]["now"]
        for event in expect_success(await scenario.bureau.get(f"{address}/history"))["items"]
    ]
    assert states == ["open", "open", "answered", "open", "answered", "closed", "closed"]
    summary = expect_success(await scenario.leader.get("/projects/alerts/summary"))
    assert (summary["undone"], summary["done"]) == (0, 1)


async def test_an_approved_change_without_a_timely_notice_raises_an_alert(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    address = f"/projects/changes/{(await request_change(scenario, project_id))['id']}"
    decision = {"decision_no": "20号", "decision_on": str(scenario.today())}
    deadline = expect_success(await scenario.bureau.post(f"{address}/approve", json=decision))["republish_by"]

    async def count_warned() -> tuple[int, int, int]:
        await run_alert_scan(scenario)
        (warning,) = [
            item
            for item in expect_success(await scenario.bureau.get("/projects/warnings"))["items"]
            if item["rule"] == "change_unpublished"
        ]
        rows = expect_success(await scenario.bureau.get(warning["rows"].removeprefix("/api/v1")))["items"]
        inbox_count = expect_success(await scenario.bureau.get("/projects/inbox/counts"))["unpublished"]
        return warning["count"], len(rows), inbox_count

    while str(scenario.today()) < deadline:
        scenario.clock.advance(timedelta(days=1))
    assert (await count_warned(), await run_alert_scan(scenario)) == ((0, 0, 0), {})
    scenario.clock.advance(timedelta(days=1))
    assert await count_warned() == (1, 1, 1)
    assert (await run_alert_scan(scenario))["change_unpublished"]["project_id"] == project_id
    notice = {"level": "change", "places": ["村务公开栏"], "starts_on": str(scenario.today())}
    misplaced = await scenario.bureau.post(f"/projects/{project_id}/notices", json=notice)
    assert misplaced.status_code == 409  # the notice belongs to the change request, not to the project
    expect_success(await scenario.town.post(f"{address}/notices", json=notice))
    assert await count_warned() == (0, 0, 0)
    assert (await run_alert_scan(scenario))["change_unpublished"]["gone"] is True


async def test_findings_to_clear_are_counted_in_the_inbox(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_review()
    text = {"name": "村委会办公楼建设项目", "content": "新建村委会办公楼1栋"}
    blocked = await scenario.create_in_district_notice(**text)
    project = expect_success(await scenario.bureau.get(f"/projects/{blocked}"))
    assert project["blocked"] is True
    counts = expect_success(await scenario.line.get("/projects/inbox/counts"))
    assert (counts["blocked"], counts["waivers"]) == (1, 0)
    mark = next(finding["mark"] for finding in project["findings"] if finding["severity"] == "block")
    expect_success(
        await scenario.line.post(
            f"/projects/{blocked}/clearances", json={"finding": mark, "reason": "县级批复的综合服务用房"}
        )
    )
    assert expect_success(await scenario.bureau.get("/projects/inbox/counts"))["waivers"] == 1
    assert expect_success(await scenario.line.get("/projects/inbox/counts"))["waivers"] == 0
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["blocked"] is False
