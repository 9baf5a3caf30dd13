"""Screening rule sets: draft, trial over the library, activation by a second person, re-screening."""

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
def second(scenario: ProjectScenario) -> httpx.AsyncClient:
    return scenario.projects.client_as("bureau", DISTRICT, person="second")


async def run_rescreening(context: ServiceContext) -> None:
    while await run_next_batch(context):
        pass


async def create_rule_draft(scenario: ProjectScenario, **changes: Any) -> dict[str, Any]:
    body = {
        "region": DISTRICT,
        "title": "2024年本区清单",
        "reason": "区农领组会议",
        "put": [NEW_RULE],
        **changes,
    }
    rule_set: dict[str, Any] = expect_success(
        await scenario.bureau.post("/projects/screening-rules", json=body)
    )
    return rule_set


async def create_active_rule(scenario: ProjectScenario, second: httpx.AsyncClient) -> dict[str, Any]:
    row = await create_rule_draft(scenario)
    expect_success(await scenario.bureau.post(f"/projects/screening-rules/{row['id']}/trial"))
    await run_rescreening(scenario.projects.context)
    answer = await second.post(f"/projects/screening-rules/{row['id']}/activate", json={"reason": "已看试算"})
    rule_set: dict[str, Any] = expect_success(answer)
    return rule_set


