"""Inbox: which projects wait for which role, since when, and which are late."""

from datetime import timedelta
from typing import Any

import httpx

from tests.projects.factories_projects import (
    ENDORSEMENT_STATEMENTS,
    ProjectScenario,
    build_project,
    expect_success,
)


async def get_inbox_counts(client: httpx.AsyncClient) -> Any:
    counts = expect_success(await client.get("/projects/inbox/counts"))
    return {item["state"]: (item["waiting"], item["near"], item["overdue"]) for item in counts["items"]}


async def test_a_project_waits_for_the_role_whose_turn_it_is(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_review()
    assert await get_inbox_counts(scenario.town) == {"town_review": (1, 0, 0)}
    assert await get_inbox_counts(scenario.clerk) == {}
    assert await get_inbox_counts(scenario.bureau) == {}
    assert await get_inbox_counts(scenario.line) == {}
    assert await get_inbox_counts(scenario.projects.client_as("town_officer", "620602101000")) == {}
    (item,) = expect_success(await scenario.town.get("/projects/inbox"))["items"]
    assert (item["id"], item["action"], item["limit_days"]) == (project_id, "endorse", 10)
    await scenario.transition_project(scenario.town, project_id, "endorse", statements=ENDORSEMENT_STATEMENTS)
    assert await get_inbox_counts(scenario.town) == {"town_notice": (1, 0, 0)}


async def test_a_waiting_project_becomes_near_and_then_overdue(scenario: ProjectScenario) -> None:
    await scenario.create_in_review()
    scenario.clock.advance(timedelta(days=8))
    assert await get_inbox_counts(scenario.town) == {"town_review": (1, 1, 0)}
    assert expect_success(await scenario.town.get("/projects/inbox?overdue=true"))["items"] == []
    scenario.clock.advance(timedelta(days=3))
    assert await get_inbox_counts(scenario.town) == {"town_review": (1, 0, 1)}
    (item,) = expect_success(await scenario.town.get("/projects/inbox?overdue=true"))["items"]
    assert (item["waiting_days"], item["overdue"], item["near"]) == (11, True, False)
    total = expect_success(await scenario.town.get("/projects/inbox/counts"))
    assert (total["waiting"], total["near"], total["overdue"]) == (1, 0, 1)


async def test_projects_blocked_by_four_eyes_are_not_in_the_inbox(scenario: ProjectScenario) -> None:
    body = build_project(region=scenario.village[:9] + "000", places=[])
    project = expect_success(await scenario.town.post("/projects", json=body))
    await scenario.attach_document(project["id"], "minutes", scenario.town)
    assert await get_inbox_counts(scenario.town) == {"draft": (1, 0, 0)}
    await scenario.transition_project(scenario.town, project["id"], "declare")
    await scenario.post_notice(scenario.town, project["id"], "village")
    await scenario.transition_project(scenario.town, project["id"], "forward")
    assert await get_inbox_counts(scenario.town) == {}
    assert await get_inbox_counts(scenario.projects.client_as("town_officer", person="other")) == {
        "town_review": (1, 0, 0)
    }


async def test_an_inbox_item_shows_the_end_of_a_running_notice(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    notice = await scenario.post_notice(scenario.clerk, project_id, "village", wait=False)
    (item,) = expect_success(await scenario.clerk.get("/projects/inbox"))["items"]
    assert item["notice_until"] == notice["ends_on"]
    scenario.clock.advance(timedelta(days=10))
    (item,) = expect_success(await scenario.clerk.get("/projects/inbox"))["items"]
    assert item["notice_until"] is None


async def test_implementation_steps_wait_for_the_responsible_role(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    assert await get_inbox_counts(scenario.town) == {}
    await scenario.deliver_money_event(project_id)
    assert await get_inbox_counts(scenario.town) == {"planned": (1, 0, 0)}
    await scenario.start_project(project_id)
    expect_success(await scenario.post_progress(project_id, 60))
    assert await get_inbox_counts(scenario.town) == {}
    expect_success(await scenario.post_progress(project_id, 100))
    assert await get_inbox_counts(scenario.town) == {"under_construction": (1, 0, 0)}
    await scenario.transition_project(scenario.town, project_id, "complete")
    assert await get_inbox_counts(scenario.bureau) == {"completed": (1, 0, 0)}


async def test_the_inbox_is_paged_and_the_longest_wait_comes_first(scenario: ProjectScenario) -> None:
    project_ids = []
    for number in range(3):
        project_ids.append((await scenario.create_draft(name=f"第{number}号项目"))["id"])
        scenario.clock.advance(timedelta(hours=1))
    first = expect_success(await scenario.clerk.get("/projects/inbox?limit=2"))
    assert [item["id"] for item in first["items"]] == project_ids[:2]
    rest = expect_success(
        await scenario.clerk.get("/projects/inbox", params={"limit": 2, "cursor": first["next_cursor"]})
    )
    assert [item["id"] for item in rest["items"]] == project_ids[2:]
