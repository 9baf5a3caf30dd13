"""What waits for whom, since when, and what is late."""

from datetime import timedelta
from typing import Any

import httpx

from tests.projects.factories_projects import ENDORSEMENT_STATEMENTS, ProjectScenario, expect_success


async def get_inbox_counts(client: httpx.AsyncClient) -> Any:
    found = expect_success(await client.get("/projects/inbox/counts"))
    return {one["state"]: (one["waiting"], one["near"], one["overdue"]) for one in found["items"]}


async def test_a_project_waits_for_the_role_whose_turn_it_is(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_review()
    assert await get_inbox_counts(steps.town) == {"town_review": (1, 0, 0)}
    assert await get_inbox_counts(steps.clerk) == {}
    assert await get_inbox_counts(steps.bureau) == {}
    assert await get_inbox_counts(steps.line) == {}
    assert await get_inbox_counts(steps.projects.client_as("town_officer", "620602101000")) == {}
    (item,) = expect_success(await steps.town.get("/projects/inbox"))["items"]
    assert (item["id"], item["action"], item["limit_days"]) == (project_id, "endorse", 10)
    await steps.transition_project(steps.town, project_id, "endorse", statements=ENDORSEMENT_STATEMENTS)
    assert await get_inbox_counts(steps.town) == {"town_notice": (1, 0, 0)}


async def test_waiting_gets_near_and_then_overdue(steps: ProjectScenario) -> None:
    await steps.create_in_review()
    steps.clock.advance(timedelta(days=8))
    assert await get_inbox_counts(steps.town) == {"town_review": (1, 1, 0)}
    assert expect_success(await steps.town.get("/projects/inbox?overdue=true"))["items"] == []
    steps.clock.advance(timedelta(days=3))
    assert await get_inbox_counts(steps.town) == {"town_review": (1, 0, 1)}
    (item,) = expect_success(await steps.town.get("/projects/inbox?overdue=true"))["items"]
    assert (item["waiting_days"], item["overdue"], item["near"]) == (11, True, False)
    total = expect_success(await steps.town.get("/projects/inbox/counts"))
    assert (total["waiting"], total["near"], total["overdue"]) == (1, 0, 1)


async def test_what_four_eyes_forbid_does_not_wait_for_me(steps: ProjectScenario) -> None:
    from tests.projects.factories_projects import build_project as a_project

    body = a_project(region=steps.village[:9] + "000", places=[])
    project = expect_success(await steps.town.post("/projects", json=body))
    await steps.attach_document(project["id"], "minutes", steps.town)
    assert await get_inbox_counts(steps.town) == {"draft": (1, 0, 0)}
    await steps.transition_project(steps.town, project["id"], "declare")
    await steps.post_notice(steps.town, project["id"], "village")
    await steps.transition_project(steps.town, project["id"], "forward")
    assert await get_inbox_counts(steps.town) == {}
    assert await get_inbox_counts(steps.projects.client_as("town_officer", person="other")) == {
        "town_review": (1, 0, 0)
    }


async def test_a_running_notice_says_until_when(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared()
    notice = await steps.post_notice(steps.clerk, project_id, "village", wait=False)
    (item,) = expect_success(await steps.clerk.get("/projects/inbox"))["items"]
    assert item["notice_until"] == notice["ends_on"]
    steps.clock.advance(timedelta(days=10))
    (item,) = expect_success(await steps.clerk.get("/projects/inbox"))["items"]
    assert item["notice_until"] is None


async def test_later_work_waits_for_who_does_it(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    assert await get_inbox_counts(steps.town) == {}
    await steps.deliver_money_event(project_id)
    assert await get_inbox_counts(steps.town) == {"planned": (1, 0, 0)}
    await steps.start_project(project_id)
    expect_success(await steps.post_progress(project_id, 60))
    assert await get_inbox_counts(steps.town) == {}
    expect_success(await steps.post_progress(project_id, 100))
    assert await get_inbox_counts(steps.town) == {"under_construction": (1, 0, 0)}
    await steps.transition_project(steps.town, project_id, "complete")
    assert await get_inbox_counts(steps.bureau) == {"completed": (1, 0, 0)}


async def test_the_inbox_is_paged_and_the_longest_wait_comes_first(steps: ProjectScenario) -> None:
    made = []
    for number in range(3):
        made.append((await steps.create_draft(name=f"第{number}号项目"))["id"])
        steps.clock.advance(timedelta(hours=1))
    first = expect_success(await steps.clerk.get("/projects/inbox?limit=2"))
    assert [one["id"] for one in first["items"]] == made[:2]
    rest = expect_success(
        await steps.clerk.get("/projects/inbox", params={"limit": 2, "cursor": first["next_cursor"]})
    )
    assert [one["id"] for one in rest["items"]] == made[2:]
