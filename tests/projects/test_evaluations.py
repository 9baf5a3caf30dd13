"""A project is judged by its records where there are any, by people with a reason where not, and by two of them."""

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
    return {one["code"]: one["points"] for one in items}


async def create_finished_project(steps: ProjectScenario, **changes: Any) -> str:
    dates = {"planned_start": "2024-05-01", "planned_end": "2024-08-01"}
    project_id = await steps.create_started(**{**dates, **changes})
    quantities = [{"name": "日光温室", "amount": "18", "unit": "座"}]
    expect_success(await steps.post_progress(project_id, 90, quantities=quantities))
    await steps.finish_project(project_id)
    return project_id


async def test_the_records_score_what_they_can_and_every_figure_opens_to_its_rows(
    steps: ProjectScenario,
) -> None:
    project_id = await create_finished_project(steps)
    await steps.deliver_money_event(project_id, "750000.00", "payment.paid")
    asked = expect_success(await steps.town.get(f"/projects/{project_id}/evaluation"))
    assert (asked["evaluation"], asked["score_now"]) == (None, None)
    assert {one["code"] for one in asked["missing"]} == {"unscored"}
    assert points_by_code(asked["now"]) == {
        "targets": "22.50",  # 18 of 20 glasshouses, a report without quantities takes nothing back
        "time": "15.00",
        "money": "15.00",  # three quarters paid
        "quality": None,
        "benefit": None,
        "records": "3.33",  # two of six documents
    }
    for one in asked["now"]:
        for address in one["rows"]:
            if address.startswith("/api/v1/projects"):
                expect_success(await steps.leader.get(address.removeprefix("/api/v1")))
    scored = expect_success(
        await steps.town.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY)
    )
    assert (scored["score"], scored["grade_label"], scored["state"]) == ("83.33", "良", "submitted")
    found = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (found["evaluation"]["score"], found["evaluation"]["state"]) == ("83.33", "submitted")


async def test_an_item_the_records_answer_is_not_given_and_the_others_need_a_reason(
    steps: ProjectScenario,
) -> None:
    project_id = await create_finished_project(steps)
    address = f"/projects/{project_id}/self-evaluation"

    async def codes(*items: dict[str, str]) -> list[str]:
        answer = await steps.town.put(address, json={"text": "完成", "items": list(items)})
        assert answer.status_code == 422, answer.text
        return [one["code"] for one in answer.json()["errors"]]

    quality = {"code": "quality", "points": "14", "reason": "验收合格"}
    assert await codes(quality) == ["unscored"]
    assert await codes(quality, {"code": "benefit", "points": "16", "reason": "满意度高"}) == ["above_weight"]
    assert "computed" in await codes({"code": "time", "points": "15", "reason": "按期完工"})
    assert "no_item" in await codes({"code": "beauty", "points": "1", "reason": "好看好看"})
    assert "twice" in await codes(quality, quality)
    assert (await steps.bureau.get(f"/projects/{project_id}")).json()["evaluation"] == {}
    assert (await steps.clerk.put(address, json=SELF_EVALUATION_BODY)).status_code == 403
    early = await steps.create_started(name="未完工项目")
    answer = await steps.town.put(f"/projects/{early}/self-evaluation", json=SELF_EVALUATION_BODY)
    assert answer.status_code == 409


async def create_self_evaluated_project(steps: ProjectScenario, by: httpx.AsyncClient, **changes: Any) -> str:
    project_id = await create_finished_project(steps, **changes)
    expect_success(await by.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY))
    return project_id


