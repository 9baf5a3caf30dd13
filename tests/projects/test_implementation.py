"""From money to the closed file, and the ways out."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.db import new_id
from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.projects.neighbour_events import DOCUMENT_NO, PLAN_ID, deliver_event


async def put_commitment(
    steps: ProjectScenario, project_id: str, amount: str = "500000.00", key: str = ""
) -> Any:
    body = {"amount": amount, "plan_id": str(PLAN_ID), "document_no": DOCUMENT_NO}
    return await steps.funds_client.put(f"/projects/{project_id}/commitments/{key or new_id()}", json=body)


async def test_money_takes_a_project_in_reserve_into_the_plan_once(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    receipt = await deliver_event(
        steps.doors, steps.clock, "allocation.issued", times=3, project_id=project_id, amount="800000.00"
    )
    assert receipt == {"received": 1, "stopped": None}
    found = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (found["state"], found["plan_year"], found["allocated"]) == ("planned", 2024, "800000.00")


async def test_money_for_an_unknown_project_is_refused(steps: ProjectScenario) -> None:
    receipt = await deliver_event(
        steps.doors, steps.clock, "payment.paid", project_id=str(new_id()), amount="1.00"
    )
    assert receipt["stopped"]["status"] == 404


async def test_payments_refunds_and_recalls_are_counted(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    await steps.deliver_money_event(project_id, "300000.00", "payment.paid")
    await steps.deliver_money_event(project_id, "50000.00", "payment.refunded")
    await steps.deliver_money_event(project_id, "200000.00", "allocation.recalled")
    await steps.deliver_money_event(project_id, "200000.00", "asset.handed_over")
    found = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (found["allocated"], found["paid"]) == ("800000.00", "250000.00")


async def test_finance_holds_a_project_and_telling_twice_is_telling_once(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    key = str(new_id())
    first, second = (
        await put_commitment(steps, project_id, key=key),
        await put_commitment(steps, project_id, key=key),
    )
    assert first.json() == second.json()
    assert expect_success(await steps.bureau.get(f"/projects/{project_id}"))["committed"] == "500000.00"
    out = {"reason": "不再实施", "decision_no": "9号"}
    answer = await steps.bureau.post(f"/projects/{project_id}/withdraw", json=out)
    assert answer.json()["errors"][0]["code"] == "money_committed"
    for _ in range(2):
        expect_success(await steps.funds_client.delete(f"/projects/{project_id}/commitments/{key}"))
    assert (
        await steps.funds_client.delete(f"/projects/{project_id}/commitments/{new_id()}")
    ).status_code == 404
    assert (await steps.transition_project(steps.bureau, project_id, "withdraw", **out))[
        "state"
    ] == "withdrawn"


async def test_only_projects_in_the_library_are_held_and_only_by_a_service(steps: ProjectScenario) -> None:
    project_id = await steps.create_declared()
    assert (await put_commitment(steps, project_id)).status_code == 409
    body = {"amount": "1.00", "plan_id": str(PLAN_ID)}
    answer = await steps.finance.put(f"/projects/{project_id}/commitments/{new_id()}", json=body)
    assert answer.status_code == 403


async def test_issued_money_is_no_longer_only_committed(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    expect_success(await put_commitment(steps, project_id))
    await steps.deliver_money_event(project_id, "500000.00")
    found = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (found["committed"], found["allocated"]) == ("0.00", "500000.00")
    out = {"reason": "不再实施", "decision_no": "9号"}
    answer = await steps.bureau.post(f"/projects/{project_id}/withdraw", json=out)
    assert answer.json()["errors"][0]["code"] == "money_committed"
    await steps.deliver_money_event(project_id, "500000.00", "allocation.recalled")
    assert (await steps.transition_project(steps.bureau, project_id, "withdraw", **out))[
        "state"
    ] == "withdrawn"


async def test_nothing_starts_without_money_plan_and_procurement(steps: ProjectScenario) -> None:
    project_id = await steps.create_in_reserve()
    await steps.transition_project(steps.bureau, project_id, "plan")
    answer = await steps.town.post(f"/projects/{project_id}/start", json={})
    assert [one["code"] for one in answer.json()["errors"]] == [
        "no_money",
        "no_implementation_plan",
        "no_procurement",
    ]
    await steps.deliver_money_event(project_id)
    await steps.attach_document(project_id, "implementation_plan", steps.town)
    answer = await steps.town.post(f"/projects/{project_id}/start", json={"procurement": "open_tender"})
    assert [one["code"] for one in answer.json()["errors"]] == ["no_procurement"]
    started = await steps.transition_project(steps.town, project_id, "start", procurement="village_build")
    assert (started["state"], started["started_on"]) == ("started", str(steps.today()))


async def test_progress_comes_with_a_photo_and_its_place(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    photo = await steps.upload_file(steps.town, "现场.jpg")
    address = f"/projects/{project_id}/progress"
    answer = await steps.town.post(address, json={"physical_percent": 10, "photos": [{"file_id": photo}]})
    assert answer.json()["errors"][0]["code"] == "no_place"
    answer = await steps.post_progress(project_id, 10, photos=[])
    assert answer.json()["errors"][0]["pointer"] == "/photos"
    made = expect_success(await steps.post_progress(project_id, 30, problems="水泥供应紧张"))
    assert made["photos"][0]["lon"] == 102.9
    found = expect_success(await steps.town.get(f"/projects/{project_id}"))
    assert (found["state"], found["physical_percent"]) == ("under_construction", 30)
    assert (await steps.post_progress(project_id, 20)).json()["errors"][0]["code"] == "lower"
    expect_success(await steps.post_progress(project_id, 20, reason="上次误报"))
    assert expect_success(await steps.town.get(f"/projects/{project_id}"))["physical_percent"] == 20
    assert len(expect_success(await steps.town.get(address))["items"]) == 2


async def test_quantities_stand_beside_the_plan(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    done = [
        {"name": "日光温室", "amount": "7", "unit": "座"},
        {"name": "管网", "amount": "300.5", "unit": "米"},
    ]
    expect_success(await steps.post_progress(project_id, 35, quantities=done))
    found = expect_success(await steps.town.get(f"/projects/{project_id}"))["reached"]
    assert [(one["name"], one["planned"], one["done"], one["percent"]) for one in found] == [
        ("日光温室", "20", "7", 35),
        ("管网", "0", "300.5", None),
    ]


async def test_a_late_report_of_an_earlier_day_does_not_put_the_project_back(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    steps.clock.advance(timedelta(days=10))
    expect_success(await steps.post_progress(project_id, 60))
    earlier = (steps.clock.now() - timedelta(days=5)).isoformat()
    expect_success(await steps.post_progress(project_id, 25, happened_at=earlier))
    assert expect_success(await steps.town.get(f"/projects/{project_id}"))["physical_percent"] == 60
    before = (steps.clock.now() - timedelta(days=50)).isoformat()
    assert (await steps.post_progress(project_id, 5, happened_at=before)).json()["errors"][0][
        "code"
    ] == "before_start"


async def test_acceptance_needs_report_notice_amount_and_another_person(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    expect_success(await steps.post_progress(project_id, 90))
    answer = await steps.town.post(f"/projects/{project_id}/complete", json={})
    assert answer.json()["errors"][0]["code"] == "not_built"
    expect_success(await steps.post_progress(project_id, 100))
    await steps.transition_project(steps.bureau, project_id, "complete")
    other = steps.projects.client_as("bureau", person="other")
    answer = await other.post(f"/projects/{project_id}/accept", json={})
    assert [one["code"] for one in answer.json()["errors"]] == [
        "no_acceptance",
        "no_settlement",
        "notice_none",
    ]
    await steps.attach_document(project_id, "acceptance", other)
    await steps.post_notice(steps.town, project_id, "completion")
    body = {
        "settled": "980000.00",
        "built": [{"name": "温室", "asset_class": "operating", "value": "980000.01"}],
    }
    answer = await other.post(f"/projects/{project_id}/accept", json=body)
    assert [one["code"] for one in answer.json()["errors"]] == ["built_above_settled"]
    assert (
        await steps.bureau.post(f"/projects/{project_id}/accept", json={"settled": "1.00"})
    ).status_code == 403
    body["built"] = [{"name": "温室20座", "asset_class": "operating", "value": "980000.00"}]
    assert (
        expect_success(await other.post(f"/projects/{project_id}/accept", json=body))["state"] == "accepted"
    )
    items = expect_success(await steps.bureau.get(f"/projects/{project_id}/history"))["items"]
    (accepted,) = [one["after"] for one in items if one["type"] == "project.accepted"]
    assert (accepted["settled"], accepted["built"][0]["name"]) == ("980000.00", "温室20座")
    assert (accepted["lon"], accepted["code"]) == (None, "620602-2024-00001")


async def test_what_was_built_is_one_thing_when_the_report_lists_none(steps: ProjectScenario) -> None:
    project_id = await steps.create_accepted()
    (thing,) = expect_success(await steps.bureau.get(f"/projects/{project_id}"))["built"]
    assert (thing["asset_class"], thing["value"]) == ("operating", "980000.00")


async def test_suspension_goes_back_to_where_it_was(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    assert (await steps.bureau.post(f"/projects/{project_id}/suspend", json={})).status_code == 409
    await steps.transition_project(steps.bureau, project_id, "suspend", reason="冬季停工")
    assert (await steps.post_progress(project_id, 10)).status_code == 409
    assert (await steps.transition_project(steps.bureau, project_id, "resume", reason="复工"))[
        "state"
    ] == "started"
    expect_success(await steps.post_progress(project_id, 10))
    await steps.transition_project(steps.bureau, project_id, "suspend", reason="资金未到")
    assert (await steps.transition_project(steps.bureau, project_id, "resume", reason="复工"))[
        "state"
    ] == "under_construction"


async def test_a_begun_project_ends_early_when_its_money_is_settled(steps: ProjectScenario) -> None:
    project_id = await steps.create_started()
    await steps.deliver_money_event(project_id, "400000.00", "payment.paid")
    out = {"reason": "地质灾害", "decision_no": "10号"}
    answer = await steps.bureau.post(f"/projects/{project_id}/terminate", json=out)
    assert answer.json()["errors"][0]["code"] == "money_committed"
    await steps.deliver_money_event(project_id, "600000.00", "allocation.recalled")
    answer = await steps.bureau.post(f"/projects/{project_id}/terminate", json={"reason": "地质灾害"})
    assert answer.json()["errors"][0]["code"] == "no_document"
    assert (await steps.transition_project(steps.bureau, project_id, "terminate", **out))[
        "state"
    ] == "terminated"
    assert (await steps.clerk.patch(f"/projects/{project_id}", json={"remark": "x"})).status_code == 428


@pytest.mark.parametrize("points", ["-1", "100.1", "9.555", "many"])
async def test_points_of_a_self_evaluation_are_between_nothing_and_a_hundred(
    steps: ProjectScenario, points: str
) -> None:
    body = {"text": "完成", "items": [{"code": "quality", "points": points, "reason": "验收合格"}]}
    answer = await steps.town.put(f"/projects/{uuid4()}/self-evaluation", json=body)
    assert answer.status_code == 422
