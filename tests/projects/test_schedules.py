"""The planned progress of a project by month, and what is behind it."""

from datetime import date, datetime, timedelta
from typing import Any

from shared.unit_of_work import CHINA_TIME_ZONE
from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.projects.test_warnings import list_warnings


def list_months(first: date, number: int) -> list[str]:
    """A month and those after it."""
    months = [first.year * 12 + first.month - 1 + index for index in range(number)]
    return [f"{one // 12}-{one % 12 + 1:02d}" for one in months]


def build_points(first: date) -> list[dict[str, Any]]:
    figures = ((30, "100000.00"), (60, "400000.00"), (100, "900000.00"))
    return [
        {"month": month, "physical_percent": percent, "payment": payment}
        for month, (percent, payment) in zip(list_months(first, 3), figures, strict=True)
    ]


async def plan_progress(scenario: ProjectScenario) -> tuple[str, list[dict[str, Any]]]:
    """Start a project whose planned progress begins this month."""
    project_id = await scenario.create_started(planned_start="2024-01-01", planned_end="2030-12-20")
    points = build_points(scenario.today())
    answer = await scenario.town.put(f"/projects/{project_id}/schedule", json={"points": points})
    return project_id, expect_success(answer)["points"]


def advance_to(scenario: ProjectScenario, day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=CHINA_TIME_ZONE)
    scenario.clock.advance(noon - scenario.clock.now())


async def list_ids(scenario: ProjectScenario, **filters: Any) -> list[str]:
    return [
        one["id"] for one in expect_success(await scenario.bureau.get("/projects", params=filters))["items"]
    ]


async def test_works_and_payments_are_compared_with_the_month_that_is_over(scenario: ProjectScenario) -> None:
    project_id, points = await plan_progress(scenario)
    first_end = date.fromisoformat(points[0]["due_on"])
    advance_to(scenario, first_end)
    assert await list_ids(scenario, behind=True) == []
    advance_to(scenario, first_end + timedelta(days=1))
    assert (
        await list_ids(scenario, behind=True) == await list_ids(scenario, payment_behind=True) == [project_id]
    )
    expect_success(await scenario.post_progress(project_id, 30))
    await scenario.deliver_money_event(project_id, "40000.00", "payment.paid")
    assert await list_ids(scenario, behind=True) == []
    assert (
        await list_ids(scenario, behind=False)
        == await list_ids(scenario, payment_behind=True)
        == [project_id]
    )
    second_end = date.fromisoformat(points[1]["due_on"])
    advance_to(scenario, second_end + timedelta(days=12))
    schedule = expect_success(await scenario.bureau.get(f"/projects/{project_id}/schedule"))
    waited = (second_end - first_end).days + 12

    assert {
        name: schedule[name] for name in ("planned_percent", "physical_percent", "deviation", "behind_days")
    } == {
        "planned_percent": 60,
        "physical_percent": 30,
        "deviation": -30,
        "behind_days": 12,
    }
    assert (schedule["planned_payment"], schedule["paid"]) == ("400000.00", "40000.00")
    assert (schedule["payment_deviation"], schedule["payment_behind_days"]) == (-40, waited)


async def test_a_project_behind_its_schedule_is_warned_about_and_waits_in_the_worklist(
    scenario: ProjectScenario,
) -> None:
    project_id, points = await plan_progress(scenario)
    await scenario.deliver_money_event(project_id, "900000.00", "payment.paid")
    first_end = date.fromisoformat(points[0]["due_on"])
    advance_to(scenario, first_end + timedelta(days=15))
    assert "behind_schedule" not in await list_warnings(scenario)
    advance_to(scenario, first_end + timedelta(days=16))
    warned = await list_warnings(scenario)
    assert warned["behind_schedule"] == (1, 0)
    assert "payment_behind_schedule" not in warned
    (item,) = expect_success(await scenario.bureau.get("/projects/warnings/behind_schedule"))["items"]
    assert (item["id"], item["since"], item["waiting_days"]) == (project_id, points[0]["due_on"], 16)
    expect_success(await scenario.post_progress(project_id, 65))
    assert "behind_schedule" not in await list_warnings(scenario)


async def test_a_schedule_that_contradicts_itself_is_refused_by_point(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    address = f"/projects/{project_id}/schedule"
    points = build_points(scenario.today())
    same_month = [points[0], points[1] | {"month": points[0]["month"]}, points[2]]
    falling = [
        points[1] | {"month": points[0]["month"]},
        points[0] | {"month": points[1]["month"]},
        points[2],
    ]
    above = [*points[:2], points[2] | {"payment": "1200000.01"}]
    found = {}
    for name, body in {"order": same_month, "falls": falling, "end": points[:2], "above": above}.items():
        answer = await scenario.town.put(address, json={"points": body})
        assert answer.status_code == 422
        found[name] = [one["pointer"] for one in answer.json()["errors"]]
    clerk = await scenario.clerk.put(address, json={"points": points})
    draft = await scenario.create_draft(name="另一个温室项目")
    early = await scenario.town.put(f"/projects/{draft['id']}/schedule", json={"points": points})

    assert found == {
        "order": ["/points/1/month"],
        "falls": ["/points/1/physical_percent", "/points/1/payment"],
        "end": ["/points/1/physical_percent"],
        "above": ["/points/2/payment"],
    }
    assert (clerk.status_code, early.status_code) == (403, 409)
