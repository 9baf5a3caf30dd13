"""Screenings are kept, review findings confirmed, blocks waived by two persons, alike projects shown."""

from datetime import timedelta
from typing import Any

from tests.doors import DISTRICT
from tests.projects.steps import Steps, a_project, good

BAD = {"name": "黄羊镇新店村村委会办公楼建设项目", "content": "新建村委会办公楼一栋600平方米"}


async def screenings(steps: Steps, project_id: str) -> list[dict[str, Any]]:
    found = good(await steps.bureau.get(f"/projects/{project_id}/screenings"))
    return list(found["items"])


async def the_block(steps: Steps, project_id: str) -> dict[str, Any]:
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    return next(one for one in project["findings"] if one["severity"] == "block")


async def test_each_screening_of_a_project_is_kept_with_rules_findings_and_who(steps: Steps) -> None:
    project_id = await steps.in_reserve()
    rows = await screenings(steps, project_id)
    assert [row["occasion"] for row in rows] == ["admit", "declare"]
    assert {row["verdict"] for row in rows} == {"clear"}
    assert rows[0]["by"] == "bureau-620602000000"
    sets = good(await steps.bureau.get("/projects/screening-rules"))["items"]
    assert {row["rule_set_version"] for row in rows} == {sets[0]["digest"]}


async def test_a_blocked_project_is_not_admitted_until_two_persons_waive_it(steps: Steps) -> None:
    project_id = await steps.in_district_notice(**BAD)
    await steps.notice(steps.bureau, project_id, "district")
    refused = await steps.bureau.post(f"/projects/{project_id}/admit", json={})
    assert refused.status_code == 409
    assert "screening_block" in str(refused.json())
    block = await the_block(steps, project_id)

    asked = {"finding": block["mark"], "reason": "原址重建危房, 已经县政府常务会议批准"}
    row = good(await steps.bureau.post(f"/projects/{project_id}/clearances", json=asked))
    assert row["state"] == "asked"
    own = await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    assert own.status_code == 403
    other = steps.projects.as_("bureau", DISTRICT, person="second")
    assert good(await other.get("/projects/clearances"))["items"][0]["id"] == row["id"]
    granted = good(await other.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"}))
    assert (granted["state"], granted["decided_by"]) == ("granted", "second")

    await waive_rest(steps, project_id)
    admitted = await steps.act(steps.bureau, project_id, "admit")
    assert (admitted["state"], admitted["blocked"]) == ("reserve", False)
    history = good(await steps.bureau.get(f"/projects/{project_id}/history"))["items"]
    assert [one["after"]["state"] for one in history if one["type"] == "project.cleared"][:2] == [
        "asked",
        "granted",
    ]


async def waive_rest(steps: Steps, project_id: str) -> None:
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    done = {one["finding"] for one in good(await steps.bureau.get(f"/projects/{project_id}/clearances"))}
    second = steps.projects.as_("bureau", DISTRICT, person="second")
    for one in project["findings"]:
        if one["mark"] in done:
            continue
        body = {"finding": one["mark"], "reason": "经联席会议研究, 情况属实"}
        row = good(await steps.line.post(f"/projects/{project_id}/clearances", json=body))
        if one["severity"] == "block":
            good(await second.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"}))


async def test_who_entered_a_project_may_not_grant_or_confirm(steps: Steps) -> None:
    draft = good(await steps.bureau.post("/projects", json=a_project(**BAD, places=[])))
    await steps.attach(draft["id"], "minutes", steps.bureau)
    await steps.act(steps.bureau, draft["id"], "declare")
    block = await the_block(steps, draft["id"])
    asked = {"finding": block["mark"], "reason": "情况说明如附件"}
    row = good(await steps.town.post(f"/projects/{draft['id']}/clearances", json=asked))
    own = await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    assert own.status_code == 403
    assert "本人" in own.json()["detail"]


async def test_a_refused_waiver_can_be_asked_again_but_a_pending_one_not(steps: Steps) -> None:
    project_id = await steps.declared(**BAD)
    block = await the_block(steps, project_id)
    asked = {"finding": block["mark"], "reason": "请予放行"}
    path = f"/projects/{project_id}/clearances"
    row = good(await steps.town.post(path, json=asked))
    assert (await steps.town.post(path, json=asked)).status_code == 409
    good(await steps.bureau.post(f"/projects/clearances/{row['id']}/refuse", json={"reason": "不符合规定"}))
    assert (
        await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
    ).status_code == 409
    again = good(await steps.town.post(path, json=asked))
    assert again["id"] != row["id"]
    assert good(await steps.bureau.get(f"/projects/{project_id}"))["blocked"] is True


async def test_a_finding_that_does_not_stand_cannot_be_cleared(steps: Steps) -> None:
    project_id = await steps.declared()
    body = {"finding": "0" * 20, "reason": "没有这条发现"}
    assert (await steps.line.post(f"/projects/{project_id}/clearances", json=body)).status_code == 422


async def test_an_alike_project_of_the_same_village_is_a_review_finding_one_person_confirms(
    steps: Steps,
) -> None:
    first = await steps.declared()
    twin = await steps.in_district_notice(name="新店村高标准日光温室建设(二期)")
    await steps.notice(steps.bureau, twin, "district")
    refused = await steps.bureau.post(f"/projects/{twin}/admit", json={})
    assert "screening_review" in str(refused.json())
    project = good(await steps.bureau.get(f"/projects/{twin}"))
    (found,) = project["findings"]
    assert (found["family"], found["severity"], project["blocked"]) == ("duplicate", "review", False)
    body = {"finding": found["mark"], "reason": "二期在另一地块, 内容不重复"}
    assert (await steps.clerk.post(f"/projects/{twin}/clearances", json=body)).status_code == 403
    assert good(await steps.line.post(f"/projects/{twin}/clearances", json=body))["state"] == "granted"
    assert (await steps.act(steps.bureau, twin, "admit"))["state"] == "reserve"
    again = good(await steps.line.post(f"/projects/{first}/screenings"))
    assert [one["mark"] for one in again["findings"]] == [found["mark"]], "it is a matter of the two"
    rows = await screenings(steps, first)
    assert rows[0]["open"] == 0


async def test_a_tried_text_is_held_against_projects_its_author_may_see(steps: Steps) -> None:
    await steps.declared()
    text = {name: a_project()[name] for name in ("name", "content", "region", "year")}
    told = good(await steps.clerk.post("/projects/screenings", json=text))
    assert [one["family"] for one in told["findings"]] == ["duplicate"]
    stranger = steps.projects.as_("village_clerk", "620602101201")
    assert good(await stranger.post("/projects/screenings", json=text))["findings"] == []


async def test_a_project_can_be_screened_again_at_any_time(steps: Steps) -> None:
    project_id = await steps.declared()
    steps.clock.advance(timedelta(days=1))
    good(await steps.town.post(f"/projects/{project_id}/screenings"))
    assert [row["occasion"] for row in await screenings(steps, project_id)] == ["asked", "declare"]
