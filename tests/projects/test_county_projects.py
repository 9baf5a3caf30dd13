"""What is the county's own has no town: it is published everywhere at once and goes straight to appraisal."""

from datetime import timedelta

from tests.clients import DISTRICT
from tests.projects.factories_projects import (
    APPRAISAL_STATEMENTS,
    ProjectScenario,
    build_project,
    expect_success,
)


async def create_declared_project(steps: ProjectScenario) -> str:
    other = steps.projects.client_as("line_bureau", person="applicant")
    body = build_project(region=DISTRICT, places=[], name="凉州区致富带头人培训项目", category="2.2.2")
    project = expect_success(await other.post("/projects", json=body))
    await steps.attach_document(project["id"], "minutes", other)
    await steps.transition_project(other, project["id"], "declare")
    return str(project["id"])


async def test_a_project_of_the_county_skips_the_town_and_says_so(steps: ProjectScenario) -> None:
    project_id = await create_declared_project(steps)
    address = f"/projects/{project_id}"
    (item,) = expect_success(
        await steps.projects.client_as("line_bureau", person="applicant").get("/projects/inbox")
    )["items"]
    assert item["action"] == "submit"
    await steps.post_notice(steps.line, project_id, "village", wait=False)
    early = await steps.line.post(f"{address}/submit", json={})
    assert {one["code"] for one in early.json()["errors"]} == {"notice_running"}
    steps.clock.advance(timedelta(days=10))
    lacking = await steps.line.post(f"{address}/submit", json={})
    assert "镇级公示: 未公示" in lacking.json()["detail"]
    await steps.post_notice(steps.line, project_id, "town")
    forward = await steps.line.post(f"{address}/forward", json={})
    assert forward.json()["errors"][0]["code"] == "no_town"
    moved = await steps.transition_project(steps.line, project_id, "submit")
    assert moved["state"] == "appraisal"
    last = expect_success(await steps.bureau.get(f"{address}/history"))["items"][-1]
    assert (last["type"], "不经乡镇审核" in last["reason"]) == ("project.moved", True)
    await steps.transition_project(
        steps.line, project_id, "appraise", statements=APPRAISAL_STATEMENTS, opinion="可行"
    )
    await steps.approve_project(project_id)
    await steps.post_notice(steps.bureau, project_id, "district")
    await steps.confirm_findings(project_id)
    assert (await steps.transition_project(steps.bureau, project_id, "admit"))["state"] == "reserve"


async def test_a_project_of_a_town_does_not_and_its_declarer_may_take_it_back(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared()
    await steps.post_notice(steps.clerk, project_id, "village")
    past_the_town = await steps.clerk.post(f"/projects/{project_id}/submit", json={})
    assert past_the_town.json()["errors"][0]["code"] == "has_town"
    assert (await steps.clerk.post(f"/projects/{project_id}/recall", json={})).status_code == 409
    back = await steps.transition_project(steps.clerk, project_id, "recall", reason="村民对选址有意见")
    assert back["state"] == "returned"
    assert all(
        one["withdrawn_at"]
        for one in expect_success(await steps.clerk.get(f"/projects/{project_id}/notices"))
    )
