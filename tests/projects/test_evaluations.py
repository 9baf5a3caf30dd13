"""Evaluations: items scored from records, the others by people with a reason, reviewed by a second person."""

import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from python_calamine import CalamineWorkbook

from services.projects.evaluations.rules import ScoreSheet
from tests.projects.factories_projects import SELF_EVALUATION_BODY, ProjectScenario, expect_success


def points_by_code(items: list[dict[str, Any]]) -> dict[str, str | None]:
    return {item["code"]: item["points"] for item in items}


async def create_finished_project(scenario: ProjectScenario, **changes: Any) -> str:
    dates = {"planned_start": "2024-05-01", "planned_end": "2024-08-01"}
    project_id = await scenario.create_started(**{**dates, **changes})
    quantities = [{"name": "日光温室", "amount": "18", "unit": "座"}]
    expect_success(await scenario.post_progress(project_id, 90, quantities=quantities))
    await scenario.finish_project(project_id)
    return project_id


async def test_items_are_scored_from_records_with_links_to_their_rows(
    scenario: ProjectScenario,
) -> None:
    project_id = await create_finished_project(scenario)
    await scenario.deliver_money_event(project_id, "750000.00", "payment.paid")
    detail = expect_success(await scenario.town.get(f"/projects/{project_id}/evaluation"))
    assert (detail["evaluation"], detail["score_now"]) == (None, None)
    assert {error["code"] for error in detail["missing"]} == {"unscored"}
    assert points_by_code(detail["now"]) == {
        "targets": "22.50",  # 18 of 20 greenhouses; a later report without quantities changes nothing
        "time": "15.00",
        "money": "15.00",  # three quarters paid
        "quality": None,
        "benefit": None,
        "records": "3.33",  # two of six documents
    }
    for item in detail["now"]:
        for address in item["rows"]:
            if address.startswith("/api/v1/projects"):
                expect_success(await scenario.leader.get(address.removeprefix("/api/v1")))
    evaluation = expect_success(
        await scenario.town.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY)
    )
    assert (evaluation["score"], evaluation["grade_label"], evaluation["state"]) == (
        "83.33",
        "良",
        "submitted",
    )
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["evaluation"]["score"], project["evaluation"]["state"]) == ("83.33", "submitted")


async def test_points_are_given_only_for_items_without_records_and_need_a_reason(
    scenario: ProjectScenario,
) -> None:
    project_id = await create_finished_project(scenario)
    address = f"/projects/{project_id}/self-evaluation"

    async def codes(*items: dict[str, str]) -> list[str]:
        answer = await scenario.town.put(address, json={"text": "完成", "items": list(items)})
        assert answer.status_code == 422, answer.text
        return [error["code"] for error in answer.json()["errors"]]

    quality = {"code": "quality", "points": "14", "reason": "验收合格"}
    assert await codes(quality) == ["unscored"]
    assert await codes(quality, {"code": "benefit", "points": "16", "reason": "满意度高"}) == ["above_weight"]
    assert "computed" in await codes({"code": "time", "points": "15", "reason": "按期完工"})
    assert "no_item" in await codes({"code": "beauty", "points": "1", "reason": "好看好看"})
    assert "twice" in await codes(quality, quality)
    assert (await scenario.bureau.get(f"/projects/{project_id}")).json()["evaluation"] == {}
    assert (await scenario.clerk.put(address, json=SELF_EVALUATION_BODY)).status_code == 403
    early = await scenario.create_started(name="未完工项目")
    answer = await scenario.town.put(f"/projects/{early}/self-evaluation", json=SELF_EVALUATION_BODY)
    assert answer.status_code == 409


async def create_self_evaluated_project(
    scenario: ProjectScenario, by: httpx.AsyncClient, **changes: Any
) -> str:
    project_id = await create_finished_project(scenario, **changes)
    expect_success(await by.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY))
    return project_id


