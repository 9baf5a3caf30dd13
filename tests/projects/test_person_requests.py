"""个人信息请求 in projects: who was responsible for a project that is over is shown and erased, with the phone."""

from shared.events.fsck import check_service
from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.stored_text_search import find_clear_text

REQUESTS = "/projects/person-requests"
NAME, PHONE = "王建国", "13812341234"
BODY = {
    "kind": "erasure",
    "basis": "purpose_over",
    "region": DISTRICT,
    "name": NAME,
    "phone": PHONE,
    "document": "甘凉信申〔2026〕13号",
}


async def test_who_was_responsible_for_a_project_that_is_over_is_erased(scenario: ProjectScenario) -> None:
    project = await scenario.create_in_reserve()
    await scenario.create_draft(name="羊舍改造项目", leader_phone="13900001111")
    request = expect_success(await scenario.bureau.post(REQUESTS, json=BODY))["id"]
    second = scenario.projects.client_as("bureau", DISTRICT, person="second")
    refused = await second.post(f"{REQUESTS}/{request}/erase", json={})
    assert refused.status_code == 409
    assert "还没有办结" in refused.json()["detail"]
    await scenario.transition_project(
        scenario.bureau, project, "withdraw", reason="两年未安排资金", decision_no="凉农领发〔2024〕5号"
    )
    read = await scenario.bureau.post(f"{REQUESTS}/{request}/readings", json={"purpose": "答复申请人"})
    (shown,) = expect_success(read)["rows"]
    assert (shown["id"], shown["values"]["leader_phone"]) == (project, PHONE)
    done = expect_success(await second.post(f"{REQUESTS}/{request}/erase", json={}))
    assert [(one["label"], one["erased"]) for one in done["outcome"]] == [("项目责任人", 1)]
    assert await find_clear_text(scenario.projects.context, PHONE) == []
    erased = expect_success(await scenario.bureau.get(f"/projects/{project}"))
    assert (erased["leader_name"], erased["leader_phone"]) == ("已删除", "")
    fsck = scenario.doors.apps["projects"].state.fsck
    assert (await check_service("projects", scenario.projects.context.database, fsck)).differences == []
