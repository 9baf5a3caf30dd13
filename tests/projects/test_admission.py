"""Admission of a project to the library: every step, its preconditions and its four-eyes rules."""

from datetime import timedelta
from typing import Any

import pytest

from tests.projects.factories_projects import (
    APPRAISAL_STATEMENTS,
    ENDORSEMENT_STATEMENTS,
    ProjectScenario,
    expect_success,
)


async def test_a_project_walks_through_admission_step_by_step(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    project = expect_success(await scenario.clerk.get(f"/projects/{project_id}"))
    assert (project["state"], project["stage"]) == ("reserve", "reserve")
    assert project["library_code"] == "620602-2024-00001"
    assert project["decision_no"] == "凉区农领发〔2024〕8号"
    assert [opinion["action"] for opinion in project["opinions"]] == ["endorse", "appraise"]
    history = expect_success(await scenario.clerk.get(f"/projects/{project_id}/history"))["items"]
    moves = [
        (event["before"]["state"], event["after"]["now"])
        for event in history
        if event["type"] == "project.moved"
    ]
    assert moves == [
        ("draft", "village_notice"),
        ("village_notice", "town_review"),
        ("town_review", "town_notice"),
        ("town_notice", "appraisal"),
        ("appraisal", "approval"),
        ("approval", "district_notice"),
        ("district_notice", "reserve"),
    ]


async def test_project_detail_matches_the_client_contract(scenario: ProjectScenario) -> None:
    from shared.clients.projects import ProjectSnapshot

    project_id = await scenario.create_in_reserve()
    view = ProjectSnapshot.model_validate(
        expect_success(await scenario.finance.get(f"/projects/{project_id}"))
    )
    assert view.code == "620602-2024-00001"
    assert view.industry
    assert not view.blocked
    assert view.category_label == "产业发展/生产项目/种植业基地"
    assert view.place == "黄羊镇新店村三组"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"content": ""}, "empty"),
        ({"category": "1.1"}, "not_a_leaf"),
        ({"money": []}, "not_the_sum"),
        ({"linkage": " "}, "empty"),
        ({"targets": []}, "no_target"),
        ({"planned_end": None}, "empty"),
        ({"implementing_unit": ""}, "empty"),
        ({"household": True}, "no_beneficiaries"),
    ],
)
async def test_an_incomplete_form_is_kept_as_a_draft_and_not_declared(
    scenario: ProjectScenario, changes: dict[str, Any], code: str
) -> None:
    project = await scenario.create_draft(**changes)
    await scenario.attach_document(project["id"], "minutes")
    answer = await scenario.clerk.post(f"/projects/{project['id']}/declare", json={})
    assert answer.status_code == 409
    assert [error["code"] for error in answer.json()["errors"]] == [code]


