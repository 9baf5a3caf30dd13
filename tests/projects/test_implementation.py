"""Implementation: money, start, progress, acceptance, suspension and termination."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.db import new_id
from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.projects.neighbour_events import DOCUMENT_NO, PLAN_ID, deliver_event


async def put_commitment(
    scenario: ProjectScenario, project_id: str, amount: str = "500000.00", key: str = ""
) -> Any:
    body = {"amount": amount, "plan_id": str(PLAN_ID), "document_no": DOCUMENT_NO}
    return await scenario.funds_client.put(f"/projects/{project_id}/commitments/{key or new_id()}", json=body)


async def test_an_allocation_plans_a_project_in_reserve_once(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    receipt = await deliver_event(
        scenario.doors,
        scenario.clock,
        "allocation.issued",
        times=3,
        project_id=project_id,
        amount="800000.00",
    )
    assert receipt == {"received": 1, "stopped": None}
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["state"], project["plan_year"], project["allocated"]) == ("planned", 2024, "800000.00")


async def test_money_for_an_unknown_project_is_refused(scenario: ProjectScenario) -> None:
    receipt = await deliver_event(
        scenario.doors, scenario.clock, "payment.paid", project_id=str(new_id()), amount="1.00"
    )
    assert receipt["stopped"]["status"] == 404


async def test_payments_refunds_and_recalls_are_counted(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    await scenario.deliver_money_event(project_id, "300000.00", "payment.paid")
    await scenario.deliver_money_event(project_id, "50000.00", "payment.refunded")
    await scenario.deliver_money_event(project_id, "200000.00", "allocation.recalled")
    await scenario.deliver_money_event(project_id, "200000.00", "asset.handed_over")
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["allocated"], project["paid"]) == ("800000.00", "250000.00")


async def test_registering_a_commitment_is_idempotent(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    key = str(new_id())
    first, second = (
        await put_commitment(scenario, project_id, key=key),
        await put_commitment(scenario, project_id, key=key),
    )
    assert first.json() == second.json()
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["committed"] == "500000.00"
    out = {"reason": "不再实施", "decision_no": "9号"}
    answer = await scenario.bureau.post(f"/projects/{project_id}/withdraw", json=out)
    assert answer.json()["errors"][0]["code"] == "money_committed"
    for _ in range(2):
        expect_success(await scenario.funds_client.delete(f"/projects/{project_id}/commitments/{key}"))
    assert (
        await scenario.funds_client.delete(f"/projects/{project_id}/commitments/{new_id()}")
    ).status_code == 404
    assert (await scenario.transition_project(scenario.bureau, project_id, "withdraw", **out))[
        "state"
    ] == "withdrawn"


async def test_commitments_require_an_admitted_project_and_a_service_token(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_declared()
    assert (await put_commitment(scenario, project_id)).status_code == 409
    body = {"amount": "1.00", "plan_id": str(PLAN_ID)}
    answer = await scenario.finance.put(f"/projects/{project_id}/commitments/{new_id()}", json=body)
    assert answer.status_code == 403


async def test_issued_money_is_no_longer_only_committed(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    expect_success(await put_commitment(scenario, project_id))
    await scenario.deliver_money_event(project_id, "500000.00")
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["committed"], project["allocated"]) == ("0.00", "500000.00")
    out = {"reason": "不再实施", "decision_no": "9号"}
    answer = await scenario.bureau.post(f"/projects/{project_id}/withdraw", json=out)
    assert answer.json()["errors"][0]["code"] == "money_committed"
    await scenario.deliver_money_event(project_id, "500000.00", "allocation.recalled")
    assert (await scenario.transition_project(scenario.bureau, project_id, "withdraw", **out))[
        "state"
    ] == "withdrawn"


async def test_a_start_requires_money_plan_and_procurement(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    await scenario.transition_project(scenario.bureau, project_id, "plan")
    answer = await scenario.town.post(f"/projects/{project_id}/start", json={})
    assert [error["code"] for error in answer.json()["errors"]] == [
        "no_money",
        "no_implementation_plan",
        "no_procurement",
    ]
    await scenario.deliver_money_event(project_id)
    await scenario.attach_document(project_id, "implementation_plan", scenario.town)
    answer = await scenario.town.post(f"/projects/{project_id}/start", json={"procurement": "open_tender"})
    assert [error["code"] for error in answer.json()["errors"]] == ["no_procurement"]
    started = await scenario.transition_project(
        scenario.town, project_id, "start", procurement="village_build"
    )
    assert (started["state"], started["started_on"]) == ("started", str(scenario.today()))


async def test_progress_comes_with_a_photo_and_its_place(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    photo = await scenario.upload_file(scenario.town, "现场.jpg")
    address = f"/projects/{project_id}/progress"
    answer = await scenario.town.post(address, json={"physical_percent": 10, "photos": [{"file_id": photo}]})
    assert answer.json()["errors"][0]["code"] == "no_place"
    answer = await scenario.post_progress(project_id, 10, photos=[])
    assert answer.json()["errors"][0]["pointer"] == "/photos"
    report = expect_success(await scenario.post_progress(project_id, 30, problems="水泥供应紧张"))
    assert report["photos"][0]["lon"] == 102.9
    project = expect_success(await scenario.town.get(f"/projects/{project_id}"))
    assert (project["state"], project["physical_percent"]) == ("under_construction", 30)
    assert (await scenario.post_progress(project_id, 20)).json()["errors"][0]["code"] == "lower"
    expect_success(await scenario.post_progress(project_id, 20, reason="上次误报"))
    assert expect_success(await scenario.town.get(f"/projects/{project_id}"))["physical_percent"] == 20
    assert len(expect_success(await scenario.town.get(address))["items"]) == 2


async def test_quantities_are_compared_with_the_plan(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    done = [
        {"name": "日光温室", "amount": "7", "unit": "座"},
        {"name": "管网", "amount": "300.5", "unit": "米"},
    ]
    expect_success(await scenario.post_progress(project_id, 35, quantities=done))
    quantities = expect_success(await scenario.town.get(f"/projects/{project_id}"))["reached"]
    assert [(row["name"], row["planned"], row["done"], row["percent"]) for row in quantities] == [
        ("日光温室", "20", "7", 35),
        ("管网", "0", "300.5", None),
    ]


async def test_a_backdated_report_does_not_lower_the_progress(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_started()
    scenario.clock.advance(timedelta(days=10))
    expect_success(await scenario.post_progress(project_id, 60))
    earlier = (scenario.clock.now() - timedelta(days=5)).isoformat()
    expect_success(await scenario.post_progress(project_id, 25, happened_at=earlier))
    assert expect_success(await scenario.town.get(f"/projects/{project_id}"))["physical_percent"] == 60
    before = (scenario.clock.now() - timedelta(days=50)).isoformat()
    assert (await scenario.post_progress(project_id, 5, happened_at=before)).json()["errors"][0][
        "code"
    ] == "before_start"


async def test_acceptance_needs_report_notice_amount_and_another_person(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    expect_success(await scenario.post_progress(project_id, 90))
    answer = await scenario.town.post(f"/projects/{project_id}/complete", json={})
    assert answer.json()["errors"][0]["code"] == "not_built"
    expect_success(await scenario.post_progress(project_id, 100))
    await scenario.transition_project(scenario.bureau, project_id, "complete")
    other = scenario.projects.client_as("bureau", person="other")
    answer = await other.post(f"/projects/{project_id}/accept", json={})
    assert [error["code"] for error in answer.json()["errors"]] == [
        "no_acceptance",
        "no_settlement",
        "notice_none",
    ]
    await scenario.attach_document(project_id, "acceptance", other)
    await scenario.post_notice(scenario.town, project_id, "completion")
    body = {
        "settled": "980000.00",
        "built": [{"name": "温室", "asset_class": "operating", "value": "980000.01"}],
    }
    answer = await other.post(f"/projects/{project_id}/accept", json=body)
    assert [error["code"] for error in answer.json()["errors"]] == ["built_above_settled"]
    assert (
        await scenario.bureau.post(f"/projects/{project_id}/accept", json={"settled": "1.00"})
    ).status_code == 403
    body["built"] = [{"name": "温室20座", "asset_class": "operating", "value": "980000.00"}]
    assert (
        expect_success(await other.post(f"/projects/{project_id}/accept", json=body))["state"] == "accepted"
    )
    items = expect_success(await scenario.bureau.get(f"/projects/{project_id}/history"))["items"]
    (accepted,) = [item["after"] for item in items if item["type"] == "project.accepted"]
    assert (accepted["settled"], accepted["built"][0]["name"]) == ("980000.00", "温室20座")
    assert (accepted["lon"], accepted["code"]) == (None, "620602-2024-00001")


async def list_missing_codes(client: httpx.AsyncClient, project_id: str) -> set[str]:
    preview = expect_success(await client.post(f"/projects/{project_id}/accept?dry_run=true", json={}))
    return {error["code"] for error in preview["missing"]}


async def test_who_started_the_works_does_not_accept_them(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_in_reserve()
    await scenario.deliver_money_event(project_id)
    for kind in ("implementation_plan", "procurement"):
        await scenario.attach_document(project_id, kind, scenario.bureau)
    await scenario.transition_project(scenario.bureau, project_id, "start", procurement="small_works")
    await scenario.finish_project(project_id)
    colleague = scenario.projects.client_as("bureau", person="colleague")

    answer = await scenario.bureau.post(f"/projects/{project_id}/accept", json={"settled": "980000.00"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "own_works")
    assert "own_works" in await list_missing_codes(scenario.bureau, project_id)
    assert "own_works" not in await list_missing_codes(colleague, project_id)
    for client, waiting in ((scenario.bureau, 0), (colleague, 1)):
        items = expect_success(await client.get("/projects/inbox?state=completed"))["items"]
        assert len(items) == waiting


async def test_who_reported_progress_does_not_accept_the_works(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    expect_success(await scenario.post_progress(project_id, 40, by=scenario.bureau))
    await scenario.finish_project(project_id)
    colleague = scenario.projects.client_as("bureau", person="colleague")

    answer = await scenario.bureau.post(f"/projects/{project_id}/accept", json={"settled": "980000.00"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "own_works")
    await scenario.attach_document(project_id, "acceptance", colleague)
    await scenario.post_notice(scenario.town, project_id, "completion")
    accepted = await scenario.transition_project(colleague, project_id, "accept", settled="980000.00")
    assert accepted["state"] == "accepted"


async def test_who_suspended_and_resumed_the_works_accepts_them(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    for action in ("suspend", "resume"):
        await scenario.transition_project(scenario.bureau, project_id, action, reason="汛期")
    await scenario.finish_project(project_id)
    assert "own_works" not in await list_missing_codes(scenario.bureau, project_id)


async def test_acceptance_without_a_list_leaves_the_asset_to_the_register(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_accepted()
    items = expect_success(await scenario.bureau.get(f"/projects/{project_id}/history"))["items"]
    (accepted,) = [item["after"] for item in items if item["type"] == "project.accepted"]
    assert (accepted["built"], accepted["settled"]) == ([], "980000.00")


async def test_suspension_goes_back_to_where_it_was(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    assert (await scenario.bureau.post(f"/projects/{project_id}/suspend", json={})).status_code == 409
    await scenario.transition_project(scenario.bureau, project_id, "suspend", reason="冬季停工")
    assert (await scenario.post_progress(project_id, 10)).status_code == 409
    assert (await scenario.transition_project(scenario.bureau, project_id, "resume", reason="复工"))[
        "state"
    ] == "started"
    expect_success(await scenario.post_progress(project_id, 10))
    await scenario.transition_project(scenario.bureau, project_id, "suspend", reason="资金未到")
    assert (await scenario.transition_project(scenario.bureau, project_id, "resume", reason="复工"))[
        "state"
    ] == "under_construction"


async def test_a_started_project_is_terminated_after_its_money_is_settled(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    await scenario.deliver_money_event(project_id, "400000.00", "payment.paid")
    out = {"reason": "地质灾害", "decision_no": "10号"}
    answer = await scenario.bureau.post(f"/projects/{project_id}/terminate", json=out)
    assert answer.json()["errors"][0]["code"] == "money_committed"
    await scenario.deliver_money_event(project_id, "600000.00", "allocation.recalled")
    answer = await scenario.bureau.post(f"/projects/{project_id}/terminate", json={"reason": "地质灾害"})
    assert answer.json()["errors"][0]["code"] == "no_document"
    assert (await scenario.transition_project(scenario.bureau, project_id, "terminate", **out))[
        "state"
    ] == "terminated"
    assert (await scenario.clerk.patch(f"/projects/{project_id}", json={"remark": "x"})).status_code == 428


@pytest.mark.parametrize("points", ["-1", "100.1", "9.555", "many"])
async def test_points_of_a_self_evaluation_are_between_0_and_100(
    scenario: ProjectScenario, points: str
) -> None:
    body = {"text": "完成", "items": [{"code": "quality", "points": points, "reason": "验收合格"}]}
    answer = await scenario.town.put(f"/projects/{uuid4()}/self-evaluation", json=body)
    assert answer.status_code == 422
