"""Screenings are kept, review findings confirmed, blocks waived by two persons, alike projects shown."""

from datetime import timedelta
from typing import Any

from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, build_project, expect_success

BLOCKED_PROJECT = {"name": "黄羊镇新店村村委会办公楼建设项目", "content": "新建村委会办公楼一栋600平方米"}


async def list_screenings(steps: ProjectScenario, project_id: str) -> list[dict[str, Any]]:
    found = expect_success(await steps.bureau.get(f"/projects/{project_id}/screenings"))
    return list(found["items"])


async def get_block_finding(steps: ProjectScenario, project_id: str) -> dict[str, Any]:
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    return next(one for one in project["findings"] if one["severity"] == "block")


async def test_each_screening_of_a_project_is_kept_with_rules_findings_and_who(
    steps: ProjectScenario,
) -> None:
    project_id = await steps.create_in_reserve()
    rows = await list_screenings(steps, project_id)
    assert [row["occasion"] for row in rows] == ["admit", "declare"]
    assert {row["verdict"] for row in rows} == {"clear"}
    assert rows[0]["by"] == "bureau-620602000000"
    sets = expect_success(await steps.bureau.get("/projects/screening-rules"))["items"]
    assert {row["rule_set_version"] for row in rows} == {sets[0]["digest"]}


async def test_a_blocked_project_is_not_admitted_until_two_persons_waive_it(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_district_notice(**BLOCKED_PROJECT)
    await steps.post_notice(steps.bureau, project_id, "district")
    refused = await steps.bureau.post(f"/projects/{project_id}/admit", json={})
    assert refused.status_code == 409
    assert "screening_block" in str(refused.json())
    block = await get_block_finding(steps, project_id)

    asked = {"finding": block["mark"], "reason": "原址重建危房, 已经县政府常务会议批准"}
    row = expect_success(await steps.bureau.post(f"/projects/{project_id}/clearances", json=asked))
    assert row["state"] == "asked"
    own = await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    assert own.status_code == 403
    other = steps.projects.client_as("bureau", DISTRICT, person="second")
    assert expect_success(await other.get("/projects/clearances"))["items"][0]["id"] == row["id"]
    granted = expect_success(
        await other.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    )
    assert (granted["state"], granted["decided_by"]) == ("granted", "second")

    await waive_remaining(steps, project_id)
    admitted = await steps.transition_project(steps.bureau, project_id, "admit")
    assert (admitted["state"], admitted["blocked"]) == ("reserve", False)
    history = expect_success(await steps.bureau.get(f"/projects/{project_id}/history"))["items"]
    assert [one["after"]["state"] for one in history if one["type"] == "project.cleared"][:2] == [
        "asked",
        "granted",
    ]


async def waive_remaining(steps: ProjectScenario, project_id: str) -> None:
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    done = {
        one["finding"] for one in expect_success(await steps.bureau.get(f"/projects/{project_id}/clearances"))
    }
    second = steps.projects.client_as("bureau", DISTRICT, person="second")
    for one in project["findings"]:
        if one["mark"] in done:
            continue
        body = {"finding": one["mark"], "reason": "经联席会议研究, 情况属实"}
        row = expect_success(await steps.line.post(f"/projects/{project_id}/clearances", json=body))
        if one["severity"] == "block":
            expect_success(
                await second.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
            )


async def test_who_entered_a_project_may_not_grant_or_confirm(steps: ProjectScenario) -> None:
    draft = expect_success(
        await steps.bureau.post("/projects", json=build_project(**BLOCKED_PROJECT, places=[]))
    )
    await steps.attach_document(draft["id"], "minutes", steps.bureau)
    await steps.transition_project(steps.bureau, draft["id"], "declare")
    block = await get_block_finding(steps, draft["id"])
    asked = {"finding": block["mark"], "reason": "情况说明如附件"}
    row = expect_success(await steps.town.post(f"/projects/{draft['id']}/clearances", json=asked))
    own = await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    assert own.status_code == 403
    assert "本人" in own.json()["detail"]


async def test_a_refused_waiver_can_be_asked_again_but_a_pending_one_not(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared(**BLOCKED_PROJECT)
    block = await get_block_finding(steps, project_id)
    asked = {"finding": block["mark"], "reason": "请予放行"}
    path = f"/projects/{project_id}/clearances"
    row = expect_success(await steps.town.post(path, json=asked))
    assert (await steps.town.post(path, json=asked)).status_code == 409
    expect_success(
        await steps.bureau.post(f"/projects/clearances/{row['id']}/refuse", json={"reason": "不符合规定"})
    )
    assert (
        await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    ).status_code == 409
    again = expect_success(await steps.town.post(path, json=asked))
    assert again["id"] != row["id"]
    assert expect_success(await steps.bureau.get(f"/projects/{project_id}"))["blocked"] is True


async def test_a_finding_that_does_not_stand_cannot_be_cleared(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared()
    body = {"finding": "0" * 20, "reason": "没有这条发现"}
    assert (await steps.line.post(f"/projects/{project_id}/clearances", json=body)).status_code == 422


async def test_an_alike_project_of_the_same_village_is_a_review_finding_one_person_confirms(
    steps: ProjectScenario,
) -> None:
    first = await steps.create_declared()
    twin = await steps.create_in_district_notice(name="新店村高标准日光温室建设(二期)")
    await steps.post_notice(steps.bureau, twin, "district")
    refused = await steps.bureau.post(f"/projects/{twin}/admit", json={})
    assert "screening_review" in str(refused.json())
    project = expect_success(await steps.bureau.get(f"/projects/{twin}"))
    (found,) = project["findings"]
    assert (found["family"], found["severity"], project["blocked"]) == ("duplicate", "review", False)
    body = {"finding": found["mark"], "reason": "二期在另一地块, 内容不重复"}
    assert (await steps.clerk.post(f"/projects/{twin}/clearances", json=body)).status_code == 403
    assert (
        expect_success(await steps.line.post(f"/projects/{twin}/clearances", json=body))["state"] == "granted"
    )
    assert (await steps.transition_project(steps.bureau, twin, "admit"))["state"] == "reserve"
    again = expect_success(await steps.line.post(f"/projects/{first}/screenings"))
    assert [one["mark"] for one in again["findings"]] == [found["mark"]], "it is a matter of the two"
    rows = await list_screenings(steps, first)
    assert rows[0]["open"] == 0


async def test_a_tried_text_is_held_against_projects_its_author_may_see(steps: ProjectScenario) -> None:
    await steps.create_declared()
    text = {name: build_project()[name] for name in ("name", "content", "region", "year")}
    told = expect_success(await steps.clerk.post("/projects/screenings", json=text))
    assert [one["family"] for one in told["findings"]] == ["duplicate"]
    stranger = steps.projects.client_as("village_clerk", "620602101201")
    assert expect_success(await stranger.post("/projects/screenings", json=text))["findings"] == []


async def test_a_project_can_be_screened_again_at_any_time(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared()
    steps.clock.advance(timedelta(days=1))
    expect_success(await steps.town.post(f"/projects/{project_id}/screenings"))
    assert [row["occasion"] for row in await list_screenings(steps, project_id)] == ["asked", "declare"]
