"""Issued money is moved, split and taken back only by amendment plans."""

from typing import Any
from uuid import UUID

from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary


async def create_amendment(scenario: FundsScenario, *lines: dict[str, Any]) -> Any:
    """Create an amendment plan in DRAFT state."""
    return await scenario.create_plan(*lines, kind="amendment", title="2024年第一批调整方案")


async def create_allocated_project(scenario: FundsScenario, library: FakeProjectLibrary) -> tuple[Any, Any]:
    """Create a document of 1,000 元 and an allocation of 600 元 of it."""
    source = await scenario.create_source(1000_00)
    first = library.create_project("机井")
    plan = await scenario.create_plan(build_line(first, source["id"], 600_00))
    (allocation,) = await scenario.issue_plan(plan["id"])
    return source, allocation


async def test_money_is_taken_back_to_its_source(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    recall = build_line(allocation["project_id"], source["id"], -200_00, allocation_id=allocation["id"])
    plan = await create_amendment(scenario, recall)
    await scenario.approve_plan(plan["id"])
    totals = await scenario.get_totals(source_id=source["id"])
    assert (totals["available"], totals["planned"], totals["allocated"]) == (600_00, 200_00, 400_00)
    await scenario.post_plan_notice(plan["id"])
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "issue"))
    totals = await scenario.get_totals(source_id=source["id"])
    assert (totals["available"], totals["planned"], totals["allocated"]) == (600_00, 0, 400_00)
    detail = expect_ok(await scenario.leader.get(f"/funds/allocations/{allocation['id']}"))
    assert (detail["amount"], detail["figures"]["allocated"]) == ("600.00", "400.00")
    events = expect_ok(await scenario.auditor.get("/funds/events"))["items"]
    (recalled,) = [event for event in events if event["type"] == "allocation.recalled"]
    assert (recalled["after"]["amount"], recalled["subject"]) == ("200.00", allocation["id"])
    await scenario.check_balanced()


async def test_money_moves_from_one_project_to_another_without_leaving_its_source(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    other = library.create_project("道路")
    plan = await create_amendment(
        scenario,
        build_line(allocation["project_id"], source["id"], -600_00, allocation_id=allocation["id"]),
        build_line(other, source["id"], 600_00),
    )
    await scenario.issue_plan(plan["id"])
    assert (await scenario.get_totals(project_id=allocation["project_id"]))["allocated"] == 0
    assert (await scenario.get_totals(project_id=str(other)))["allocated"] == 600_00
    assert (await scenario.get_totals())["available"] == 400_00
    await scenario.check_balanced()


async def test_a_line_is_split_between_given_project_and_takes_more_from_the_source(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    plan = await create_amendment(
        scenario,
        build_line(allocation["project_id"], source["id"], -600_00, allocation_id=allocation["id"]),
        build_line(library.create_project("东段"), source["id"], 500_00),
        build_line(library.create_project("西段"), source["id"], 300_00),
    )
    await scenario.issue_plan(plan["id"])
    assert await scenario.get_totals() == {
        "received": 1000_00,
        "available": 200_00,
        "planned": 0,
        "allocated": 800_00,
        "unpaid": 800_00,
        "applied": 0,
        "paid": 0,
    }
    await scenario.check_balanced()


async def test_what_is_applied_for_or_paid_cannot_be_taken_back(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    library.update_project(get_project_id(allocation), state="under_construction", physical_percent=100)
    payment = await scenario.create_payment(allocation["id"], 500_00)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    plan = await create_amendment(
        scenario, build_line(allocation["project_id"], source["id"], -100_01, allocation_id=allocation["id"])
    )
    problem = expect_refusal(
        await scenario.transition_plan(scenario.bureau, plan["id"], "submit"), 409, "plan.within_source"
    )
    assert "只有 100.00 元可收回, 超出 0.01 元" in problem["detail"]


async def test_a_take_back_that_lost_the_race_is_refused_at_approval(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    plan = await create_amendment(
        scenario, build_line(allocation["project_id"], source["id"], -600_00, allocation_id=allocation["id"])
    )
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))
    library.update_project(get_project_id(allocation), state="under_construction", physical_percent=100)
    payment = await scenario.create_payment(allocation["id"], 1)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    decision = {"decision_no": "〔2024〕6号", "decision_on": "2024-05-20"}
    expect_refusal(await scenario.transition_plan(scenario.finance, plan["id"], "approve", **decision), 409)
    await scenario.check_balanced()


async def test_the_allocation_named_must_be_of_the_same_project_and_source(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    body = {
        "region": source["region"],
        "kind": "amendment",
        "title": "调整方案",
        "year": 2024,
        "lines": [
            build_line(library.create_project("道路"), source["id"], -1_00, allocation_id=allocation["id"])
        ],
    }
    expect_refusal(await scenario.bureau.post("/funds/plans", json=body), 422, "other_allocation")


async def test_a_cancelled_amendment_gives_everything_back_as_it_was(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, allocation = await create_allocated_project(scenario, library)
    before = await scenario.get_totals()
    plan = await create_amendment(
        scenario,
        build_line(allocation["project_id"], source["id"], -600_00, allocation_id=allocation["id"]),
        build_line(library.create_project("道路"), source["id"], 700_00),
    )
    await scenario.approve_plan(plan["id"])
    assert await scenario.get_totals() != before
    expect_ok(await scenario.transition_plan(scenario.finance, plan["id"], "cancel", reason="领导小组未通过"))
    assert await scenario.get_totals() == before
    await scenario.check_balanced()


def get_project_id(allocation: dict[str, Any]) -> UUID:
    """Project id of an allocation."""
    return UUID(allocation["project_id"])
