"""What the money is to achieve: set with the plan, made public in time, watched, and evaluated with proof."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from services.funds.targets.arithmetic import completion, score, weights
from services.funds.targets.kinds import Aspect, Operator
from tests.conftest import Clock
from tests.funds.desk import Desk, line, ok, refused

DISTRICT = "620602000000"


async def a_plan(desk: Desk, amount: int = 10_000_00, **given: Any) -> tuple[str, str]:
    """A plan in draft for one project: (plan, project)."""
    source = await desk.source(amount)
    project = desk.library.project(**given)
    plan = await desk.plan(line(project, source["id"], amount))
    return plan["id"], str(project)


async def drafted(desk: Desk, plan: str, project: str, **given: Any) -> Any:
    return ok(
        await desk.town.post("/funds/targets", json={"plan_id": plan, "project_id": project, **given}), 201
    )


async def read(desk: Desk, target: str) -> Any:
    return ok(await desk.town.get(f"/funds/targets/{target}"))


async def edited(desk: Desk, target: str, path: str = "", **body: Any) -> Any:
    tag = (await desk.town.get(f"/funds/targets/{target}")).headers["etag"]
    method = "PUT" if path else "PATCH"
    return await desk.town.request(
        method, f"/funds/targets/{target}{path}", json=body, headers={"If-Match": tag}
    )


def wells(**given: Any) -> list[dict[str, Any]]:
    """Indicators of a well project."""
    return [
        {
            "aspect": "quantity",
            "name": "新建机井",
            "operator": "ge",
            "value": "20",
            "unit": "座",
            "core": True,
            **given,
        },
        {"aspect": "quality", "name": "验收合格率", "operator": "eq", "value": "100", "unit": "%"},
        {"aspect": "cost", "name": "单井造价", "operator": "le", "value": "5.5", "unit": "万元"},
        {"aspect": "social", "name": "受益人口", "operator": "ge", "value": "500", "unit": "人"},
        {"aspect": "served", "name": "满意度", "operator": "ge", "value": "95", "unit": "%"},
    ]


async def approved(desk: Desk) -> tuple[str, str, str]:
    plan, project = await a_plan(desk)
    target = await drafted(desk, plan, project, indicators=wells())
    ok(await desk.town.post(f"/funds/targets/{target['id']}/submit", json={}))
    await desk.issued(plan)
    shown = await read(desk, target["id"])
    if shown["state"] == "submitted":
        ok(await desk.finance.post(f"/funds/targets/{target['id']}/approve", json={}))
    return plan, project, target["id"]


async def published(desk: Desk) -> tuple[str, str]:
    _, project, target = await approved(desk)
    body = {"published_on": "2024-05-20", "published_at": "区政府网站"}
    ok(await desk.bureau.post(f"/funds/targets/{target}/publish", json=body))
    return project, target


async def public(desk: Desk) -> list[tuple[str, bool, str | None, str]]:
    """What anybody reads of targets without login: confirmed or not, the score, the first result."""
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
    items = ok(await desk.door.nobody().get("/funds/public-targets", params=params))["items"]
    assert not any("leader" in one for one in items)
    return [(one["id"], one["confirmed"], one["score"], one["indicators"][0]["actual"]) for one in items]


def test_a_result_is_measured_against_its_target_without_rounding_up() -> None:
    assert completion(Operator.GE, "20", "20") == 10_000
    assert completion(Operator.GE, "3", "2") == 6_666
    assert completion(Operator.GE, "20", "30") == 15_000
    assert completion(Operator.LE, "5.5", "5.4999") == 10_000
    assert completion(Operator.LE, "5.5", "11") == 5_000
    assert completion(Operator.EQ, "100", "98") == 9_800
    assert completion(Operator.EQ, "100", "125") == 8_000
    assert completion(Operator.GE, "0", "5") == 10_000
    assert completion(Operator.LE, "0", "1") == 0
    assert completion(Operator.GE, "100", "0") == 0


def test_points_add_up_to_ninety_and_a_missing_part_goes_to_the_outputs() -> None:
    points = {"output": 50, "benefit": 30, "satisfaction": 10, "execution": 10}
    full = [Aspect.QUANTITY, Aspect.QUALITY, Aspect.COST, Aspect.SOCIAL, Aspect.SERVED]
    assert weights(full, points) == [17, 17, 16, 30, 10]
    assert sum(weights([Aspect.QUANTITY, Aspect.SERVED], points)) == 90
    assert sum(weights([Aspect.SERVED], points)) == 90


def test_nothing_counts_above_its_weight() -> None:
    class One:
        def __init__(self, weight: int, reached: int) -> None:
            self.weight = weight
            self.completion: int | None = reached

    assert score([One(90, 20_000)], 10_000, 10) == 10_000
    assert score([One(90, 5_000)], 5_000, 10) == 5_000


async def test_templates_follow_the_category_and_name_their_basis(desk: Desk) -> None:
    known = ok(await desk.town.get("/funds/targets/templates"))
    by_code = {one["code"]: one for one in known}
    assert by_code["infrastructure"]["confirmed"] is True
    assert "岳阳县" in by_code["infrastructure"]["basis"]
    plan, project = await a_plan(desk, category="3.2.1")
    target = await read(desk, (await drafted(desk, plan, project))["id"])
    assert target["template"].startswith("target.template.infrastructure@")
    assert "脱贫村村内道路硬化里程" in [one["name"] for one in target["indicators"]]
    assert sum(one["weight"] for one in target["indicators"]) == 90
    plan, project = await a_plan(desk, category="9.9")
    other = await drafted(desk, plan, project)
    assert other["template"].startswith("target.template.general@")


async def test_a_target_needs_money_in_the_plan_and_there_is_one_per_project(desk: Desk) -> None:
    plan, project = await a_plan(desk)
    nowhere = await desk.town.post("/funds/targets", json={"plan_id": plan, "project_id": str(uuid4())})
    refused(nowhere, 422, "not_in_plan")
    first = await drafted(desk, plan, project)
    assert first["amount"] == "10000.00"
    again = await desk.bureau.post("/funds/targets", json={"plan_id": plan, "project_id": project})
    assert again.status_code == 409


async def test_what_is_missing_is_said_before_it_is_submitted(desk: Desk) -> None:
    plan, project = await a_plan(desk)
    target = await drafted(desk, plan, project, indicators=wells(value=None)[:4])
    answer = await desk.town.post(f"/funds/targets/{target['id']}/submit", json={}, params={"dry_run": True})
    missing = ok(answer)["missing"]
    assert "没有指标值" in missing[0]["detail"]
    assert "缺少服务对象满意度指标" in missing[0]["detail"]
    refused(await desk.town.post(f"/funds/targets/{target['id']}/submit", json={}), 409)
    weighed = [{**one, "weight": 10} for one in wells()]
    ok(await edited(desk, target["id"], indicators=weighed))
    problem = refused(await desk.town.post(f"/funds/targets/{target['id']}/submit", json={}), 409, "weights")
    assert "权重合计 50, 应为 90" in problem["detail"]
    ok(await edited(desk, target["id"], indicators=wells()))
    ok(await desk.town.post(f"/funds/targets/{target['id']}/submit", json={}))
    assert (await edited(desk, target["id"], goal="改")).status_code == 409


async def test_a_target_is_approved_with_the_plans_decision_and_not_before(desk: Desk) -> None:
    plan, project = await a_plan(desk)
    target = (await drafted(desk, plan, project, indicators=wells()))["id"]
    ok(await desk.town.post(f"/funds/targets/{target}/submit", json={}))
    early = await desk.finance.post(f"/funds/targets/{target}/approve", json={})
    refused(early, 409, "plan_not_approved")
    await desk.approved(plan)
    shown = await read(desk, target)
    assert shown["state"] == "approved", "approving the plan approves its targets"
    assert (shown["decision_no"], shown["approved_by"]) == ("区乡村振兴领导小组〔2024〕5号", "chen")
    assert (shown["approved_on"], shown["due_on"]) == ("2024-05-20", "2024-06-18")


async def test_nobody_approves_the_target_they_wrote(desk: Desk) -> None:
    plan, project = await a_plan(desk)
    body = {"plan_id": plan, "project_id": project, "indicators": wells()}
    target = ok(await desk.finance.post("/funds/targets", json=body), 201)["id"]
    ok(await desk.finance.post(f"/funds/targets/{target}/submit", json={}))
    await desk.approved(plan)
    assert (await read(desk, target))["state"] == "submitted"
    assert (await desk.finance.post(f"/funds/targets/{target}/approve", json={})).status_code == 403
    ok(await desk.cashier.post(f"/funds/targets/{target}/approve", json={}))


async def test_one_that_is_late_to_the_public_is_listed_with_its_deadline(desk: Desk, clock: Clock) -> None:
    _, _, target = await approved(desk)
    assert ok(await desk.town.get("/funds/targets?late=true"))["items"] == []
    clock.advance(timedelta(days=30))
    (late,) = ok(await desk.town.get("/funds/targets?late=true"))["items"]
    assert late["id"] == target
    for body, code in (
        ({}, "not_public"),
        ({"published_on": "2024-05-19", "published_at": "网站"}, "before_approval"),
        ({"published_on": "2024-07-30", "published_at": "网站"}, "in_the_future"),
    ):
        refused(await desk.bureau.post(f"/funds/targets/{target}/publish", json=body), 409, code)
    fine = {"published_on": "2024-06-19", "published_at": "区政府网站"}
    assert ok(await desk.bureau.post(f"/funds/targets/{target}/publish", json=fine))["state"] == "published"
    assert ok(await desk.town.get("/funds/targets?late=true"))["items"] == []


async def test_monitoring_stands_beside_what_the_ledger_says_of_that_day(desk: Desk) -> None:
    project, target = await published(desk)
    await approved(desk)
    assert [one for one, *_ in await public(desk)] == [target], "only what was made public"
    shown = await read(desk, target)
    (given,) = ok(await desk.finance.get("/funds/allocations", params={"project_id": project}))["items"]
    desk.library.change(next(iter(desk.library.projects)), state="under_construction", physical_percent=100)
    await desk.paid(given["id"], 4_000_00)
    first = shown["indicators"][0]
    body = {
        "monitored_on": "2024-05-20",
        "values": [{"indicator_id": first["id"], "actual": "8", "deviation_reason": "雨季"}],
        "problems": "进度偏慢",
        "measures": "增加机组",
    }
    seen = ok(await desk.town.post(f"/funds/targets/{target}/monitorings", json=body), 201)
    assert (seen["allocated"], seen["paid"]) == ("10000.00", "4000.00")
    assert seen["values"][0]["completion"] == "40.00"
    before = ok(
        await desk.town.post(f"/funds/targets/{target}/monitorings", json={"monitored_on": "2024-05-19"}), 201
    )
    assert before["paid"] == "0.00"
    future = await desk.town.post(f"/funds/targets/{target}/monitorings", json={"monitored_on": "2024-05-21"})
    refused(future, 422, "in_the_future")


async def test_a_self_evaluation_needs_results_evidence_and_reasons_and_another_pair_of_eyes(
    desk: Desk,
) -> None:
    _, target = await published(desk)
    rows = (await read(desk, target))["indicators"]
    problem = refused(await desk.town.post(f"/funds/targets/{target}/evaluate", json={}), 409)
    assert "没有完成值" in problem["detail"]
    actual = dict(zip([one["id"] for one in rows], ["10", "100", "5.2", "800", "96"], strict=True))
    results = [{"indicator_id": one, "actual": value} for one, value in actual.items()]
    ok(await edited(desk, target, "/results", results=results, summary="基本完成"))
    problem = refused(await desk.town.post(f"/funds/targets/{target}/evaluate", json={}), 409)
    assert "“新建机井”没有佐证材料" in problem["detail"]
    assert "“新建机井”偏差较大" in problem["detail"]
    assert "“受益人口”偏差较大" in problem["detail"]
    proof = await desk.paper()
    results[0] |= {"deviation_reason": "两处未出水", "file_ids": [proof]}
    results[3] |= {"deviation_reason": "邻村也用"}
    ok(await edited(desk, target, "/results", results=results))
    done = ok(await desk.town.post(f"/funds/targets/{target}/evaluate", json={}))
    # 17×50 % + 17 + 16 + 30 + 10 of 90, nothing paid yet
    assert (done["score"], done["paid"]) == ("81.50", "0.00")
    assert (await edited(desk, target, "/results", results=results)).status_code == 409
    assert await public(desk) == [(target, False, None, "")]
    ok(await desk.finance.post(f"/funds/targets/{target}/confirm", json={}))
    assert await public(desk) == [(target, True, "81.50", "10")]
    sheet = ok(await desk.auditor.get(f"/funds/targets/sheet?region={DISTRICT}&year=2024"))
    assert (sheet["targets"], sheet["confirmed"], sheet["published_in_time"]) == (1, 1, 1)
    (row,) = sheet["rows"]
    assert (row["indicators"], row["met"], row["deviating"], row["score"]) == (5, 4, 2, "81.50")
    assert (row["allocated"], row["paid"], row["execution"]) == ("10000.00", "0.00", "0.00")


async def test_foreign_indicators_and_files_are_refused(desk: Desk) -> None:
    _, target = await published(desk)
    wrong = [{"indicator_id": str(uuid4()), "actual": "1"}]
    refused(await edited(desk, target, "/results", results=wrong), 422, "no_indicator")
    first = (await read(desk, target))["indicators"][0]["id"]
    lost = [{"indicator_id": first, "actual": "1", "file_ids": [str(uuid4())]}]
    assert (await edited(desk, target, "/results", results=lost)).status_code in {404, 422}


@pytest.mark.parametrize("value", ["-1", "1e5", "1.00001", "一", "NaN", "01"])
async def test_a_result_is_a_plain_number(desk: Desk, value: str) -> None:
    _, target = await published(desk)
    first = (await read(desk, target))["indicators"][0]["id"]
    answer = await edited(desk, target, "/results", results=[{"indicator_id": first, "actual": value}])
    assert answer.status_code == 422


async def test_the_sheet_can_be_taken_away_as_a_table(desk: Desk) -> None:
    await published(desk)
    answer = await desk.bureau.get(f"/funds/targets/sheet?region={DISTRICT}&year=2024&form=xlsx")
    assert answer.status_code == 200
    rows = list(openpyxl.load_workbook(BytesIO(answer.content)).active.iter_rows(values_only=True))
    assert rows[0][0] == "项目名称"
    assert rows[1][:4] == ("泽库县农村牧区小口机井工程", "已公开", 1, 1)


async def test_another_towns_target_is_as_if_absent(desk: Desk) -> None:
    _, target = await published(desk)
    stranger = desk.door.as_("town_officer", "620602101000", person="other")
    assert (await stranger.get(f"/funds/targets/{target}")).status_code == 404
    assert (await stranger.post(f"/funds/targets/{target}/evaluate", json={})).status_code == 404
    assert ok(await stranger.get("/funds/targets"))["items"] == []
