"""What was issued moves, is split and is taken back only by amendment plans."""

from typing import Any
from uuid import UUID

from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary


async def create_amendment(desk: FundsScenario, *lines: dict[str, Any]) -> Any:
    """An amendment plan in draft."""
    return await desk.create_plan(*lines, kind="amendment", title="2024年第一批调整方案")


async def create_allocated_project(desk: FundsScenario, library: FakeProjectLibrary) -> tuple[Any, Any]:
    """A document of 1,000 元 and the 600 元 of it that a project was given."""
    source = await desk.create_source(1000_00)
    first = library.create_project("机井")
    plan = await desk.create_plan(build_line(first, source["id"], 600_00))
    (given,) = await desk.issue_plan(plan["id"])
    return source, given


async def test_money_is_taken_back_to_its_source(desk: FundsScenario, library: FakeProjectLibrary) -> None:
    source, given = await create_allocated_project(desk, library)
    back = build_line(given["project_id"], source["id"], -200_00, allocation_id=given["id"])
    plan = await create_amendment(desk, back)
    await desk.approve_plan(plan["id"])
    held = await desk.get_totals(source_id=source["id"])
    assert (held["available"], held["planned"], held["allocated"]) == (600_00, 200_00, 400_00)
    await desk.post_plan_notice(plan["id"])
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "issue"))
    held = await desk.get_totals(source_id=source["id"])
    assert (held["available"], held["planned"], held["allocated"]) == (600_00, 0, 400_00)
    detail = expect_ok(await desk.leader.get(f"/funds/allocations/{given['id']}"))
    assert (detail["amount"], detail["figures"]["allocated"]) == ("600.00", "400.00")
    events = expect_ok(await desk.auditor.get("/funds/events"))["items"]
    (recalled,) = [one for one in events if one["type"] == "allocation.recalled"]
    assert (recalled["after"]["amount"], recalled["subject"]) == ("200.00", given["id"])
    await desk.check_balanced()


async def test_money_moves_from_one_project_to_another_without_leaving_its_source(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, given = await create_allocated_project(desk, library)
    other = library.create_project("道路")
    plan = await create_amendment(
        desk,
        build_line(given["project_id"], source["id"], -600_00, allocation_id=given["id"]),
        build_line(other, source["id"], 600_00),
    )
    await desk.issue_plan(plan["id"])
    assert (await desk.get_totals(project_id=given["project_id"]))["allocated"] == 0
    assert (await desk.get_totals(project_id=str(other)))["allocated"] == 600_00
    assert (await desk.get_totals())["available"] == 400_00
    await desk.check_balanced()


async def test_a_line_is_split_between_given_project_and_takes_more_from_the_source(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, given = await create_allocated_project(desk, library)
    plan = await create_amendment(
        desk,
        build_line(given["project_id"], source["id"], -600_00, allocation_id=given["id"]),
        build_line(library.create_project("东段"), source["id"], 500_00),
        build_line(library.create_project("西段"), source["id"], 300_00),
    )
    await desk.issue_plan(plan["id"])
    assert await desk.get_totals() == {
        "received": 1000_00,
        "available": 200_00,
        "planned": 0,
        "allocated": 800_00,
        "unpaid": 800_00,
        "applied": 0,
        "paid": 0,
    }
    await desk.check_balanced()


async def test_what_is_applied_for_or_paid_cannot_be_taken_back(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, given = await create_allocated_project(desk, library)
    library.update_project(get_project_id(given), state="under_construction", physical_percent=100)
    payment = await desk.create_payment(given["id"], 500_00)
    expect_ok(await desk.transition_payment(desk.town, payment["id"], "submit"))
    plan = await create_amendment(
        desk, build_line(given["project_id"], source["id"], -100_01, allocation_id=given["id"])
    )
    problem = expect_refusal(
        await desk.transition_plan(desk.bureau, plan["id"], "submit"), 409, "plan.within_source"
    )
    assert "只有 100.00 元可收回, 超出 0.01 元" in problem["detail"]


async def test_a_take_back_that_lost_the_race_is_refused_at_approval(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, given = await create_allocated_project(desk, library)
    plan = await create_amendment(
        desk, build_line(given["project_id"], source["id"], -600_00, allocation_id=given["id"])
    )
    expect_ok(await desk.transition_plan(desk.bureau, plan["id"], "submit"))
    library.update_project(get_project_id(given), state="under_construction", physical_percent=100)
    payment = await desk.create_payment(given["id"], 1)
    expect_ok(await desk.transition_payment(desk.town, payment["id"], "submit"))
    decision = {"decision_no": "〔2024〕6号", "decision_on": "2024-05-20"}
    expect_refusal(await desk.transition_plan(desk.finance, plan["id"], "approve", **decision), 409)
    await desk.check_balanced()


async def test_the_allocation_named_must_be_of_the_same_project_and_source(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, given = await create_allocated_project(desk, library)
    body = {
        "region": source["region"],
        "kind": "amendment",
        "title": "调整方案",
        "year": 2024,
        "lines": [build_line(library.create_project("道路"), source["id"], -1_00, allocation_id=given["id"])],
    }
    expect_refusal(await desk.bureau.post("/funds/plans", json=body), 422, "other_allocation")


async def test_a_cancelled_amendment_gives_everything_back_as_it_was(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source, given = await create_allocated_project(desk, library)
    before = await desk.get_totals()
    plan = await create_amendment(
        desk,
        build_line(given["project_id"], source["id"], -600_00, allocation_id=given["id"]),
        build_line(library.create_project("道路"), source["id"], 700_00),
    )
    await desk.approve_plan(plan["id"])
    assert await desk.get_totals() != before
    expect_ok(await desk.transition_plan(desk.finance, plan["id"], "cancel", reason="领导小组未通过"))
    assert await desk.get_totals() == before
    await desk.check_balanced()


def get_project_id(given: dict[str, Any]) -> UUID:
    """The project of an allocation as the library keys it."""
    return UUID(given["project_id"])
