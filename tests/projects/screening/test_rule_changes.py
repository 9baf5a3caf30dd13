"""Rules are drafted, tried over the whole library, put in force by a second person, and the library follows."""

from typing import Any

import httpx
import pytest

from services.projects.screening_rules.service import run_next_batch
from shared.unit_of_work import ServiceContext
from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, expect_success

NEW_RULE = {
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
def second(steps: ProjectScenario) -> httpx.AsyncClient:
    return steps.projects.client_as("bureau", DISTRICT, person="second")


async def run_rescreening(context: ServiceContext) -> None:
    while await run_next_batch(context):
        pass


async def create_rule_draft(steps: ProjectScenario, **more: Any) -> dict[str, Any]:
    body = {
        "region": DISTRICT,
        "title": "2024年本区清单",
        "reason": "区农领组会议",
        "put": [NEW_RULE],
        **more,
    }
    found: dict[str, Any] = expect_success(await steps.bureau.post("/projects/screening-rules", json=body))
    return found


async def create_active_rule(steps: ProjectScenario, second: httpx.AsyncClient) -> dict[str, Any]:
    row = await create_rule_draft(steps)
    expect_success(await steps.bureau.post(f"/projects/screening-rules/{row['id']}/trial"))
    await run_rescreening(steps.projects.context)
    answer = await second.post(f"/projects/screening-rules/{row['id']}/activate", json={"reason": "已看试算"})
    found: dict[str, Any] = expect_success(answer)
    return found


async def test_a_draft_is_tried_over_the_library_and_changes_nothing_of_it(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared()
    row = await create_rule_draft(steps)
    job = expect_success(await steps.bureau.post(f"/projects/screening-rules/{row['id']}/trial"))
    assert (job["state"], job["total"], job["done"]) == ("running", 1, 0)
    await run_rescreening(steps.projects.context)
    job = expect_success(await steps.bureau.get(f"/projects/screening-jobs/{job['id']}"))
    assert (job["state"], job["done"], job["changed"], job["verdicts"]) == ("done", 1, 1, {"block": 1})
    (change,) = expect_success(await steps.bureau.get(f"/projects/screening-jobs/{job['id']}/changes"))[
        "items"
    ]
    assert (change["project_id"], change["was"], change["now"]) == (project_id, "clear", "block")
    assert (change["appeared"], change["gone"]) == (["local.greenhouse"], [])
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("clear", False)


async def test_rules_need_a_trial_of_exactly_them_and_a_second_person(
    steps: ProjectScenario, second: httpx.AsyncClient
) -> None:
    row = await create_rule_draft(steps)
    path = f"/projects/screening-rules/{row['id']}"
    reason = {"reason": "启用"}
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409
    expect_success(await steps.bureau.post(f"{path}/trial"))
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409, "the trial is not over"
    await run_rescreening(steps.projects.context)
    assert (await steps.bureau.post(f"{path}/activate", json=reason)).status_code == 403
    read = await steps.bureau.get(path)
    edit = await steps.bureau.patch(
        path, json={"put": [{**NEW_RULE, "severity": "review"}]}, headers={"If-Match": read.headers["etag"]}
    )
    expect_success(edit)
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409, "the rules are others now"
    expect_success(await steps.bureau.post(f"{path}/trial"))
    await run_rescreening(steps.projects.context)
    assert expect_success(await second.post(f"{path}/activate", json=reason))["rule_set"]["state"] == "active"


async def test_rules_in_force_judge_texts_and_the_library_at_once(
    steps: ProjectScenario, second: httpx.AsyncClient
) -> None:
    project_id = await steps.create_declared()
    job = (await create_active_rule(steps, second))["job"]
    text = {"name": "日光温室建设", "region": "620602100201"}
    told = expect_success(await steps.clerk.post("/projects/screenings", json=text))
    assert [one["rule"] for one in told["findings"]] == ["local.greenhouse@1"]
    elsewhere = expect_success(
        await steps.funds_client.post("/projects/screenings", json={**text, "region": "430511100201"})
    )
    assert elsewhere["verdict"] == "clear"
    await run_rescreening(steps.projects.context)
    assert expect_success(await steps.bureau.get(f"/projects/screening-jobs/{job['id']}"))["changed"] == 1
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("block", True)
    rows = expect_success(await steps.bureau.get(f"/projects/{project_id}/screenings"))["items"]
    assert [row["occasion"] for row in rows] == ["rescreen", "declare"]
    assert rows[0]["rule_set_version"] != rows[1]["rule_set_version"]
    history = expect_success(await steps.bureau.get(f"/projects/{project_id}/history"))["items"]
    assert history[-1]["type"] == "project.screened"


async def test_rules_taken_out_of_force_give_way_to_those_of_the_release(
    steps: ProjectScenario, second: httpx.AsyncClient
) -> None:
    project_id = await steps.create_declared()
    row = (await create_active_rule(steps, second))["rule_set"]
    await run_rescreening(steps.projects.context)
    expect_success(
        await second.post(f"/projects/screening-rules/{row['id']}/retire", json={"reason": "文件废止"})
    )
    await run_rescreening(steps.projects.context)
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("clear", False)
    states = [one["state"] for one in expect_success(await second.get("/projects/screening-rules"))["items"]]
    assert sorted(states) == ["built_in", "retired"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"put": [{**NEW_RULE, "severity": "stop"}]}, "/put/0/severity"),
        ({"put": [{}]}, "/put/0/id"),
        ({"put": [{**NEW_RULE, "effective_from": {"a": 1}}]}, "/put/0/effective_from"),
        ({"put": [{**NEW_RULE, "finders": [{"objects": ["{甲"]}]}]}, "/put/0/finders/0/objects/0"),
        ({"words": {"negation": None}}, "/words"),
        ({"words": {"build": ["{@none}"]}}, "/words"),
    ],
)
async def test_a_draft_that_cannot_work_is_refused_with_the_place(
    steps: ProjectScenario, change: dict[str, Any], pointer: str
) -> None:
    body = {"region": DISTRICT, "title": "草稿", "reason": "试试", **change}
    answer = await steps.bureau.post("/projects/screening-rules", json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in {one["pointer"] for one in answer.json()["errors"]}


async def test_only_who_may_keep_rules_edits_them(steps: ProjectScenario) -> None:
    body = {"region": DISTRICT, "title": "草稿", "reason": "试试", "put": [NEW_RULE]}
    assert (await steps.town.post("/projects/screening-rules", json=body)).status_code == 403
    elsewhere = await steps.bureau.post("/projects/screening-rules", json={**body, "region": "430511000000"})
    assert elsewhere.status_code == 404
    assert (await steps.town.post("/projects/screening-jobs", json={"region": DISTRICT})).status_code == 403


async def test_a_waiver_holds_when_the_library_is_screened_again(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared(name="新店村村委会办公楼建设", content="新建村委会办公楼一栋")
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    for one in project["findings"]:
        body = {"finding": one["mark"], "reason": "危房原址重建, 已批准"}
        row = expect_success(await steps.town.post(f"/projects/{project_id}/clearances", json=body))
        if one["severity"] == "block":
            expect_success(
                await steps.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
            )
    expect_success(await steps.bureau.post("/projects/screening-jobs", json={"region": DISTRICT}))
    await run_rescreening(steps.projects.context)
    project = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("block", False)


async def test_a_job_that_breaks_ends_and_the_next_one_goes_on(
    steps: ProjectScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = steps.projects.context
    await steps.create_in_review()
    region = {"region": DISTRICT}
    broken = expect_success(await steps.bureau.post("/projects/screening-jobs", json=region))
    with monkeypatch.context() as once:
        once.setattr("services.projects.screening.service.build_subject", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await run_rescreening(context)
    sound = expect_success(await steps.bureau.post("/projects/screening-jobs", json=region))
    await run_rescreening(context)
    states = [
        expect_success(await steps.bureau.get(f"/projects/screening-jobs/{one['id']}"))["state"]
        for one in (broken, sound)
    ]
    assert states == ["failed", "done"]
