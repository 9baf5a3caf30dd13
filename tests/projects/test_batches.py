"""One decision over many projects, a verdict for each."""

from uuid import uuid4

from shared.db import new_id
from tests.projects.factories_projects import ProjectScenario, expect_success


async def create_in_approval(steps: ProjectScenario, many: int) -> list[str]:
    return [await steps.create_in_approval(name=f"温室项目第{number}标段") for number in range(many)]


async def test_many_projects_are_approved_by_one_document(steps: ProjectScenario) -> None:
    ids = await create_in_approval(steps, 3)
    odd = await steps.create_declared()
    unknown = str(new_id())
    act = {"decision_no": "凉区农领发〔2024〕8号", "decision_on": str(steps.today())}
    body = {"action": "approve", "ids": [*ids, odd, unknown], "act": act}
    tried = expect_success(await steps.bureau.post("/projects/batch?dry_run=true", json=body))
    assert (tried["done"], tried["refused"]) == (3, 2)
    assert expect_success(await steps.bureau.get(f"/projects/{ids[0]}"))["state"] == "approval"
    done = expect_success(await steps.bureau.post("/projects/batch", json=body))
    assert (done["done"], done["refused"]) == (3, 2)
    assert [one["id"] for one in done["items"]] == body["ids"]
    assert [one["state"] for one in done["items"]] == ["district_notice"] * 3 + [None] * 2
    assert [one["problem"] for one in done["items"][3:]] == ["/problems/conflict", "/problems/not-found"]
    found = expect_success(await steps.bureau.get(f"/projects/{ids[2]}"))
    assert (found["state"], found["decision_no"]) == ("district_notice", "凉区农领发〔2024〕8号")
    assert expect_success(await steps.bureau.get(f"/projects/{odd}"))["state"] == "village_notice"


async def test_a_refused_project_leaves_nothing_and_the_others_go_on(steps: ProjectScenario) -> None:
    """Declaring signs and screens a project before the guards speak: none of it may stay."""
    bare = (await steps.create_draft(name="无会议记录的项目"))["id"]
    whole = (await steps.create_draft(name="有会议记录的项目"))["id"]
    await steps.attach_document(whole, "minutes")
    body = {"action": "declare", "ids": [bare, whole]}
    done = expect_success(await steps.clerk.post("/projects/batch", json=body))
    assert [one["done"] for one in done["items"]] == [False, True]
    assert [one["code"] for one in done["items"][0]["errors"]] == ["no_minutes"]
    found = expect_success(await steps.clerk.get(f"/projects/{bare}"))
    assert (found["state"], found["version"], found["declared_by"], found["screened_at"]) == (
        "draft",
        1,
        "",
        None,
    )


async def test_a_batch_asks_the_permission_of_each(steps: ProjectScenario) -> None:
    ids = await create_in_approval(steps, 1)
    body = {"action": "approve", "ids": ids, "act": {"decision_no": "8号", "decision_on": str(steps.today())}}
    done = expect_success(await steps.line.post("/projects/batch", json=body))
    assert done["items"][0]["problem"] == "/problems/forbidden"
    assert (await steps.finance.post("/projects/batch", json=body)).status_code == 403
    elsewhere = steps.projects.client_as("bureau", "620623000000")
    done = expect_success(await elsewhere.post("/projects/batch", json=body))
    assert done["items"][0]["problem"] == "/problems/not-found"


async def test_the_same_batch_sent_twice_is_done_once(steps: ProjectScenario) -> None:
    ids = await create_in_approval(steps, 1)
    body = {"action": "approve", "ids": ids, "act": {"decision_no": "8号", "decision_on": str(steps.today())}}
    key = {"Idempotency-Key": str(uuid4())}
    first = await steps.bureau.post("/projects/batch", json=body, headers=key)
    again = await steps.bureau.post("/projects/batch", json=body, headers=key)
    assert again.json() == first.json()
    assert expect_success(first)["done"] == 1


async def test_unfunded_projects_roll_over_into_the_next_year(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    planned = await steps.create_in_reserve(name="另一个温室项目")
    await steps.transition_project(steps.bureau, planned, "plan")
    body = {"ids": [project_id, planned], "year": 2025, "decision_no": "凉区农领发〔2024〕30号"}
    tried = expect_success(await steps.bureau.post("/projects/roll-over?dry_run=true", json=body))
    assert [one["done"] for one in tried["items"]] == [True, False]
    assert expect_success(await steps.bureau.get(f"/projects/{project_id}"))["year"] == 2024
    done = expect_success(await steps.bureau.post("/projects/roll-over", json=body))
    assert [one["done"] for one in done["items"]] == [True, False]
    assert expect_success(await steps.bureau.get(f"/projects/{project_id}"))["year"] == 2025
    last = expect_success(await steps.bureau.get(f"/projects/{project_id}/history"))["items"][-1]
    assert (last["type"], last["after"]["was_year"], last["after"]["now_year"]) == (
        "project.rolled_over",
        2024,
        2025,
    )
    again = expect_success(await steps.bureau.post("/projects/roll-over", json=body))
    assert again["done"] == 0
    assert (await steps.town.post("/projects/roll-over", json=body)).status_code == 403
