"""Rules are drafted, tried over the whole library, put in force by a second person, and the library follows."""

from typing import Any

import httpx
import pytest

from services.projects.rescreening.service import advance
from shared.work import Context
from tests.doors import DISTRICT
from tests.projects.steps import Steps, good

NEW = {
    "id": "local.greenhouse",
    "family": "negative_list",
    "item": "本区暂不支持的项目",
    "basis": {"document": "凉州区项目库负面清单", "number": "凉区农领发〔2024〕3号"},
    "severity": "block",
    "finders": [{"objects": ["日光温室"]}],
    "explanation": "文字写到{hit}, 本区当年不支持",
    "advice": "调出",
    "effective_from": "2024-01-01",
}


@pytest.fixture
def second(steps: Steps) -> httpx.AsyncClient:
    return steps.projects.as_("bureau", DISTRICT, person="second")


async def work_off(context: Context) -> None:
    while await advance(context):
        pass


async def drafted(steps: Steps, **more: Any) -> dict[str, Any]:
    body = {"region": DISTRICT, "title": "2024年本区清单", "reason": "区农领组会议", "put": [NEW], **more}
    found: dict[str, Any] = good(await steps.bureau.post("/projects/screening-rules", json=body))
    return found


async def activated(steps: Steps, second: httpx.AsyncClient) -> dict[str, Any]:
    row = await drafted(steps)
    good(await steps.bureau.post(f"/projects/screening-rules/{row['id']}/trial"))
    await work_off(steps.projects.context)
    answer = await second.post(f"/projects/screening-rules/{row['id']}/activate", json={"reason": "已看试算"})
    found: dict[str, Any] = good(answer)
    return found


async def test_a_draft_is_tried_over_the_library_and_changes_nothing_of_it(steps: Steps) -> None:
    project_id = await steps.declared()
    row = await drafted(steps)
    job = good(await steps.bureau.post(f"/projects/screening-rules/{row['id']}/trial"))
    assert (job["state"], job["total"], job["done"]) == ("running", 1, 0)
    await work_off(steps.projects.context)
    job = good(await steps.bureau.get(f"/projects/screening-jobs/{job['id']}"))
    assert (job["state"], job["done"], job["changed"], job["verdicts"]) == ("done", 1, 1, {"block": 1})
    (change,) = good(await steps.bureau.get(f"/projects/screening-jobs/{job['id']}/changes"))["items"]
    assert (change["project_id"], change["was"], change["now"]) == (project_id, "clear", "block")
    assert (change["appeared"], change["gone"]) == (["local.greenhouse"], [])
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("clear", False)


async def test_rules_need_a_trial_of_exactly_them_and_a_second_person(
    steps: Steps, second: httpx.AsyncClient
) -> None:
    row = await drafted(steps)
    path = f"/projects/screening-rules/{row['id']}"
    reason = {"reason": "启用"}
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409
    good(await steps.bureau.post(f"{path}/trial"))
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409, "the trial is not over"
    await work_off(steps.projects.context)
    assert (await steps.bureau.post(f"{path}/activate", json=reason)).status_code == 403
    read = await steps.bureau.get(path)
    edit = await steps.bureau.patch(
        path, json={"put": [{**NEW, "severity": "review"}]}, headers={"If-Match": read.headers["etag"]}
    )
    good(edit)
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409, "the rules are others now"
    good(await steps.bureau.post(f"{path}/trial"))
    await work_off(steps.projects.context)
    assert good(await second.post(f"{path}/activate", json=reason))["rule_set"]["state"] == "active"


