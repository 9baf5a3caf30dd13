"""What waits for whom, since when, and what is late."""

from datetime import timedelta
from typing import Any

import httpx

from tests.projects.steps import ENDORSED, Steps, good


async def counts(client: httpx.AsyncClient) -> Any:
    found = good(await client.get("/projects/inbox/counts"))
    return {one["state"]: (one["waiting"], one["near"], one["overdue"]) for one in found["items"]}


async def test_a_project_waits_for_the_role_whose_turn_it_is(steps: Steps) -> None:
    project_id = await steps.in_review()
    assert await counts(steps.town) == {"town_review": (1, 0, 0)}
    assert await counts(steps.clerk) == {}
    assert await counts(steps.bureau) == {}
    assert await counts(steps.line) == {}
    assert await counts(steps.projects.as_("town_officer", "620602101000")) == {}
    (item,) = good(await steps.town.get("/projects/inbox"))["items"]
    assert (item["id"], item["action"], item["limit_days"]) == (project_id, "endorse", 10)
    await steps.act(steps.town, project_id, "endorse", statements=ENDORSED)
    assert await counts(steps.town) == {"town_notice": (1, 0, 0)}


async def test_waiting_gets_near_and_then_overdue(steps: Steps) -> None:
    await steps.in_review()
    steps.clock.advance(timedelta(days=8))
    assert await counts(steps.town) == {"town_review": (1, 1, 0)}
    assert good(await steps.town.get("/projects/inbox?overdue=true"))["items"] == []
    steps.clock.advance(timedelta(days=3))
    assert await counts(steps.town) == {"town_review": (1, 0, 1)}
    (item,) = good(await steps.town.get("/projects/inbox?overdue=true"))["items"]
    assert (item["waiting_days"], item["overdue"], item["near"]) == (11, True, False)
    total = good(await steps.town.get("/projects/inbox/counts"))
    assert (total["waiting"], total["near"], total["overdue"]) == (1, 0, 1)


async def test_what_four_eyes_forbid_does_not_wait_for_me(steps: Steps) -> None:
    from tests.projects.steps import a_project

    body = a_project(region=steps.village[:9] + "000", places=[])
    project = good(await steps.town.post("/projects", json=body))
    await steps.attach(project["id"], "minutes", steps.town)
    assert await counts(steps.town) == {"draft": (1, 0, 0)}
    await steps.act(steps.town, project["id"], "declare")
    await steps.notice(steps.town, project["id"], "village")
    await steps.act(steps.town, project["id"], "forward")
    assert await counts(steps.town) == {}
    assert await counts(steps.projects.as_("town_officer", person="other")) == {"town_review": (1, 0, 0)}


async def test_a_running_notice_says_until_when(steps: Steps) -> None:
    project_id = await steps.declared()
    notice = await steps.notice(steps.clerk, project_id, "village", wait=False)
    (item,) = good(await steps.clerk.get("/projects/inbox"))["items"]
    assert item["notice_until"] == notice["ends_on"]
    steps.clock.advance(timedelta(days=10))
    (item,) = good(await steps.clerk.get("/projects/inbox"))["items"]
    assert item["notice_until"] is None


async def test_later_work_waits_for_who_does_it(steps: Steps) -> None:
    project_id = await steps.in_reserve()
    assert await counts(steps.town) == {}
    await steps.money(project_id)
    assert await counts(steps.town) == {"planned": (1, 0, 0)}
    await steps.begin(project_id)
    good(await steps.report(project_id, 60))
    assert await counts(steps.town) == {}
    good(await steps.report(project_id, 100))
    assert await counts(steps.town) == {"under_construction": (1, 0, 0)}
    await steps.act(steps.town, project_id, "complete")
    assert await counts(steps.bureau) == {"completed": (1, 0, 0)}


async def test_the_inbox_is_paged_and_the_longest_wait_comes_first(steps: Steps) -> None:
    made = []
    for number in range(3):
        made.append((await steps.draft(name=f"第{number}号项目"))["id"])
        steps.clock.advance(timedelta(hours=1))
    first = good(await steps.clerk.get("/projects/inbox?limit=2"))
    assert [one["id"] for one in first["items"]] == made[:2]
    rest = good(await steps.clerk.get("/projects/inbox", params={"limit": 2, "cursor": first["next_cursor"]}))
    assert [one["id"] for one in rest["items"]] == made[2:]
