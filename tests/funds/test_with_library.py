"""Money and projects together: the real library is asked, told and tells; either side may be away in between."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.funds.commitments import service as commitments
from services.funds.commitments.service import reconcile
from tests.conftest import Clock
from tests.doors import Door, Doors
from tests.funds.desk import Desk, line, ok, refused
from tests.funds.library import Library
from tests.projects.steps import Steps


@pytest.fixture
def steps(doors: Doors, clock: Clock) -> Steps:
    return Steps(doors, clock)


@pytest.fixture
def real(door: Callable[[str], Door]) -> Desk:
    """The desk beside the real library; the stand-in is not asked."""
    return Desk(door("funds"), Library())


async def state(steps: Steps, project: str) -> Any:
    return ok(await steps.bureau.get(f"/projects/{project}"))


async def held(steps: Steps, project: str) -> list[str]:
    """What finance holds the project for, in 元."""
    found = ok(await steps.bureau.get(f"/projects/{project}/commitments"))
    return [one["amount"] for one in found if one["released_at"] is None]


async def approved(desk: Desk, steps: Steps, project: Any, amount: int = 1_000_000_00) -> Any:
    """A plan that was approved for one project."""
    source = await desk.source(amount)
    plan = await desk.plan(line(project, source["id"], amount))
    ok(await desk.act(desk.bureau, plan["id"], "submit"))
    decision = {"decision_no": "凉财农〔2024〕5号", "decision_on": str(steps.today())}
    ok(await desk.act(desk.finance, plan["id"], "approve", **decision))
    return plan


async def issued(desk: Desk, steps: Steps, plan: Any) -> Any:
    """On notice for its ten days, then issued and told."""
    notice = {"level": "allocation", "places": ["网站"], "starts_on": str(steps.today())}
    ok(await desk.bureau.post(f"/funds/plans/{plan['id']}/notices", json=notice), 201)
    ok(await desk.act(desk.bureau, plan["id"], "notice"))
    steps.clock.advance(timedelta(days=11))
    ok(await desk.act(desk.finance, plan["id"], "issue"))
    await steps.doors.deliver()
    (given,) = ok(await desk.finance.get("/funds/allocations", params={"plan_id": plan["id"]}))["items"]
    return given


async def test_a_project_is_planned_funded_built_and_paid_through_both_services(
    real: Desk, steps: Steps
) -> None:
    project = await steps.in_reserve()
    plan = await approved(real, steps, project)
    assert await held(steps, project) == ["1000000.00"]
    given = await issued(real, steps, plan)
    shown = await state(steps, project)
    assert (shown["state"], shown["allocated"]) == ("planned", "1000000.00")
    await steps.begin(project)
    ok(await steps.report(project, 40), 201)
    await steps.doors.deliver()
    payment = await real.draft_payment(given["id"], 400_000_00)
    checks = ok(await real.leader.get(f"/funds/payments/{payment['id']}/checks"))
    progress = next(one for one in checks["findings"] if one["key"] == "payment.progress")
    assert (progress["passed"], progress["figures"]["形象进度%"]) == (True, "40")
    ok(await real.pay_step(real.town, payment["id"], "submit"))
    ok(await real.pay_step(real.reviewer, payment["id"], "review"))
    ok(await real.pay_step(real.finance, payment["id"], "approve"))
    voucher = {"voucher_no": "2024-000123", "paid_on": str(steps.today())}
    ok(await real.pay_step(real.cashier, payment["id"], "pay", **voucher))
    await steps.doors.deliver()
    assert (await state(steps, project))["paid"] == "400000.00"
    over = await real.draft_payment(given["id"], 600_000_01)
    refused(await real.pay_step(real.town, over["id"], "submit"), 409, "over_allocation")
    hall = await real.draft_payment(given["id"], 100_00, purpose="修建村委会办公楼工程款")
    assert ok(await real.pay_step(real.town, hall["id"], "submit"))["screened"] == "block"
    refused(await real.pay_step(real.reviewer, hall["id"], "review"), 409, "purpose_blocked")
    await real.balanced()


async def test_a_project_not_in_the_library_yet_gets_nothing(real: Desk, steps: Steps) -> None:
    project = await steps.in_approval()
    source = await real.source(100_00)
    plan = await real.plan(line(project, source["id"], 100_00))
    refused(await real.act(real.bureau, plan["id"], "submit"), 409, "plan.library")


async def test_a_funded_project_cannot_leave_the_library_behind_finances_back(
    real: Desk, steps: Steps
) -> None:
    project = await steps.in_reserve()
    plan = await approved(real, steps, project)
    answer = await steps.bureau.post(f"/projects/{project}/withdraw", json={"reason": "不再实施"})
    assert answer.status_code == 409, answer.text
    ok(await real.act(real.finance, plan["id"], "cancel", reason="不再实施"))
    assert await reconcile(real.door.context) == (1, 0)
    assert await held(steps, project) == []
    again = await approved(real, steps, project)
    assert again["id"] != plan["id"]
    assert await held(steps, project) == ["1000000.00"]


async def test_an_approval_that_was_undone_can_be_made_again(
    real: Desk, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await steps.in_reserve()
    source = await real.source(100_00)
    plan = await real.plan(line(project, source["id"], 100_00))
    ok(await real.act(real.bureau, plan["id"], "submit"))
    decision = {"decision_no": "凉财农〔2024〕5号", "decision_on": str(steps.today())}

    async def die(*_: object) -> None:
        raise RuntimeError("the process dies before it decides")

    with monkeypatch.context() as dead:
        dead.setattr(commitments, "hold", die)
        answer = await real.act(real.finance, plan["id"], "approve", **decision)
        assert answer.status_code == 500
    assert await held(steps, project) == ["100.00"]
    steps.clock.advance(timedelta(minutes=3))
    assert await reconcile(real.door.context) == (1, 0)
    assert await held(steps, project) == []
    ok(await real.act(real.finance, plan["id"], "approve", **decision))
    assert await held(steps, project) == ["100.00"]
    await real.balanced()


async def test_a_recall_is_told_and_the_library_knows_what_is_left(real: Desk, steps: Steps) -> None:
    project = await steps.in_reserve()
    given = await issued(real, steps, await approved(real, steps, project))
    back = line(project, given["source_id"], -400_000_00, allocation_id=given["id"])
    plan = await real.plan(back, kind="amendment", title="调整方案")
    ok(await real.act(real.bureau, plan["id"], "submit"))
    decision = {"decision_no": "凉财农〔2024〕6号", "decision_on": str(steps.today())}
    ok(await real.act(real.finance, plan["id"], "approve", **decision))
    notice = {"level": "allocation", "places": ["网站"], "starts_on": str(steps.today())}
    ok(await real.bureau.post(f"/funds/plans/{plan['id']}/notices", json=notice), 201)
    ok(await real.act(real.bureau, plan["id"], "notice"))
    steps.clock.advance(timedelta(days=11))
    ok(await real.act(real.finance, plan["id"], "issue"))
    await steps.doors.deliver()
    assert (await state(steps, project))["allocated"] == "600000.00"


async def test_a_table_is_matched_with_the_real_library(real: Desk, steps: Steps) -> None:
    project = await steps.in_reserve(name="新店村日光温室")
    source = await real.source(100_0000_00)
    table = "项目名称,实施地点,金额(万元)\n新店村日光温室,黄羊镇新店村三组,100\n".encode()
    params: dict[str, Any] = {
        "region": source["region"],
        "title": "分配计划",
        "year": 2024,
        "source_id": [source["id"]],
        "announced_total": "1000000.00",
    }
    taken = ok(await real.bureau.post("/funds/imports", params=params, content=table))
    assert [one["project_id"] for one in taken["lines"]] == [project]
    ok(await real.act(real.bureau, taken["plan_id"], "submit"))