async def test_rules_in_force_judge_texts_and_the_library_at_once(
    steps: Steps, second: httpx.AsyncClient
) -> None:
    project_id = await steps.declared()
    job = (await activated(steps, second))["job"]
    text = {"name": "日光温室建设", "region": "620602100201"}
    told = good(await steps.clerk.post("/projects/screenings", json=text))
    assert [one["rule"] for one in told["findings"]] == ["local.greenhouse@1"]
    elsewhere = good(
        await steps.service.post("/projects/screenings", json={**text, "region": "430511100201"})
    )
    assert elsewhere["verdict"] == "clear"
    await work_off(steps.projects.context)
    assert good(await steps.bureau.get(f"/projects/screening-jobs/{job['id']}"))["changed"] == 1
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("block", True)
    rows = good(await steps.bureau.get(f"/projects/{project_id}/screenings"))["items"]
    assert [row["occasion"] for row in rows] == ["rescreen", "declare"]
    assert rows[0]["rule_set_version"] != rows[1]["rule_set_version"]
    history = good(await steps.bureau.get(f"/projects/{project_id}/history"))["items"]
    assert history[-1]["type"] == "project.screened"


async def test_rules_taken_out_of_force_give_way_to_those_of_the_release(
    steps: Steps, second: httpx.AsyncClient
) -> None:
    project_id = await steps.declared()
    row = (await activated(steps, second))["rule_set"]
    await work_off(steps.projects.context)
    good(await second.post(f"/projects/screening-rules/{row['id']}/retire", json={"reason": "文件废止"}))
    await work_off(steps.projects.context)
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("clear", False)
    states = [one["state"] for one in good(await second.get("/projects/screening-rules"))["items"]]
    assert sorted(states) == ["built_in", "retired"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"put": [{**NEW, "severity": "stop"}]}, "/put/0/severity"),
        ({"put": [{}]}, "/put/0/id"),
        ({"put": [{**NEW, "effective_from": {"a": 1}}]}, "/put/0/effective_from"),
        ({"put": [{**NEW, "finders": [{"objects": ["{甲"]}]}]}, "/put/0/finders/0/objects/0"),
        ({"words": {"negation": None}}, "/words"),
        ({"words": {"build": ["{@none}"]}}, "/words"),
    ],
)
async def test_a_draft_that_cannot_work_is_refused_with_the_place(
    steps: Steps, change: dict[str, Any], pointer: str
) -> None:
    body = {"region": DISTRICT, "title": "草稿", "reason": "试试", **change}
    answer = await steps.bureau.post("/projects/screening-rules", json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in {one["pointer"] for one in answer.json()["errors"]}


async def test_only_who_may_keep_rules_edits_them(steps: Steps) -> None:
    body = {"region": DISTRICT, "title": "草稿", "reason": "试试", "put": [NEW]}
    assert (await steps.town.post("/projects/screening-rules", json=body)).status_code == 403
    elsewhere = await steps.bureau.post("/projects/screening-rules", json={**body, "region": "430511000000"})
    assert elsewhere.status_code == 404
    assert (await steps.town.post("/projects/screening-jobs", json={"region": DISTRICT})).status_code == 403


async def test_a_waiver_holds_when_the_library_is_screened_again(steps: Steps) -> None:
    project_id = await steps.declared(name="新店村村委会办公楼建设", content="新建村委会办公楼一栋")
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    for one in project["findings"]:
        body = {"finding": one["mark"], "reason": "危房原址重建, 已批准"}
        row = good(await steps.town.post(f"/projects/{project_id}/clearances", json=body))
        if one["severity"] == "block":
            good(await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"}))
    good(await steps.bureau.post("/projects/screening-jobs", json={"region": DISTRICT}))
    await work_off(steps.projects.context)
    project = good(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("block", False)


async def test_a_job_that_breaks_ends_and_the_next_one_goes_on(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = steps.projects.context
    await steps.in_review()
    region = {"region": DISTRICT}
    broken = good(await steps.bureau.post("/projects/screening-jobs", json=region))
    with monkeypatch.context() as once:
        once.setattr("services.projects.rescreening.service.screens.subject", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await work_off(context)
    sound = good(await steps.bureau.post("/projects/screening-jobs", json=region))
    await work_off(context)
    states = [
        good(await steps.bureau.get(f"/projects/screening-jobs/{one['id']}"))["state"]
        for one in (broken, sound)
    ]
    assert states == ["failed", "done"]
