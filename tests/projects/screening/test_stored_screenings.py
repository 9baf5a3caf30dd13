"""Stored screenings: confirmation of review findings, waiver of blocks by two persons, similar projects."""

from datetime import timedelta
from typing import Any

from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, build_project, expect_success

BLOCKED_PROJECT = {"name": "黄羊镇新店村村委会办公楼建设项目", "content": "新建村委会办公楼一栋600平方米"}


async def list_screenings(scenario: ProjectScenario, project_id: str) -> list[dict[str, Any]]:
    page = expect_success(await scenario.bureau.get(f"/projects/{project_id}/screenings"))
    return list(page["items"])


async def get_block_finding(scenario: ProjectScenario, project_id: str) -> dict[str, Any]:
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    return next(finding for finding in project["findings"] if finding["severity"] == "block")


async def test_each_screening_is_stored_with_rules_findings_and_actor(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_in_reserve()
    rows = await list_screenings(scenario, project_id)
    assert [row["occasion"] for row in rows] == ["admit", "declare"]
    assert {row["verdict"] for row in rows} == {"clear"}
    assert rows[0]["by"] == "bureau-620602000000"
    sets = expect_success(await scenario.bureau.get("/projects/screening-rules"))["items"]
    assert {row["rule_set_version"] for row in rows} == {sets[0]["digest"]}


async def test_a_blocked_project_is_not_admitted_until_two_persons_waive_it(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_in_district_notice(**BLOCKED_PROJECT)
    await scenario.post_notice(scenario.bureau, project_id, "district")
    refused = await scenario.bureau.post(f"/projects/{project_id}/admit", json={})
    assert refused.status_code == 409
    assert "screening_block" in str(refused.json())
    block = await get_block_finding(scenario, project_id)

    body = {"finding": block["mark"], "reason": "原址重建危房, 已经县政府常务会议批准"}
    row = expect_success(await scenario.bureau.post(f"/projects/{project_id}/clearances", json=body))
    assert row["state"] == "asked"
    own = await scenario.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    assert own.status_code == 403
    other = scenario.projects.client_as("bureau", DISTRICT, person="second")
    assert expect_success(await other.get("/projects/clearances"))["items"][0]["id"] == row["id"]
    granted = expect_success(
        await other.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    )
    assert (granted["state"], granted["decided_by"]) == ("granted", "second")

    await waive_remaining(scenario, project_id)
    admitted = await scenario.transition_project(scenario.bureau, project_id, "admit")
    assert (admitted["state"], admitted["blocked"]) == ("reserve", False)
    history = expect_success(await scenario.bureau.get(f"/projects/{project_id}/history"))["items"]
    assert [event["after"]["state"] for event in history if event["type"] == "project.cleared"][:2] == [
        "asked",
        "granted",
    ]


async def waive_remaining(scenario: ProjectScenario, project_id: str) -> None:
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    done = {
        row["finding"]
        for row in expect_success(await scenario.bureau.get(f"/projects/{project_id}/clearances"))
    }
    second = scenario.projects.client_as("bureau", DISTRICT, person="second")
    for finding in project["findings"]:
        if finding["mark"] in done:
            continue
        body = {"finding": finding["mark"], "reason": "经联席会议研究, 情况属实"}
        row = expect_success(await scenario.line.post(f"/projects/{project_id}/clearances", json=body))
        if finding["severity"] == "block":
            expect_success(
                await second.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
            )


async def test_who_entered_a_project_may_not_grant_or_confirm(scenario: ProjectScenario) -> None:
    draft = expect_success(
        await scenario.bureau.post("/projects", json=build_project(**BLOCKED_PROJECT, places=[]))
    )
    await scenario.attach_document(draft["id"], "minutes", scenario.bureau)
    await scenario.transition_project(scenario.bureau, draft["id"], "declare")
    block = await get_block_finding(scenario, draft["id"])
    body = {"finding": block["mark"], "reason": "情况说明如附件"}
    row = expect_success(await scenario.town.post(f"/projects/{draft['id']}/clearances", json=body))
    own = await scenario.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    assert own.status_code == 403
    assert "本人" in own.json()["detail"]


async def test_a_refused_waiver_can_be_requested_again_but_a_pending_one_cannot(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_declared(**BLOCKED_PROJECT)
    block = await get_block_finding(scenario, project_id)
    body = {"finding": block["mark"], "reason": "请予放行"}
    path = f"/projects/{project_id}/clearances"
    row = expect_success(await scenario.town.post(path, json=body))
    assert (await scenario.town.post(path, json=body)).status_code == 409
    expect_success(
        await scenario.bureau.post(f"/projects/clearances/{row['id']}/refuse", json={"reason": "不符合规定"})
    )
    assert (
        await scenario.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    ).status_code == 409
    again = expect_success(await scenario.town.post(path, json=body))
    assert again["id"] != row["id"]
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["blocked"] is True


async def test_an_unknown_finding_cannot_be_cleared(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    body = {"finding": "0" * 20, "reason": "没有这条发现"}
    assert (await scenario.line.post(f"/projects/{project_id}/clearances", json=body)).status_code == 422


async def test_a_similar_project_of_the_same_village_is_confirmed_by_one_person(
    scenario: ProjectScenario,
) -> None:
    first = await scenario.create_declared()
    twin = await scenario.create_in_district_notice(name="新店村高标准日光温室建设(二期)")
    await scenario.post_notice(scenario.bureau, twin, "district")
    refused = await scenario.bureau.post(f"/projects/{twin}/admit", json={})
    assert "screening_review" in str(refused.json())
    project = expect_success(await scenario.bureau.get(f"/projects/{twin}"))
    (duplicate,) = project["findings"]
    assert (duplicate["family"], duplicate["severity"], project["blocked"]) == ("duplicate", "review", False)
    body = {"finding": duplicate["mark"], "reason": "二期在另一地块, 内容不重复"}
    assert (await scenario.clerk.post(f"/projects/{twin}/clearances", json=body)).status_code == 403
    assert (
        expect_success(await scenario.line.post(f"/projects/{twin}/clearances", json=body))["state"]
        == "granted"
    )
    assert (await scenario.transition_project(scenario.bureau, twin, "admit"))["state"] == "reserve"
    again = expect_success(await scenario.line.post(f"/projects/{first}/screenings"))
    assert [finding["mark"] for finding in again["findings"]] == [duplicate["mark"]], (
        "it is a matter of the two"
    )
    rows = await list_screenings(scenario, first)
    assert rows[0]["open"] == 0


async def test_a_trial_text_is_compared_with_projects_its_author_may_read(scenario: ProjectScenario) -> None:
    await scenario.create_declared()
    text = {name: build_project()[name] for name in ("name", "content", "region", "year")}
    answer = expect_success(await scenario.clerk.post("/projects/screenings", json=text))
    assert [finding["family"] for finding in answer["findings"]] == ["duplicate"]
    stranger = scenario.projects.client_as("village_clerk", "620602101201")
    assert expect_success(await stranger.post("/projects/screenings", json=text))["findings"] == []


async def test_a_project_can_be_screened_again_at_any_time(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    scenario.clock.advance(timedelta(days=1))
    expect_success(await scenario.town.post(f"/projects/{project_id}/screenings"))
    assert [row["occasion"] for row in await list_screenings(scenario, project_id)] == ["asked", "declare"]