async def test_another_person_reviews_and_returns_an_evaluation(scenario: ProjectScenario) -> None:
    project_id = await create_self_evaluated_project(scenario, scenario.bureau)
    address, body = f"/projects/{project_id}", {"opinion": "情况属实"}
    review = f"{address}/evaluation/review"
    assert (await scenario.bureau.post(review, json=body)).status_code == 403  # four eyes
    assert expect_success(await scenario.bureau.get("/projects/inbox/counts"))["evaluations"] == 0
    expect_success(await scenario.town.put(f"{address}/self-evaluation", json=SELF_EVALUATION_BODY))
    assert expect_success(await scenario.bureau.get("/projects/inbox/counts"))["evaluations"] == 1
    assert (await scenario.bureau.post(review, json={})).json()["errors"][0]["code"] == "no_opinion"
    assert expect_success(await scenario.bureau.post(f"{review}?dry_run=true", json=body))["allowed"] is True
    lower_points = {**body, "items": [{"code": "quality", "points": "5", "reason": "墙面开裂, 限期整改"}]}
    reviewed = expect_success(await scenario.bureau.post(review, json=lower_points))
    assert reviewed["state"] == "reviewed"
    assert float(reviewed["self_score"]) - float(reviewed["score"]) == pytest.approx(9.0)
    assert (
        await scenario.town.put(f"{address}/self-evaluation", json=SELF_EVALUATION_BODY)
    ).status_code == 409
    return_address = f"{address}/evaluation/return"
    assert (await scenario.bureau.post(return_address, json={})).status_code == 409
    assert (
        expect_success(await scenario.bureau.post(return_address, json={"reason": "已整改, 请重评"}))["state"]
        == "returned"
    )
    resubmitted = expect_success(
        await scenario.town.put(f"{address}/self-evaluation", json=SELF_EVALUATION_BODY)
    )
    assert (resubmitted["state"], resubmitted["score"]) == ("submitted", resubmitted["self_score"])
    event_types = [
        event["type"] for event in expect_success(await scenario.bureau.get(f"{address}/history"))["items"]
    ]
    assert event_types.count("project.evaluated") == 5


async def test_projects_are_ranked_with_links_to_their_rows(scenario: ProjectScenario) -> None:
    late = await create_self_evaluated_project(
        scenario, scenario.town, name="迟建项目", planned_end="2024-06-01"
    )
    best = await create_self_evaluated_project(scenario, scenario.town, name="按期项目")
    for project_id in (late, best):
        expect_success(
            await scenario.bureau.post(
                f"/projects/{project_id}/evaluation/review", json={"opinion": "情况属实"}
            )
        )
    address = "/projects/evaluations"
    first_page = expect_success(await scenario.leader.get(address, params={"limit": 1, "state": "reviewed"}))
    next_page = {"limit": 1, "state": "reviewed", "cursor": first_page["next_cursor"]}
    second_page = expect_success(await scenario.leader.get(address, params=next_page))
    evaluations = [*first_page["items"], *second_page["items"]]
    assert [evaluation["project_id"] for evaluation in evaluations] == [best, late]
    for filters in ({"year": 2023}, {"category": "3"}, {"region": "620602101000"}):
        assert expect_success(await scenario.leader.get(address, params=filters))["items"] == []
    grades = expect_success(await scenario.leader.get(f"{address}/summary"))
    assert (grades["reviewed"], grades["waiting"]) == (2, 0)
    for item in grades["items"]:
        rows = expect_success(await scenario.leader.get(item["rows"].removeprefix("/api/v1")))["items"]
        assert len(rows) == item["count"]
    export = await scenario.leader.get(f"{address}/export", params={"state": "reviewed"})
    table = CalamineWorkbook.from_filelike(io.BytesIO(export.content)).get_sheet_by_index(0).to_python()
    score_column = table[2].index("得分")
    assert [row[score_column] for row in table[3:]] == [
        float(evaluation["score"]) for evaluation in evaluations
    ]


async def test_payment_after_the_self_evaluation_counts_at_the_review(scenario: ProjectScenario) -> None:
    project_id = await create_finished_project(scenario)
    before = expect_success(
        await scenario.town.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY)
    )
    await scenario.deliver_money_event(project_id, "1000000.00", "payment.paid")
    scenario.clock.advance(timedelta(days=1))
    review = f"/projects/{project_id}/evaluation/review"
    after = expect_success(await scenario.bureau.post(review, json={"opinion": "资金已全部支付"}))
    assert float(after["score"]) - float(before["score"]) == pytest.approx(20.0)


async def test_an_edited_score_sheet_must_have_weights_of_100(scenario: ProjectScenario) -> None:
    (rule,) = expect_success(await scenario.bureau.get("/projects/rules?prefix=evaluation.sheet"))
    value = {**rule["value"], "items": rule["value"]["items"][:-1]}
    body = {
        "key": "evaluation.sheet",
        "title": "项目评价评分表",
        "value": value,
        "effective_from": "2024-01-01",
        "basis": "凉州区项目评价办法 凉振发〔2024〕4号",
        "confirmed": True,
        "region": "620602000000",
    }
    answer = await scenario.bureau.post("/projects/rules", json=body)
    assert answer.status_code == 422
    assert "权重合计 90" in answer.text
    with pytest.raises(ValidationError):
        ScoreSheet.model_validate({**rule["value"], "grades": rule["value"]["grades"][:2]})