async def test_a_trial_screens_the_library_without_changing_projects(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    row = await create_rule_draft(scenario)
    job = expect_success(await scenario.bureau.post(f"/projects/screening-rules/{row['id']}/trial"))
    assert (job["state"], job["total"], job["done"]) == ("running", 1, 0)
    await run_rescreening(scenario.projects.context)
    job = expect_success(await scenario.bureau.get(f"/projects/screening-jobs/{job['id']}"))
    assert (job["state"], job["done"], job["changed"], job["verdicts"]) == ("done", 1, 1, {"block": 1})
    (change,) = expect_success(await scenario.bureau.get(f"/projects/screening-jobs/{job['id']}/changes"))[
        "items"
    ]
    assert (change["project_id"], change["was"], change["now"]) == (project_id, "clear", "block")
    assert (change["appeared"], change["gone"]) == (["local.greenhouse"], [])
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("clear", False)


async def test_activation_requires_a_trial_of_the_same_rules_and_a_second_person(
    scenario: ProjectScenario, second: httpx.AsyncClient
) -> None:
    row = await create_rule_draft(scenario)
    path = f"/projects/screening-rules/{row['id']}"
    reason = {"reason": "启用"}
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409
    expect_success(await scenario.bureau.post(f"{path}/trial"))
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409, "the trial is not over"
    await run_rescreening(scenario.projects.context)
    assert (await scenario.bureau.post(f"{path}/activate", json=reason)).status_code == 403
    read = await scenario.bureau.get(path)
    edit = await scenario.bureau.patch(
        path, json={"put": [{**NEW_RULE, "severity": "review"}]}, headers={"If-Match": read.headers["etag"]}
    )
    expect_success(edit)
    assert (await second.post(f"{path}/activate", json=reason)).status_code == 409, "the rules are others now"
    expect_success(await scenario.bureau.post(f"{path}/trial"))
    await run_rescreening(scenario.projects.context)
    assert expect_success(await second.post(f"{path}/activate", json=reason))["rule_set"]["state"] == "active"


async def test_active_rules_apply_to_texts_and_to_the_library(
    scenario: ProjectScenario, second: httpx.AsyncClient
) -> None:
    project_id = await scenario.create_declared()
    job = (await create_active_rule(scenario, second))["job"]
    text = {"name": "日光温室建设", "region": "620602100201"}
    answer = expect_success(await scenario.clerk.post("/projects/screenings", json=text))
    assert [finding["rule"] for finding in answer["findings"]] == ["local.greenhouse@1"]
    elsewhere = expect_success(
        await scenario.funds_client.post("/projects/screenings", json={**text, "region": "430511100201"})
    )
    assert elsewhere["verdict"] == "clear"
    await run_rescreening(scenario.projects.context)
    assert expect_success(await scenario.bureau.get(f"/projects/screening-jobs/{job['id']}"))["changed"] == 1
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("block", True)
    rows = expect_success(await scenario.bureau.get(f"/projects/{project_id}/screenings"))["items"]
    assert [row["occasion"] for row in rows] == ["rescreen", "declare"]
    assert rows[0]["rule_set_version"] != rows[1]["rule_set_version"]
    history = expect_success(await scenario.bureau.get(f"/projects/{project_id}/history"))["items"]
    assert history[-1]["type"] == "project.screened"


async def test_retired_rules_are_replaced_by_the_built_in_rules(
    scenario: ProjectScenario, second: httpx.AsyncClient
) -> None:
    project_id = await scenario.create_declared()
    row = (await create_active_rule(scenario, second))["rule_set"]
    await run_rescreening(scenario.projects.context)
    expect_success(
        await second.post(f"/projects/screening-rules/{row['id']}/retire", json={"reason": "文件废止"})
    )
    await run_rescreening(scenario.projects.context)
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("clear", False)
    states = [
        item["state"] for item in expect_success(await second.get("/projects/screening-rules"))["items"]
    ]
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
async def test_an_invalid_draft_is_refused_with_a_pointer(
    scenario: ProjectScenario, change: dict[str, Any], pointer: str
) -> None:
    body = {"region": DISTRICT, "title": "草稿", "reason": "试试", **change}
    answer = await scenario.bureau.post("/projects/screening-rules", json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_editing_rules_requires_the_permission(scenario: ProjectScenario) -> None:
    body = {"region": DISTRICT, "title": "草稿", "reason": "试试", "put": [NEW_RULE]}
    assert (await scenario.town.post("/projects/screening-rules", json=body)).status_code == 403
    elsewhere = await scenario.bureau.post(
        "/projects/screening-rules", json={**body, "region": "430511000000"}
    )
    assert elsewhere.status_code == 404
    assert (
        await scenario.town.post("/projects/screening-jobs", json={"region": DISTRICT})
    ).status_code == 403


async def test_a_waiver_remains_valid_after_a_rescreening(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared(name="新店村村委会办公楼建设", content="新建村委会办公楼一栋")
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    for finding in project["findings"]:
        body = {"finding": finding["mark"], "reason": "危房原址重建, 已批准"}
        row = expect_success(await scenario.town.post(f"/projects/{project_id}/clearances", json=body))
        if finding["severity"] == "block":
            expect_success(
                await scenario.bureau.post(f"/projects/clearances/{row['id']}/grant", json={"reason": "同意"})
            )
    expect_success(await scenario.bureau.post("/projects/screening-jobs", json={"region": DISTRICT}))
    await run_rescreening(scenario.projects.context)
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["verdict"], project["blocked"]) == ("block", False)


async def test_jobs_take_turns_batch_by_batch(
    scenario: ProjectScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.projects.screening_rules.service.BATCH_PROJECTS", 1)
    for name in ("村组道路硬化", "供水管道改造"):
        await scenario.create_declared(name=name)
    addresses = []
    for region in (DISTRICT, scenario.village):
        started = expect_success(
            await scenario.bureau.post("/projects/screening-jobs", json={"region": region})
        )
        addresses.append(f"/projects/screening-jobs/{started['id']}")
    for _ in range(2):
        await run_next_batch(scenario.projects.context)
    jobs = [expect_success(await scenario.bureau.get(address)) for address in addresses]

    assert [(job["state"], job["done"]) for job in jobs] == [("running", 1), ("running", 1)]


async def test_a_failing_job_ends_and_the_next_job_runs(
    scenario: ProjectScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = scenario.projects.context
    await scenario.create_in_review()
    region = {"region": DISTRICT}
    broken = expect_success(await scenario.bureau.post("/projects/screening-jobs", json=region))
    with monkeypatch.context() as once:
        once.setattr("services.projects.screening.service.build_subject", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await run_rescreening(context)
    sound = expect_success(await scenario.bureau.post("/projects/screening-jobs", json=region))
    await run_rescreening(context)
    states = [
        expect_success(await scenario.bureau.get(f"/projects/screening-jobs/{item['id']}"))["state"]
        for item in (broken, sound)
    ]
    assert states == ["failed", "done"]
