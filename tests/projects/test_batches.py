"""Batch transitions and roll-over, one result per project."""

from uuid import uuid4

from shared.db import new_id
from tests.projects.factories_projects import ProjectScenario, expect_success


async def create_in_approval(scenario: ProjectScenario, count: int) -> list[str]:
    return [await scenario.create_in_approval(name=f"温室项目第{number}标段") for number in range(count)]


async def test_many_projects_are_approved_by_one_document(scenario: ProjectScenario) -> None:
    ids = await create_in_approval(scenario, 3)
    wrong_state = await scenario.create_declared()
    unknown = str(new_id())
    request = {"decision_no": "凉区农领发〔2024〕8号", "decision_on": str(scenario.today())}
    body = {"action": "approve", "ids": [*ids, wrong_state, unknown], "act": request}
    preview = expect_success(await scenario.bureau.post("/projects/batch?dry_run=true", json=body))
    assert (preview["done"], preview["refused"]) == (3, 2)
    assert expect_success(await scenario.bureau.get(f"/projects/{ids[0]}"))["state"] == "approval"
    done = expect_success(await scenario.bureau.post("/projects/batch", json=body))
    assert (done["done"], done["refused"]) == (3, 2)
    assert [item["id"] for item in done["items"]] == body["ids"]
    assert [item["state"] for item in done["items"]] == ["district_notice"] * 3 + [None] * 2
    assert [item["problem"] for item in done["items"][3:]] == ["/problems/conflict", "/problems/not-found"]
    project = expect_success(await scenario.bureau.get(f"/projects/{ids[2]}"))
    assert (project["state"], project["decision_no"]) == ("district_notice", "凉区农领发〔2024〕8号")
    assert expect_success(await scenario.bureau.get(f"/projects/{wrong_state}"))["state"] == "village_notice"


async def test_a_refused_project_is_rolled_back_and_the_others_are_processed(
    scenario: ProjectScenario,
) -> None:
    """Effects are written before the guards are checked; a refusal must roll them back."""
    without_minutes = (await scenario.create_draft(name="无会议记录的项目"))["id"]
    with_minutes = (await scenario.create_draft(name="有会议记录的项目"))["id"]
    await scenario.attach_document(with_minutes, "minutes")
    body = {"action": "declare", "ids": [without_minutes, with_minutes]}
    done = expect_success(await scenario.clerk.post("/projects/batch", json=body))
    assert [item["done"] for item in done["items"]] == [False, True]
    assert [error["code"] for error in done["items"][0]["errors"]] == ["no_minutes"]
    project = expect_success(await scenario.clerk.get(f"/projects/{without_minutes}"))
    assert (project["state"], project["version"], project["declared_by"], project["screened_at"]) == (
        "draft",
        1,
        "",
        None,
    )


async def test_a_batch_checks_the_permission_for_each_project(scenario: ProjectScenario) -> None:
    ids = await create_in_approval(scenario, 1)
    body = {
        "action": "approve",
        "ids": ids,
        "act": {"decision_no": "8号", "decision_on": str(scenario.today())},
    }
    done = expect_success(await scenario.line.post("/projects/batch", json=body))
    assert done["items"][0]["problem"] == "/problems/forbidden"
    assert (await scenario.finance.post("/projects/batch", json=body)).status_code == 403
    elsewhere = scenario.projects.client_as("bureau", "620623000000")
    done = expect_success(await elsewhere.post("/projects/batch", json=body))
    assert done["items"][0]["problem"] == "/problems/not-found"


async def test_a_repeated_batch_is_executed_once(scenario: ProjectScenario) -> None:
    ids = await create_in_approval(scenario, 1)
    body = {
        "action": "approve",
        "ids": ids,
        "act": {"decision_no": "8号", "decision_on": str(scenario.today())},
    }
    key = {"Idempotency-Key": str(uuid4())}
    first = await scenario.bureau.post("/projects/batch", json=body, headers=key)
    again = await scenario.bureau.post("/projects/batch", json=body, headers=key)
    assert again.json() == first.json()
    assert expect_success(first)["done"] == 1


async def test_unfunded_projects_roll_over_into_the_next_year(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    planned = await scenario.create_in_reserve(name="另一个温室项目")
    await scenario.transition_project(scenario.bureau, planned, "plan")
    body = {"ids": [project_id, planned], "year": 2025, "decision_no": "凉区农领发〔2024〕30号"}
    tried = expect_success(await scenario.bureau.post("/projects/roll-over?dry_run=true", json=body))
    assert [item["done"] for item in tried["items"]] == [True, False]
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["year"] == 2024
    done = expect_success(await scenario.bureau.post("/projects/roll-over", json=body))
    assert [item["done"] for item in done["items"]] == [True, False]
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["year"] == 2025
    last = expect_success(await scenario.bureau.get(f"/projects/{project_id}/history"))["items"][-1]
    assert (last["type"], last["after"]["was_year"], last["after"]["now_year"]) == (
        "project.rolled_over",
        2024,
        2025,
    )
    again = expect_success(await scenario.bureau.post("/projects/roll-over", json=body))
    assert again["done"] == 0
    assert (await scenario.town.post("/projects/roll-over", json=body)).status_code == 403