async def test_another_person_reviews_and_sends_back(steps: ProjectScenario) -> None:
    project_id = await create_self_evaluated_project(steps, steps.bureau)
    address, said = f"/projects/{project_id}", {"opinion": "情况属实"}
    review = f"{address}/evaluation/review"
    assert (await steps.bureau.post(review, json=said)).status_code == 403  # four eyes
    assert expect_success(await steps.bureau.get("/projects/inbox/counts"))["evaluations"] == 0
    expect_success(await steps.town.put(f"{address}/self-evaluation", json=SELF_EVALUATION_BODY))
    assert expect_success(await steps.bureau.get("/projects/inbox/counts"))["evaluations"] == 1
    assert (await steps.bureau.post(review, json={})).json()["errors"][0]["code"] == "no_opinion"
    assert expect_success(await steps.bureau.post(f"{review}?dry_run=true", json=said))["allowed"] is True
    lower = {**said, "items": [{"code": "quality", "points": "5", "reason": "墙面开裂, 限期整改"}]}
    reviewed = expect_success(await steps.bureau.post(review, json=lower))
    assert reviewed["state"] == "reviewed"
    assert float(reviewed["self_score"]) - float(reviewed["score"]) == pytest.approx(9.0)
    assert (await steps.town.put(f"{address}/self-evaluation", json=SELF_EVALUATION_BODY)).status_code == 409
    back = f"{address}/evaluation/return"
    assert (await steps.bureau.post(back, json={})).status_code == 409
    assert (
        expect_success(await steps.bureau.post(back, json={"reason": "已整改, 请重评"}))["state"]
        == "returned"
    )
    again = expect_success(await steps.town.put(f"{address}/self-evaluation", json=SELF_EVALUATION_BODY))
    assert (again["state"], again["score"]) == ("submitted", again["self_score"])
    kinds = [one["type"] for one in expect_success(await steps.bureau.get(f"{address}/history"))["items"]]
    assert kinds.count("project.evaluated") == 5


async def test_projects_are_ranked_and_every_figure_opens_to_its_rows(steps: ProjectScenario) -> None:
    late = await create_self_evaluated_project(steps, steps.town, name="迟建项目", planned_end="2024-06-01")
    best = await create_self_evaluated_project(steps, steps.town, name="按期项目")
    for project_id in (late, best):
        expect_success(
            await steps.bureau.post(f"/projects/{project_id}/evaluation/review", json={"opinion": "情况属实"})
        )
    listed = "/projects/evaluations"
    ranked = expect_success(await steps.leader.get(listed, params={"limit": 1, "state": "reviewed"}))
    more = {"limit": 1, "state": "reviewed", "cursor": ranked["next_cursor"]}
    rest = expect_success(await steps.leader.get(listed, params=more))
    both = [*ranked["items"], *rest["items"]]
    assert [one["project_id"] for one in both] == [best, late]
    for narrower in ({"year": 2023}, {"category": "3"}, {"region": "620602101000"}):
        assert expect_success(await steps.leader.get(listed, params=narrower))["items"] == []
    grades = expect_success(await steps.leader.get(f"{listed}/summary"))
    assert (grades["reviewed"], grades["waiting"]) == (2, 0)
    for one in grades["items"]:
        rows = expect_success(await steps.leader.get(one["rows"].removeprefix("/api/v1")))["items"]
        assert len(rows) == one["count"]
    book = await steps.leader.get(f"{listed}/export", params={"state": "reviewed"})
    table = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    at = table[2].index("得分")
    assert [row[at] for row in table[3:]] == [float(one["score"]) for one in both]


async def test_payment_after_the_self_evaluation_counts_at_the_review(steps: ProjectScenario) -> None:
    project_id = await create_finished_project(steps)
    before = expect_success(
        await steps.town.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY)
    )
    await steps.deliver_money_event(project_id, "1000000.00", "payment.paid")
    steps.clock.advance(timedelta(days=1))
    review = f"/projects/{project_id}/evaluation/review"
    after = expect_success(await steps.bureau.post(review, json={"opinion": "资金已全部支付"}))
    assert float(after["score"]) - float(before["score"]) == pytest.approx(20.0)


async def test_a_district_edits_the_sheet_but_its_weights_stay_whole(steps: ProjectScenario) -> None:
    (rule,) = expect_success(await steps.bureau.get("/projects/rules?prefix=evaluation.sheet"))
    value = {**rule["value"], "items": rule["value"]["items"][:-1]}
    body = {
        "key": "evaluation.sheet",
        "title": "项目评价评分表",
        "value": value,
        "effective_from": "2024-01-01",
        "basis": "凉州区项目评价办法",
        "confirmed": True,
        "region": "620602000000",
    }
    answer = await steps.bureau.post("/projects/rules", json=body)
    assert answer.status_code == 422
    assert "权重合计 90" in answer.text
    with pytest.raises(ValidationError):
        ScoreSheet.model_validate({**rule["value"], "grades": rule["value"]["grades"][:2]})