async def test_declaring_requires_minutes(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft()
    answer = await scenario.clerk.post(f"/projects/{project['id']}/declare", json={})
    assert [error["code"] for error in answer.json()["errors"]] == ["no_minutes"]


async def test_a_notice_period_must_be_over(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    answer = await scenario.clerk.post(f"/projects/{project_id}/forward", json={})
    assert answer.json()["errors"][0]["code"] == "notice_none"
    await scenario.post_notice(scenario.clerk, project_id, "village", wait=False)
    scenario.clock.advance(timedelta(days=9))
    answer = await scenario.clerk.post(f"/projects/{project_id}/forward", json={})
    assert answer.json()["errors"][0]["code"] == "notice_running"
    scenario.clock.advance(timedelta(days=1))
    assert (await scenario.transition_project(scenario.clerk, project_id, "forward"))[
        "state"
    ] == "town_review"


async def test_an_open_objection_stops_the_project_until_it_is_answered(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    notice = await scenario.post_notice(scenario.clerk, project_id, "village", wait=False)
    scenario.clock.advance(timedelta(days=9))
    address = f"/projects/notices/{notice['id']}/objections"
    colleague = scenario.projects.client_as("village_clerk", scenario.village, person="colleague")
    objection = expect_success(await colleague.post(address, json={"text": "三组没有水源"}))
    scenario.clock.advance(timedelta(days=1))
    answer = await scenario.clerk.post(f"/projects/{project_id}/forward", json={})
    assert answer.json()["errors"][0]["code"] == "notice_objected"
    body = {"answer": "有机井", "upheld": False}
    for who in (colleague, scenario.clerk):  # who wrote it down; who declared and published
        assert (await who.post(f"{address}/{objection['id']}/answer", json=body)).status_code == 403
    expect_success(await scenario.town.post(f"{address}/{objection['id']}/answer", json=body))
    assert (await scenario.transition_project(scenario.clerk, project_id, "forward"))[
        "state"
    ] == "town_review"


async def test_the_reviewer_confirms_every_statement(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_review()
    answer = await scenario.town.post(
        f"/projects/{project_id}/endorse", json={"statements": ENDORSEMENT_STATEMENTS[1:]}
    )
    (error,) = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("not_stated", "/statements")
    assert "真实性" in error["detail"]


async def test_a_person_cannot_endorse_an_own_project(scenario: ProjectScenario) -> None:
    body = {"statements": ENDORSEMENT_STATEMENTS}
    project = expect_success(await scenario.town.post("/projects", json=_build_town_project(scenario)))
    await scenario.attach_document(project["id"], "minutes", scenario.town)
    await scenario.transition_project(scenario.town, project["id"], "declare")
    await scenario.post_notice(scenario.town, project["id"], "village")
    await scenario.transition_project(scenario.town, project["id"], "forward")
    assert (await scenario.town.post(f"/projects/{project['id']}/endorse", json=body)).status_code == 403
    other = scenario.projects.client_as("town_officer", person="somebody-else")
    assert (
        expect_success(await other.post(f"/projects/{project['id']}/endorse", json=body))["state"]
        == "town_notice"
    )


def _build_town_project(scenario: ProjectScenario) -> dict[str, Any]:
    from tests.projects.factories_projects import build_project as a_project

    return a_project(region=scenario.village[:9] + "000", places=[])


async def test_appraisal_needs_an_opinion_and_checked_readiness(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_appraisal(land=None)
    answer = await scenario.line.post(
        f"/projects/{project_id}/appraise", json={"statements": APPRAISAL_STATEMENTS}
    )
    assert [error["code"] for error in answer.json()["errors"]] == ["no_opinion", "not_checked"]
    project = await scenario.line.get(f"/projects/{project_id}")
    changed = await scenario.line.patch(
        f"/projects/{project_id}", json={"land": "secured"}, headers={"If-Match": project.headers["ETag"]}
    )
    expect_success(changed)
    body = {"statements": APPRAISAL_STATEMENTS, "opinion": "可行"}
    assert (
        expect_success(await scenario.line.post(f"/projects/{project_id}/appraise", json=body))["state"]
        == "approval"
    )


async def test_approval_needs_its_document(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_approval()
    answer = await scenario.bureau.post(
        f"/projects/{project_id}/approve", json={"decision_no": "凉区农领发〔2024〕8号"}
    )
    assert answer.json()["errors"][0]["code"] == "no_decision"
    late = {"decision_no": "8号", "decision_on": str(scenario.today() + timedelta(days=1))}
    answer = await scenario.bureau.post(f"/projects/{project_id}/approve", json=late)
    assert answer.json()["errors"][0]["code"] == "in_the_future"


async def test_a_negative_listed_project_does_not_enter_the_library(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_district_notice(
        name="新店村村委会办公楼建设项目",
        content="新建村委会办公楼1栋600平方米",
        category="3.3.6",
        linkage="",
    )
    await scenario.post_notice(scenario.bureau, project_id, "district")
    answer = await scenario.bureau.post(f"/projects/{project_id}/admit", json={})
    assert answer.status_code == 409
    assert "screening_block" in [error["code"] for error in answer.json()["errors"]]
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["state"], project["blocked"], project["library_code"]) == ("district_notice", True, "")


async def test_returned_projects_are_changed_declared_and_published_anew(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_review()
    bare = await scenario.town.post(f"/projects/{project_id}/return", json={})
    assert bare.json()["errors"][0]["code"] == "no_reason"
    back = await scenario.transition_project(scenario.town, project_id, "return", reason="概算偏高, 请核减")
    assert back["state"] == "returned"
    tag = (await scenario.clerk.get(f"/projects/{project_id}")).headers["ETag"]
    body = {"total": "1100000.00", "money": [{"kind": "central", "amount": "1100000.00"}]}
    expect_success(
        await scenario.clerk.patch(f"/projects/{project_id}", json=body, headers={"If-Match": tag})
    )
    await scenario.transition_project(scenario.clerk, project_id, "declare")
    answer = await scenario.clerk.post(f"/projects/{project_id}/forward", json={})
    assert answer.json()["errors"][0]["code"] == "notice_none"
    await scenario.post_notice(scenario.clerk, project_id, "village")
    assert (await scenario.transition_project(scenario.clerk, project_id, "forward"))[
        "state"
    ] == "town_review"


async def test_a_dry_run_says_what_is_missing_and_changes_nothing(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft(targets=[])
    preview = expect_success(
        await scenario.clerk.post(f"/projects/{project['id']}/declare?dry_run=true", json={})
    )
    assert preview["allowed"] is False
    assert {error["code"] for error in preview["missing"]} == {"no_target", "no_minutes"}
    current = expect_success(await scenario.clerk.get(f"/projects/{project['id']}"))
    assert (current["state"], current["version"], current["screened_at"]) == ("draft", 1, None)


async def test_history_is_recorded_with_its_real_dates(scenario: ProjectScenario) -> None:
    """A project of 2023 is entered on 2024-05-20; notice periods count from the dates on which steps happened."""
    project = await scenario.create_draft(year=2023, happened_at="2023-05-01T09:00:00+08:00")
    pid = project["id"]
    await scenario.attach_document(pid, "minutes")
    await scenario.transition_project(scenario.clerk, pid, "declare", happened_at="2023-05-08T09:00:00+08:00")
    photo = await scenario.upload_file(name="公示栏.jpg")
    body = {"level": "village", "places": ["村务公开栏"], "starts_on": "2023-05-09", "ends_on": "2023-05-18"}
    expect_success(await scenario.clerk.post(f"/projects/{pid}/notices", json={**body, "photo": photo}))
    early = await scenario.clerk.post(
        f"/projects/{pid}/forward", json={"happened_at": "2023-05-18T09:00:00+08:00"}
    )
    assert early.json()["errors"][0]["code"] == "notice_running"
    before = await scenario.clerk.post(
        f"/projects/{pid}/forward", json={"happened_at": "2023-05-07T09:00:00+08:00"}
    )
    assert before.status_code == 422
    await scenario.transition_project(scenario.clerk, pid, "forward", happened_at="2023-05-19T09:00:00+08:00")
    items = expect_success(await scenario.clerk.get(f"/projects/{pid}/history"))["items"]
    last = items[-1]
    assert last["at"].startswith("2023-05-19T01:00:00")
    assert last["recorded_at"].startswith("2024-05-20")
    assert last["late_days"] == 367


async def test_projects_of_another_village_are_not_found(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    other = scenario.projects.client_as("village_clerk", "620602101200")
    assert (await other.get(f"/projects/{project_id}")).status_code == 404
    assert (await other.post(f"/projects/{project_id}/forward", json={})).status_code == 404
    assert expect_success(await other.get("/projects"))["items"] == []
    assert (await scenario.clerk.post(f"/projects/{project_id}/approve", json={})).status_code == 409
    assert (
        await scenario.projects.client_as("cadre").post(f"/projects/{project_id}/forward", json={})
    ).status_code == 403
    assert (await scenario.projects.anonymous_client().get(f"/projects/{project_id}")).status_code == 401


async def test_the_notice_shows_the_project_and_no_person(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    await scenario.post_notice(scenario.clerk, project_id, "village")
    notices = expect_success(await scenario.projects.anonymous_client().get("/projects/public-notices"))[
        "items"
    ]
    text = str(notices)
    assert "高标准日光温室" in text
    assert notices[0]["content"]["total_wan"] == "120"
    assert "王建国" not in text
    assert "1381234" not in text


@pytest.mark.parametrize("level", ["completion", "allocation"])
async def test_only_notices_of_the_current_step_can_be_posted(scenario: ProjectScenario, level: str) -> None:
    project_id = await scenario.create_declared()
    body = {"level": level, "places": ["村务公开栏"], "starts_on": str(scenario.today())}
    assert (await scenario.clerk.post(f"/projects/{project_id}/notices", json=body)).status_code == 409


async def test_a_draft_is_not_published(scenario: ProjectScenario) -> None:
    project = await scenario.create_draft()
    body = {"level": "village", "places": ["村务公开栏"], "starts_on": str(scenario.today())}
    assert (await scenario.clerk.post(f"/projects/{project['id']}/notices", json=body)).status_code == 409
