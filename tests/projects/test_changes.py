"""Change requests: request, decision, notice and application to a project in the library."""

from datetime import timedelta
from typing import Any

from tests.projects.factories_projects import ProjectScenario, expect_success

CHANGED_FIELDS = {
    "content": "新建日光温室18座, 配套水电管网1200米",
    "total": "1150000.00",
    "money": [{"kind": "central", "amount": "1000000.00"}, {"kind": "self_raised", "amount": "150000.00"}],
}


async def request_change(scenario: ProjectScenario, project_id: str, **wanted: Any) -> Any:
    body = {"reason": "两户退出, 减少两座", "wanted": wanted or CHANGED_FIELDS}
    return expect_success(await scenario.town.post(f"/projects/{project_id}/changes", json=body))


async def test_a_change_is_requested_approved_published_and_applied(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    request = await request_change(scenario, project_id)
    assert request["before"]["total"] == "1200000.00"
    assert (await scenario.bureau.post(f"/projects/{project_id}/plan", json={})).json()["errors"][0][
        "code"
    ] == "change_open"
    address = f"/projects/changes/{request['id']}"
    assert expect_success(await scenario.bureau.get("/projects/inbox/counts"))["changes"] == 1
    early = {"level": "change", "places": ["村务公开栏"], "starts_on": str(scenario.today())}
    assert (await scenario.town.post(f"{address}/notices", json=early)).status_code == 409
    bare = await scenario.bureau.post(f"{address}/approve", json={})
    assert bare.json()["errors"][0]["code"] == "no_decision"
    decision = {"decision_no": "凉区农领发〔2024〕20号", "decision_on": str(scenario.today())}
    approved = expect_success(await scenario.bureau.post(f"{address}/approve", json=decision))
    assert approved["republish_by"] > str(scenario.today() + timedelta(days=13))
    too_soon = await scenario.bureau.post(f"{address}/apply", json={})
    assert too_soon.json()["errors"][0]["code"] == "notice_none"
    body = {**early, "starts_on": str(scenario.today())}
    notice = expect_success(await scenario.town.post(f"{address}/notices", json=body))
    assert notice["title"] == f"{request['project_name']}变更公示"
    scenario.clock.advance(timedelta(days=10))
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["total"] == "1200000.00"
    assert expect_success(await scenario.bureau.post(f"{address}/apply", json={}))["state"] == "applied"
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["total"], project["content"], project["state"]) == (
        "1150000.00",
        CHANGED_FIELDS["content"],
        "reserve",
    )
    assert sorted(row["amount"] for row in project["money"]) == ["1000000.00", "150000.00"]
    assert (await scenario.transition_project(scenario.bureau, project_id, "plan"))["state"] == "planned"


async def test_an_inconsistent_change_is_refused(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({}, "nothing", "/wanted"),
        ({"year": 2025}, "not_by_request", "/wanted/year"),
        ({"total": "1.00"}, "not_the_sum", "/wanted/money"),
        ({"planned_end": "2024-01-01"}, "before_start", "/wanted/planned_end"),
        ({"poor_people": 9999}, "part_above_whole", "/wanted/poor_people"),
    ]
    for wanted, code, pointer in wrong:
        answer = await scenario.town.post(
            f"/projects/{project_id}/changes", json={"reason": "调整内容", "wanted": wanted}
        )
        assert answer.status_code == 422
        assert [(error["code"], error["pointer"]) for error in answer.json()["errors"]] == [(code, pointer)]


async def test_a_change_cannot_reduce_the_total_below_the_allocated_amount(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    changes = {"total": "900000.00", "money": [{"kind": "central", "amount": "900000.00"}]}
    answer = await scenario.town.post(
        f"/projects/{project_id}/changes", json={"reason": "核减投资", "wanted": changes}
    )
    assert answer.json()["errors"][0]["code"] == "below_allocated"


async def test_a_change_into_the_negative_list_is_not_approved(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    request = await request_change(scenario, project_id, content="新建村委会办公楼1栋")
    decision = {"decision_no": "20号", "decision_on": str(scenario.today())}
    answer = await scenario.bureau.post(f"/projects/changes/{request['id']}/approve", json=decision)
    assert answer.json()["errors"][0]["code"] == "screening_block"


async def test_one_change_is_open_at_a_time_and_decided_by_another_person(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    body = {"reason": "两户退出", "wanted": CHANGED_FIELDS}
    request = expect_success(await scenario.bureau.post(f"/projects/{project_id}/changes", json=body))
    assert (await scenario.town.post(f"/projects/{project_id}/changes", json=body)).status_code == 409
    address = f"/projects/changes/{request['id']}"
    decision = {"decision_no": "20号", "decision_on": str(scenario.today())}
    assert (await scenario.bureau.post(f"{address}/approve", json=decision)).status_code == 403
    assert (await scenario.town.post(f"{address}/approve", json=decision)).status_code == 403
    other = scenario.projects.client_as("town_officer", "620602101000")
    assert (await other.get(address)).status_code == 404
    assert (
        expect_success(await scenario.town.post(f"{address}/cancel", json={"reason": "不再变更"}))["state"]
        == "cancelled"
    )
    expect_success(await scenario.town.post(f"/projects/{project_id}/changes", json=body))
    states = [
        item["state"]
        for item in expect_success(await scenario.town.get(f"/projects/changes?project_id={project_id}"))[
            "items"
        ]
    ]
    assert states == ["submitted", "cancelled"]


async def test_drafts_are_edited_not_changed_by_request(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    answer = await scenario.town.post(
        f"/projects/{project_id}/changes", json={"reason": "调整内容", "wanted": CHANGED_FIELDS}
    )
    assert answer.status_code == 409
