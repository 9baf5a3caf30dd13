"""What is the county's own has no town: it is published everywhere at once and goes straight to appraisal."""

from datetime import timedelta

from tests.doors import DISTRICT
from tests.projects.steps import APPRAISED, Steps, a_project, good


async def declared(steps: Steps) -> str:
    other = steps.projects.as_("line_bureau", person="applicant")
    body = a_project(region=DISTRICT, places=[], name="凉州区致富带头人培训项目", category="2.2.2")
    project = good(await other.post("/projects", json=body))
    await steps.attach(project["id"], "minutes", other)
    await steps.act(other, project["id"], "declare")
    return str(project["id"])


async def test_a_project_of_the_county_skips_the_town_and_says_so(steps: Steps) -> None:
    project_id = await declared(steps)
    address = f"/projects/{project_id}"
    (item,) = good(await steps.projects.as_("line_bureau", person="applicant").get("/projects/inbox"))[
        "items"
    ]
    assert item["action"] == "submit"
    await steps.notice(steps.line, project_id, "village", wait=False)
    early = await steps.line.post(f"{address}/submit", json={})
    assert {one["code"] for one in early.json()["errors"]} == {"notice_running"}
    steps.clock.advance(timedelta(days=10))
    lacking = await steps.line.post(f"{address}/submit", json={})
    assert "镇级公示: 未公示" in lacking.json()["detail"]
    await steps.notice(steps.line, project_id, "town")
    forward = await steps.line.post(f"{address}/forward", json={})
    assert forward.json()["errors"][0]["code"] == "no_town"
    moved = await steps.act(steps.line, project_id, "submit")
    assert moved["state"] == "appraisal"
    last = good(await steps.bureau.get(f"{address}/history"))["items"][-1]
    assert (last["type"], "不经乡镇审核" in last["reason"]) == ("project.moved", True)
    await steps.act(steps.line, project_id, "appraise", statements=APPRAISED, opinion="可行")
    await steps.approve(project_id)
    await steps.notice(steps.bureau, project_id, "district")
    await steps.confirm(project_id)
    assert (await steps.act(steps.bureau, project_id, "admit"))["state"] == "reserve"


async def test_a_project_of_a_town_does_not_and_its_declarer_may_take_it_back(steps: Steps) -> None:
    project_id = await steps.declared()
    await steps.notice(steps.clerk, project_id, "village")
    past_the_town = await steps.clerk.post(f"/projects/{project_id}/submit", json={})
    assert past_the_town.json()["errors"][0]["code"] == "has_town"
    assert (await steps.clerk.post(f"/projects/{project_id}/recall", json={})).status_code == 409
    back = await steps.act(steps.clerk, project_id, "recall", reason="村民对选址有意见")
    assert back["state"] == "returned"
    assert all(one["withdrawn_at"] for one in good(await steps.clerk.get(f"/projects/{project_id}/notices")))
