"""Projects of the county itself: no town review, all notices at the same time."""

from datetime import timedelta

from tests.clients import DISTRICT
from tests.projects.factories_projects import (
    APPRAISAL_STATEMENTS,
    ProjectScenario,
    build_project,
    expect_success,
)


async def create_declared_project(scenario: ProjectScenario) -> str:
    other = scenario.projects.client_as("line_bureau", person="applicant")
    body = build_project(region=DISTRICT, places=[], name="凉州区致富带头人培训项目", category="2.2.2")
    project = expect_success(await other.post("/projects", json=body))
    await scenario.attach_document(project["id"], "minutes", other)
    await scenario.transition_project(other, project["id"], "declare")
    return str(project["id"])


async def test_a_county_project_skips_the_town_review_with_a_reason(scenario: ProjectScenario) -> None:
    project_id = await create_declared_project(scenario)
    address = f"/projects/{project_id}"
    (item,) = expect_success(
        await scenario.projects.client_as("line_bureau", person="applicant").get("/projects/inbox")
    )["items"]
    assert item["action"] == "submit"
    await scenario.post_notice(scenario.line, project_id, "village", wait=False)
    early = await scenario.line.post(f"{address}/submit", json={})
    assert {error["code"] for error in early.json()["errors"]} == {"notice_running"}
    scenario.clock.advance(timedelta(days=10))
    lacking = await scenario.line.post(f"{address}/submit", json={})
    assert "镇级公示: 未公示" in lacking.json()["detail"]
    await scenario.post_notice(scenario.line, project_id, "town")
    forward = await scenario.line.post(f"{address}/forward", json={})
    assert forward.json()["errors"][0]["code"] == "no_town"
    moved = await scenario.transition_project(scenario.line, project_id, "submit")
    assert moved["state"] == "appraisal"
    last = expect_success(await scenario.bureau.get(f"{address}/history"))["items"][-1]
    assert (last["type"], "不经乡镇审核" in last["reason"]) == ("project.moved", True)
    await scenario.transition_project(
        scenario.line, project_id, "appraise", statements=APPRAISAL_STATEMENTS, opinion="可行"
    )
    await scenario.approve_project(project_id)
    await scenario.post_notice(scenario.bureau, project_id, "district")
    await scenario.confirm_findings(project_id)
    assert (await scenario.transition_project(scenario.bureau, project_id, "admit"))["state"] == "reserve"


async def test_a_town_project_cannot_skip_the_review_and_can_be_recalled(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_declared()
    await scenario.post_notice(scenario.clerk, project_id, "village")
    past_the_town = await scenario.clerk.post(f"/projects/{project_id}/submit", json={})
    assert past_the_town.json()["errors"][0]["code"] == "has_town"
    assert (await scenario.clerk.post(f"/projects/{project_id}/recall", json={})).status_code == 409
    back = await scenario.transition_project(scenario.clerk, project_id, "recall", reason="村民对选址有意见")
    assert back["state"] == "returned"
    assert all(
        row["withdrawn_at"]
        for row in expect_success(await scenario.clerk.get(f"/projects/{project_id}/notices"))
    )
