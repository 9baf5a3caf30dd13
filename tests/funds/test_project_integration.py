"""Funds with the real projects service: registration, events, and either side unavailable in between."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.funds.commitments import service as commitments
from services.funds.commitments.service import reconcile_commitments
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.projects.factories_projects import ProjectScenario


@pytest.fixture
def steps(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)


@pytest.fixture
def real(door: Callable[[str], ServiceUnderTest]) -> FundsScenario:
    """The scenario with the real projects service; the fake library must not be called."""
    return FundsScenario(door("funds"), FakeProjectLibrary())


async def get_project(steps: ProjectScenario, project: str) -> Any:
    return expect_ok(await steps.bureau.get(f"/projects/{project}"))


async def list_committed_amounts(steps: ProjectScenario, project: str) -> list[str]:
    """Amounts registered for a project, in 元."""
    commitments = expect_ok(await steps.bureau.get(f"/projects/{project}/commitments"))
    return [item["amount"] for item in commitments if item["released_at"] is None]


async def create_approved_plan(
    scenario: FundsScenario, steps: ProjectScenario, project: Any, amount: int = 1_000_000_00
) -> Any:
    """Create and approve a plan for one project."""
    source = await scenario.create_source(amount)
    plan = await scenario.create_plan(build_line(project, source["id"], amount))
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    decision = {"decision_no": "凉财农〔2024〕5号", "decision_on": str(steps.today())}
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **decision))
    return plan


async def issue_plan(scenario: FundsScenario, steps: ProjectScenario, plan: Any) -> Any:
    """Post the notice for ten days, issue the plan and deliver its events."""
    notice = {"level": "allocation", "places": ["网站"], "starts_on": str(steps.today())}
    expect_ok(await scenario.bureau.post(f"/funds/plans/{plan['id']}/notices", json=notice), 201)
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "notice"))
    steps.clock.advance(timedelta(days=11))
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "issue"))
    await steps.doors.deliver_events()
    (allocation,) = expect_ok(
        await scenario.finance.get("/funds/allocations", params={"plan_id": plan["id"]})
    )["items"]
    return allocation


async def test_a_project_is_planned_funded_built_and_paid_through_both_services(
    real: FundsScenario, steps: ProjectScenario
) -> None:
    project = await steps.create_in_reserve()
    plan = await create_approved_plan(real, steps, project)
    assert await list_committed_amounts(steps, project) == ["1000000.00"]
    allocation = await issue_plan(real, steps, plan)
    project_read = await get_project(steps, project)
    assert (project_read["state"], project_read["allocated"]) == ("planned", "1000000.00")
    await steps.start_project(project)
    expect_ok(await steps.post_progress(project, 40), 201)
    await steps.doors.deliver_events()
    payment = await real.create_payment(allocation["id"], 400_000_00)
    checks = expect_ok(await real.leader.get(f"/funds/payments/{payment['id']}/checks"))
    progress = next(finding for finding in checks["findings"] if finding["key"] == "payment.progress")
    assert (progress["passed"], progress["figures"]["形象进度%"]) == (True, "40")
    expect_ok(await real.transition_payment(real.town, payment["id"], "submit"))
    expect_ok(await real.transition_payment(real.reviewer, payment["id"], "review"))
    expect_ok(await real.transition_payment(real.finance, payment["id"], "approve"))
    voucher = {"voucher_no": "2024-000123", "paid_on": str(steps.today())}
    expect_ok(await real.transition_payment(real.cashier, payment["id"], "pay", **voucher))
    await steps.doors.deliver_events()
    assert (await get_project(steps, project))["paid"] == "400000.00"
    over = await real.create_payment(allocation["id"], 600_000_01)
    expect_refusal(await real.transition_payment(real.town, over["id"], "submit"), 409, "over_allocation")
    hall = await real.create_payment(allocation["id"], 100_00, purpose="修建村委会办公楼工程款")
    assert expect_ok(await real.transition_payment(real.town, hall["id"], "submit"))["screened"] == "block"
    expect_refusal(await real.transition_payment(real.reviewer, hall["id"], "review"), 409, "purpose_blocked")
    await real.check_balanced()


async def test_a_project_not_in_the_library_yet_gets_nothing(
    real: FundsScenario, steps: ProjectScenario
) -> None:
    project = await steps.create_in_approval()
    source = await real.create_source(100_00)
    plan = await real.create_plan(build_line(project, source["id"], 100_00))
    expect_refusal(await real.transition_plan(real.bureau, plan["id"], "submit"), 409, "plan.library")


async def test_a_funded_project_cannot_leave_the_library_behind_finances_back(
    real: FundsScenario, steps: ProjectScenario
) -> None:
    project = await steps.create_in_reserve()
    plan = await create_approved_plan(real, steps, project)
    answer = await steps.bureau.post(f"/projects/{project}/withdraw", json={"reason": "不再实施"})
    assert answer.status_code == 409, answer.text
    expect_ok(await real.transition_plan(real.finance, plan["id"], "cancel", reason="不再实施"))
    assert await reconcile_commitments(real.door.context) == (1, 0)
    assert await list_committed_amounts(steps, project) == []
    second_plan = await create_approved_plan(real, steps, project)
    assert second_plan["id"] != plan["id"]
    assert await list_committed_amounts(steps, project) == ["1000000.00"]


async def test_an_approval_that_was_undone_can_be_made_again(
    real: FundsScenario, steps: ProjectScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await steps.create_in_reserve()
    source = await real.create_source(100_00)
    plan = await real.create_plan(build_line(project, source["id"], 100_00))
    expect_ok(await real.transition_plan(real.bureau, plan["id"], "submit"))
    decision = {"decision_no": "凉财农〔2024〕5号", "decision_on": str(steps.today())}

    async def die(*_: object) -> None:
        raise RuntimeError("the process dies before it decides")

    with monkeypatch.context() as dead:
        dead.setattr(commitments, "confirm_commitments", die)
        answer = await real.transition_plan(real.finance, plan["id"], "approve", **decision)
        assert answer.status_code == 500
    assert await list_committed_amounts(steps, project) == ["100.00"]
    steps.clock.advance(timedelta(minutes=3))
    assert await reconcile_commitments(real.door.context) == (1, 0)
    assert await list_committed_amounts(steps, project) == []
    expect_ok(await real.transition_plan(real.finance, plan["id"], "approve", **decision))
    assert await list_committed_amounts(steps, project) == ["100.00"]
    await real.check_balanced()


async def test_a_recall_is_told_and_the_library_knows_what_is_left(
    real: FundsScenario, steps: ProjectScenario
) -> None:
    project = await steps.create_in_reserve()
    allocation = await issue_plan(real, steps, await create_approved_plan(real, steps, project))
    recall = build_line(project, allocation["source_id"], -400_000_00, allocation_id=allocation["id"])
    plan = await real.create_plan(recall, kind="amendment", title="调整方案")
    expect_ok(await real.transition_plan(real.bureau, plan["id"], "submit"))
    decision = {"decision_no": "凉财农〔2024〕6号", "decision_on": str(steps.today())}
    expect_ok(await real.transition_plan(real.finance, plan["id"], "approve", **decision))
    notice = {"level": "allocation", "places": ["网站"], "starts_on": str(steps.today())}
    expect_ok(await real.bureau.post(f"/funds/plans/{plan['id']}/notices", json=notice), 201)
    expect_ok(await real.transition_plan(real.bureau, plan["id"], "notice"))
    steps.clock.advance(timedelta(days=11))
    expect_ok(await real.transition_plan(real.finance, plan["id"], "issue"))
    await steps.doors.deliver_events()
    assert (await get_project(steps, project))["allocated"] == "600000.00"


async def test_a_table_is_matched_with_the_real_library(real: FundsScenario, steps: ProjectScenario) -> None:
    project = await steps.create_in_reserve(name="新店村日光温室")
    source = await real.create_source(100_0000_00)
    table = "项目名称,实施地点,金额(万元)\n新店村日光温室,黄羊镇新店村三组,100\n".encode()
    params: dict[str, Any] = {
        "region": source["region"],
        "title": "分配计划",
        "year": 2024,
        "source_id": [source["id"]],
        "announced_total": "1000000.00",
    }
    taken = expect_ok(await real.bureau.post("/funds/imports", params=params, content=table))
    assert [line["project_id"] for line in taken["lines"]] == [project]
    expect_ok(await real.transition_plan(real.bureau, taken["plan_id"], "submit"))
