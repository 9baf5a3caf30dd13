"""Performance targets: approved with the plan, published in time, monitored, and evaluated with evidence."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from services.funds.targets.calculation import calculate_completion, calculate_score, distribute_weights
from services.funds.targets.schemas import Aspect, TargetOperator, TargetSection
from tests.conftest import Clock
from tests.funds.factories_alerts import list_alerts
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal

DISTRICT = "620602000000"


async def create_plan(scenario: FundsScenario, amount: int = 10_000_00, **overrides: Any) -> tuple[str, str]:
    """Create a plan in DRAFT state for one project: (plan id, project id)."""
    source = await scenario.create_source(amount)
    project = scenario.library.create_project(**overrides)
    plan = await scenario.create_plan(build_line(project, source["id"], amount))
    return plan["id"], str(project)


async def create_target(scenario: FundsScenario, plan: str, project: str, **overrides: Any) -> Any:
    return expect_ok(
        await scenario.town.post(
            "/funds/targets", json={"plan_id": plan, "project_id": project, **overrides}
        ),
        201,
    )


async def get_target(scenario: FundsScenario, target: str) -> Any:
    return expect_ok(await scenario.town.get(f"/funds/targets/{target}"))


async def update_target(scenario: FundsScenario, target: str, path: str = "", **body: Any) -> Any:
    tag = (await scenario.town.get(f"/funds/targets/{target}")).headers["etag"]
    method = "PUT" if path else "PATCH"
    return await scenario.town.request(
        method, f"/funds/targets/{target}{path}", json=body, headers={"If-Match": tag}
    )


def build_well_indicators(**overrides: Any) -> list[dict[str, Any]]:
    """Indicators of a well project."""
    return [
        {
            "aspect": "quantity",
            "name": "新建机井",
            "operator": "ge",
            "value": "20",
            "unit": "座",
            "core": True,
            **overrides,
        },
        {"aspect": "quality", "name": "验收合格率", "operator": "eq", "value": "100", "unit": "%"},
        {"aspect": "cost", "name": "单井造价", "operator": "le", "value": "5.5", "unit": "万元"},
        {"aspect": "social", "name": "受益人口", "operator": "ge", "value": "500", "unit": "人"},
        {"aspect": "served", "name": "满意度", "operator": "ge", "value": "95", "unit": "%"},
    ]


async def create_approved_target(scenario: FundsScenario) -> tuple[str, str, str]:
    plan, project = await create_plan(scenario)
    target = await create_target(scenario, plan, project, indicators=build_well_indicators())
    expect_ok(await scenario.town.post(f"/funds/targets/{target['id']}/submit", json={}))
    await scenario.issue_plan(plan)
    detail = await get_target(scenario, target["id"])
    if detail["state"] == "submitted":
        expect_ok(await scenario.finance.post(f"/funds/targets/{target['id']}/approve", json={}))
    return plan, project, target["id"]


async def create_published_target(scenario: FundsScenario) -> tuple[str, str]:
    _, project, target = await create_approved_target(scenario)
    body = {"published_on": "2024-05-20", "published_at": "区政府网站"}
    expect_ok(await scenario.bureau.post(f"/funds/targets/{target}/publish", json=body))
    return project, target


async def list_public_targets(scenario: FundsScenario) -> list[tuple[str, bool, str | None, str]]:
    """Public targets for anonymous callers: (id, confirmed, score, first result)."""
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
    items = expect_ok(await scenario.door.anonymous_client().get("/funds/public-targets", params=params))[
        "items"
    ]
    assert not any("leader" in item for item in items)
    return [(item["id"], item["confirmed"], item["score"], item["indicators"][0]["actual"]) for item in items]


def test_a_result_is_measured_against_its_target_without_rounding_up() -> None:
    assert calculate_completion(TargetOperator.GE, "20", "20") == 10_000
    assert calculate_completion(TargetOperator.GE, "3", "2") == 6_666
    assert calculate_completion(TargetOperator.GE, "20", "30") == 15_000
    assert calculate_completion(TargetOperator.LE, "5.5", "5.4999") == 10_000
    assert calculate_completion(TargetOperator.LE, "5.5", "11") == 5_000
    assert calculate_completion(TargetOperator.EQ, "100", "98") == 9_800
    assert calculate_completion(TargetOperator.EQ, "100", "125") == 8_000
    assert calculate_completion(TargetOperator.GE, "0", "5") == 10_000
    assert calculate_completion(TargetOperator.LE, "0", "1") == 0
    assert calculate_completion(TargetOperator.GE, "100", "0") == 0


def test_points_add_up_to_ninety_and_a_missing_part_goes_to_the_outputs() -> None:
    points = {TargetSection.OUTPUT: 50, TargetSection.BENEFIT: 30, TargetSection.SATISFACTION: 10}
    full = [Aspect.QUANTITY, Aspect.QUALITY, Aspect.COST, Aspect.SOCIAL, Aspect.SERVED]
    assert distribute_weights(full, points) == [17, 17, 16, 30, 10]
    assert sum(distribute_weights([Aspect.QUANTITY, Aspect.SERVED], points)) == 90
    assert sum(distribute_weights([Aspect.SERVED], points)) == 90


def test_nothing_counts_above_its_weight() -> None:
    class One:
        def __init__(self, weight: int, reached: int) -> None:
            self.weight = weight
            self.completion: int | None = reached

    assert calculate_score([One(90, 20_000)], 10_000, 10) == 10_000
    assert calculate_score([One(90, 5_000)], 5_000, 10) == 5_000


async def test_templates_follow_the_category_and_name_their_basis(scenario: FundsScenario) -> None:
    templates = expect_ok(await scenario.town.get("/funds/targets/templates"))
    by_code = {item["code"]: item for item in templates}
    assert by_code["infrastructure"]["confirmed"] is True
    assert "岳阳县" in by_code["infrastructure"]["basis"]
    plan, project = await create_plan(scenario, category="3.2.1")
    target = await get_target(scenario, (await create_target(scenario, plan, project))["id"])
    assert target["template"].startswith("target.template.infrastructure@")
    assert "脱贫村村内道路硬化里程" in [indicator["name"] for indicator in target["indicators"]]
    assert sum(indicator["weight"] for indicator in target["indicators"]) == 90
    plan, project = await create_plan(scenario, category="9.9")
    other = await create_target(scenario, plan, project)
    assert other["template"].startswith("target.template.general@")


async def test_a_target_needs_money_in_the_plan_and_there_is_one_per_project(scenario: FundsScenario) -> None:
    plan, project = await create_plan(scenario)
    nowhere = await scenario.town.post("/funds/targets", json={"plan_id": plan, "project_id": str(uuid4())})
    expect_refusal(nowhere, 422, "not_in_plan")
    first = await create_target(scenario, plan, project)
    assert first["amount"] == "10000.00"
    answer = await scenario.bureau.post("/funds/targets", json={"plan_id": plan, "project_id": project})
    assert answer.status_code == 409


async def test_what_is_missing_is_said_before_it_is_submitted(scenario: FundsScenario) -> None:
    plan, project = await create_plan(scenario)
    target = await create_target(scenario, plan, project, indicators=build_well_indicators(value=None)[:4])
    answer = await scenario.town.post(
        f"/funds/targets/{target['id']}/submit", json={}, params={"dry_run": True}
    )
    missing = expect_ok(answer)["missing"]
    assert "没有指标值" in missing[0]["detail"]
    assert "缺少服务对象满意度指标" in missing[0]["detail"]
    expect_refusal(await scenario.town.post(f"/funds/targets/{target['id']}/submit", json={}), 409)
    weighed = [{**item, "weight": 10} for item in build_well_indicators()]
    expect_ok(await update_target(scenario, target["id"], indicators=weighed))
    problem = expect_refusal(
        await scenario.town.post(f"/funds/targets/{target['id']}/submit", json={}), 409, "weights"
    )
    assert "权重合计 50, 应为 90" in problem["detail"]
    expect_ok(await update_target(scenario, target["id"], indicators=build_well_indicators()))
    expect_ok(await scenario.town.post(f"/funds/targets/{target['id']}/submit", json={}))
    assert (await update_target(scenario, target["id"], goal="改")).status_code == 409


async def test_a_target_is_approved_with_the_plans_decision_and_not_before(scenario: FundsScenario) -> None:
    plan, project = await create_plan(scenario)
    target = (await create_target(scenario, plan, project, indicators=build_well_indicators()))["id"]
    expect_ok(await scenario.town.post(f"/funds/targets/{target}/submit", json={}))
    early = await scenario.finance.post(f"/funds/targets/{target}/approve", json={})
    expect_refusal(early, 409, "plan_not_approved")
    await scenario.approve_plan(plan)
    detail = await get_target(scenario, target)
    assert detail["state"] == "approved", "approving the plan approves its targets"
    assert (detail["decision_no"], detail["approved_by"]) == ("区乡村振兴领导小组〔2024〕5号", "chen")
    assert (detail["approved_on"], detail["due_on"]) == ("2024-05-09", "2024-06-05")


async def test_nobody_approves_the_target_they_wrote(scenario: FundsScenario) -> None:
    plan, project = await create_plan(scenario)
    body = {"plan_id": plan, "project_id": project, "indicators": build_well_indicators()}
    target = expect_ok(await scenario.finance.post("/funds/targets", json=body), 201)["id"]
    expect_ok(await scenario.finance.post(f"/funds/targets/{target}/submit", json={}))
    await scenario.approve_plan(plan)
    assert (await get_target(scenario, target))["state"] == "submitted"
    assert (await scenario.finance.post(f"/funds/targets/{target}/approve", json={})).status_code == 403
    expect_ok(await scenario.cashier.post(f"/funds/targets/{target}/approve", json={}))


async def test_one_that_is_late_to_the_public_is_listed_with_its_deadline(
    scenario: FundsScenario, clock: Clock
) -> None:
    _, _, target = await create_approved_target(scenario)
    assert expect_ok(await scenario.town.get("/funds/targets?late=true"))["items"] == []
    clock.advance(timedelta(days=30))
    (late,) = expect_ok(await scenario.town.get("/funds/targets?late=true"))["items"]
    assert late["id"] == target
    for body, code in (
        ({}, "not_public"),
        ({"published_on": "2024-05-08", "published_at": "网站"}, "before_approval"),
        ({"published_on": "2024-07-30", "published_at": "网站"}, "in_the_future"),
    ):
        expect_refusal(await scenario.bureau.post(f"/funds/targets/{target}/publish", json=body), 409, code)
    fine = {"published_on": "2024-06-19", "published_at": "区政府网站"}
    assert (
        expect_ok(await scenario.bureau.post(f"/funds/targets/{target}/publish", json=fine))["state"]
        == "published"
    )
    assert expect_ok(await scenario.town.get("/funds/targets?late=true"))["items"] == []


async def test_a_target_not_monitored_by_the_deadline_of_the_rule_raises_an_alert(
    scenario: FundsScenario, clock: Clock
) -> None:
    _, target = await create_published_target(scenario)
    clock.set(datetime(2024, 8, 31, 1, tzinfo=UTC))
    assert await list_alerts(scenario, "target_unmonitored") == [], "the last day has not passed"
    clock.set(datetime(2024, 9, 1, 1, tzinfo=UTC))
    (alert,) = await list_alerts(scenario, "target_unmonitored")
    assert (alert["subject"], alert["gone"]) == (target, False)
    early = {"monitored_on": "2024-07-31"}
    expect_ok(await scenario.town.post(f"/funds/targets/{target}/monitorings", json=early), 201)
    assert not (await list_alerts(scenario, "target_unmonitored"))[0]["gone"], (
        "July does not cover January to July"
    )
    body = {"monitored_on": "2024-08-01"}
    expect_ok(await scenario.town.post(f"/funds/targets/{target}/monitorings", json=body), 201)
    assert (await list_alerts(scenario, "target_unmonitored"))[0]["gone"]


async def test_monitoring_stands_beside_what_the_ledger_says_of_that_day(scenario: FundsScenario) -> None:
    project, target = await create_published_target(scenario)
    await create_approved_target(scenario)
    assert [public_target for public_target, *_ in await list_public_targets(scenario)] == [target], (
        "only what was made public"
    )
    detail = await get_target(scenario, target)
    (allocation,) = expect_ok(
        await scenario.finance.get("/funds/allocations", params={"project_id": project})
    )["items"]
    scenario.library.update_project(
        next(iter(scenario.library.projects)), state="under_construction", physical_percent=100
    )
    await scenario.create_paid_payment(allocation["id"], 4_000_00)
    first = detail["indicators"][0]
    body = {
        "monitored_on": "2024-05-20",
        "values": [{"indicator_id": first["id"], "actual": "8", "deviation_reason": "雨季"}],
        "problems": "进度偏慢",
        "measures": "增加机组",
    }
    monitoring = expect_ok(await scenario.town.post(f"/funds/targets/{target}/monitorings", json=body), 201)
    assert (monitoring["allocated"], monitoring["paid"]) == ("10000.00", "4000.00")
    assert monitoring["values"][0]["completion"] == "40.00"
    before = expect_ok(
        await scenario.town.post(f"/funds/targets/{target}/monitorings", json={"monitored_on": "2024-05-19"}),
        201,
    )
    assert before["paid"] == "0.00"
    future = await scenario.town.post(
        f"/funds/targets/{target}/monitorings", json={"monitored_on": "2024-05-21"}
    )
    expect_refusal(future, 422, "in_the_future")


async def test_a_self_evaluation_needs_results_evidence_and_reasons_and_another_pair_of_eyes(
    scenario: FundsScenario,
) -> None:
    _, target = await create_published_target(scenario)
    rows = (await get_target(scenario, target))["indicators"]
    problem = expect_refusal(await scenario.town.post(f"/funds/targets/{target}/evaluate", json={}), 409)
    assert "没有完成值" in problem["detail"]
    actual = dict(zip([row["id"] for row in rows], ["10", "100", "5.2", "800", "96"], strict=True))
    results = [{"indicator_id": item, "actual": value} for item, value in actual.items()]
    expect_ok(await update_target(scenario, target, "/results", results=results, summary="基本完成"))
    problem = expect_refusal(await scenario.town.post(f"/funds/targets/{target}/evaluate", json={}), 409)
    assert "“新建机井”没有佐证材料" in problem["detail"]
    assert "“新建机井”偏差较大" in problem["detail"]
    assert "“受益人口”偏差较大" in problem["detail"]
    proof = await scenario.upload_document()
    results[0] |= {"deviation_reason": "两处未出水", "file_ids": [proof]}
    results[3] |= {"deviation_reason": "邻村也用"}
    expect_ok(await update_target(scenario, target, "/results", results=results))
    done = expect_ok(await scenario.town.post(f"/funds/targets/{target}/evaluate", json={}))
    # 17×50 % + 17 + 16 + 30 + 10 of 90, nothing paid yet
    assert (done["score"], done["paid"]) == ("81.50", "0.00")
    assert (await update_target(scenario, target, "/results", results=results)).status_code == 409
    assert await list_public_targets(scenario) == [(target, False, None, "")]
    expect_ok(await scenario.finance.post(f"/funds/targets/{target}/confirm", json={}))
    assert await list_public_targets(scenario) == [(target, True, "81.50", "10")]
    sheet = expect_ok(await scenario.auditor.get(f"/funds/targets/sheet?region={DISTRICT}&year=2024"))
    assert (sheet["targets"], sheet["confirmed"], sheet["published_in_time"]) == (1, 1, 1)
    (row,) = sheet["rows"]
    assert (row["indicators"], row["met"], row["deviating"], row["score"]) == (5, 4, 2, "81.50")
    assert (row["allocated"], row["paid"], row["execution"]) == ("10000.00", "0.00", "0.00")


async def test_foreign_indicators_and_files_are_refused(scenario: FundsScenario) -> None:
    _, target = await create_published_target(scenario)
    wrong = [{"indicator_id": str(uuid4()), "actual": "1"}]
    expect_refusal(await update_target(scenario, target, "/results", results=wrong), 422, "no_indicator")
    first = (await get_target(scenario, target))["indicators"][0]["id"]
    lost = [{"indicator_id": first, "actual": "1", "file_ids": [str(uuid4())]}]
    assert (await update_target(scenario, target, "/results", results=lost)).status_code in {404, 422}


@pytest.mark.parametrize("value", ["-1", "1e5", "1.00001", "一", "NaN", "01"])
async def test_a_result_is_a_plain_number(scenario: FundsScenario, value: str) -> None:
    _, target = await create_published_target(scenario)
    first = (await get_target(scenario, target))["indicators"][0]["id"]
    answer = await update_target(
        scenario, target, "/results", results=[{"indicator_id": first, "actual": value}]
    )
    assert answer.status_code == 422


async def test_the_sheet_can_be_taken_away_as_a_table(scenario: FundsScenario) -> None:
    await create_published_target(scenario)
    answer = await scenario.bureau.get(f"/funds/targets/sheet?region={DISTRICT}&year=2024&form=xlsx")
    assert answer.status_code == 200
    rows = list(openpyxl.load_workbook(BytesIO(answer.content)).active.iter_rows(values_only=True))
    assert rows[0][0] == "项目名称"
    assert rows[1][:4] == ("泽库县农村牧区小口机井工程", "已公开", 1, 1)


async def test_another_towns_target_is_as_if_absent(scenario: FundsScenario) -> None:
    _, target = await create_published_target(scenario)
    stranger = scenario.door.client_as("town_officer", "620602101000", person="other")
    assert (await stranger.get(f"/funds/targets/{target}")).status_code == 404
    assert (await stranger.post(f"/funds/targets/{target}/evaluate", json={})).status_code == 404
    assert expect_ok(await stranger.get("/funds/targets"))["items"] == []
