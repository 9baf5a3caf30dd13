"""A notice belongs to its level's publisher and to a step that has begun; entered afterwards it needs its proof."""

from datetime import timedelta
from typing import Any

import pytest

from tests.projects.factories_projects import ENDORSEMENT_STATEMENTS, ProjectScenario, expect_success


def build_notice(scenario: ProjectScenario, level: str, days_ago: int = 0) -> dict[str, Any]:
    return {
        "level": level,
        "places": ["公开栏"],
        "starts_on": str(scenario.today() - timedelta(days=days_ago)),
    }


@pytest.mark.parametrize("level", ["town", "district", "completion"])
async def test_a_village_clerk_cannot_skip_the_levels_above(scenario: ProjectScenario, level: str) -> None:
    project_id = await scenario.create_declared()
    answer = await scenario.clerk.post(f"/projects/{project_id}/notices", json=build_notice(scenario, level))

    assert answer.status_code == 409
    assert "现在可以: 村级公示" in answer.json()["detail"]
    assert expect_success(await scenario.clerk.get(f"/projects/{project_id}/notices")) == []


async def test_each_level_is_posted_by_its_own_publisher(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_review()
    address = f"/projects/{project_id}/notices"
    early = await scenario.town.post(address, json=build_notice(scenario, "town"))
    await scenario.transition_project(scenario.town, project_id, "endorse", statements=ENDORSEMENT_STATEMENTS)
    by_village = await scenario.clerk.post(address, json=build_notice(scenario, "town"))
    by_town = await scenario.town.post(address, json=build_notice(scenario, "town"))

    assert [early.status_code, by_village.status_code, by_town.status_code] == [409, 403, 201]


async def test_a_notice_begins_no_earlier_than_its_step(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    photo = await scenario.upload_file(name="公示栏.jpg")
    body = {**build_notice(scenario, "village", days_ago=1), "photo": photo}
    answer = await scenario.clerk.post(f"/projects/{project_id}/notices", json=body)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("before_step", "/starts_on")


async def test_a_notice_entered_afterwards_needs_its_proof_and_is_shown(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    scenario.clock.advance(timedelta(days=3))
    address = f"/projects/{project_id}/notices"
    body = build_notice(scenario, "village", days_ago=2)
    bare = await scenario.clerk.post(address, json=body)
    unknown = await scenario.clerk.post(
        address, json={**body, "photo": "01890000-0000-7000-8000-000000000000"}
    )
    proof = await scenario.upload_file(name="公示栏.jpg")
    late = expect_success(await scenario.clerk.post(address, json={**body, "photo": proof}))

    assert (bare.status_code, bare.json()["errors"][0]["pointer"]) == (422, "/photo")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/photo")
    assert late["entered_afterwards"] is True
    public = expect_success(
        await scenario.projects.anonymous_client().get(f"/projects/public-notices/{late['id']}")
    )
    assert public["entered_afterwards"] is True
    expect_success(await scenario.bureau.post("/projects/alerts/sweep"))
    alerts = expect_success(await scenario.bureau.get("/projects/alerts"))["items"]
    (alert,) = [one for one in alerts if one["rule"] == "evidence.notice_afterwards"]
    assert alert["subject"] == late["id"]


async def test_a_notice_entered_on_its_first_day_raises_nothing(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    notice = await scenario.post_notice(scenario.clerk, project_id, "village", wait=False)
    expect_success(await scenario.bureau.post("/projects/alerts/sweep"))
    alerts = expect_success(await scenario.bureau.get("/projects/alerts"))["items"]

    assert notice["entered_afterwards"] is False
    assert [one for one in alerts if one["rule"] == "evidence.notice_afterwards"] == []


async def test_objections_are_taken_in_their_period(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    notice = await scenario.post_notice(scenario.clerk, project_id, "village", wait=False)
    address = f"/projects/notices/{notice['id']}/objections"
    public = f"/projects/public-notices/{notice['id']}/objections"
    scenario.clock.advance(timedelta(days=9))
    last_day = await scenario.clerk.post(address, json={"text": "管线绕开了三组"})
    scenario.clock.advance(timedelta(days=1))
    afterwards = await scenario.clerk.post(address, json={"text": "管线绕开了三组"})
    by_citizen = await scenario.projects.anonymous_client().post(public, json={"text": "管线绕开了三组"})
    letter = {
        "text": "来信: 管线绕开了三组",
        "channel": "letter",
        "raised_at": f"{notice['ends_on']}T10:00:00+08:00",
    }
    in_time = await scenario.clerk.post(address, json=letter)

    assert [last_day.status_code, afterwards.status_code, by_citizen.status_code, in_time.status_code] == [
        201, 409, 409, 201,
    ]  # fmt: skip
    assert f"异议期为 {notice['starts_on']} 至 {notice['ends_on']}" in afterwards.json()["detail"]


async def test_a_district_may_take_objections_for_longer(scenario: ProjectScenario) -> None:
    rule = {
        "key": "objection.days_after",
        "title": "公示期满后仍可提出异议的天数",
        "value": 5,
        "effective_from": str(scenario.today()),
        "region": "620602000000",
        "basis": "凉州区公示异议办法 凉振发〔2024〕3号",
        "confirmed": True,
    }
    expect_success(await scenario.bureau.post("/projects/rules", json=rule))
    project_id = await scenario.create_declared()
    notice = await scenario.post_notice(scenario.clerk, project_id, "village")
    address = f"/projects/notices/{notice['id']}/objections"

    assert (await scenario.clerk.post(address, json={"text": "管线绕开了三组"})).status_code == 201
