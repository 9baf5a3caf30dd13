"""Every yuan of a document in one call, the chain around any record, a region's year on one page."""

import pytest

from tests.clients import DISTRICT, TOWN
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary


async def test_a_document_shows_every_yuan_from_receipt_to_payment(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await desk.create_source(1000_00)
    well, road = library.create_project("机井"), library.create_project("道路")
    plan = await desk.create_plan(
        build_line(well, source["id"], 600_00), build_line(road, source["id"], 300_00)
    )
    given = await desk.issue_plan(plan["id"])
    library.update_project(well, state="under_construction", physical_percent=100)
    await desk.create_allocation(77_00)
    first = next(one for one in given if one["project_id"] == str(well))
    payment = await desk.create_paid_payment(first["id"], 250_00)
    thread = expect_ok(await desk.leader.get("/funds/thread", params={"source_id": source["id"]}))
    assert [one["id"] for one in thread["sources"]] == [source["id"]]
    assert [one["id"] for one in thread["plans"]] == [plan["id"]]
    assert {one["project_name"] for one in thread["allocations"]} == {"机井", "道路"}
    assert [one["id"] for one in thread["payments"]] == [payment["id"]]
    assert [(one["name"], one["amount"]) for one in thread["lines"]] == [
        ("机井", "600.00"),
        ("道路", "300.00"),
    ]
    assert set(thread["projects"]) == {str(well), str(road)}
    held = thread["figures"]
    assert (held["received"], held["available"]) == ("1000.00", "100.00")
    assert (held["allocated"], held["unpaid"], held["paid"]) == ("900.00", "650.00", "250.00")
    numbered = {"document_no": source["document_no"]}
    assert expect_ok(await desk.leader.get("/funds/thread", params=numbered)) == thread


async def test_a_document_number_shows_all_its_levels_of_money_and_a_town_its_own_part(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    number = {"document_no": "青财农字〔2023〕505号"}
    central = await desk.create_source(1000_00, **number)
    provincial = await desk.create_source(500_00, level="provincial", **number)
    mine, other = library.create_project(), library.create_project(region="620602101000")
    plan = await desk.create_plan(
        build_line(mine, central["id"], 600_00), build_line(other, provincial["id"], 300_00)
    )
    await desk.issue_plan(plan["id"])
    whole = expect_ok(await desk.leader.get("/funds/thread", params=number))
    assert (whole["figures"]["received"], whole["figures"]["allocated"]) == ("1500.00", "900.00")
    assert len(whole["sources"]) == 2
    part = expect_ok(await desk.town.get("/funds/thread", params=number))
    assert (part["figures"]["allocated"], len(part["allocations"])) == ("600.00", 1)
    expect_refusal(await desk.leader.get("/funds/thread", params={"document_no": "没有这个文号"}), 404)
    elsewhere = desk.door.client_as("leader", "632323000000")
    expect_refusal(await elsewhere.get("/funds/thread", params=number), 404)


@pytest.mark.parametrize("start", ["project_id", "source_id", "plan_id", "payment_id"])
async def test_the_chain_is_the_same_from_whatever_record_one_starts(desk: FundsScenario, start: str) -> None:
    given = await desk.create_allocation(1000_00)
    payment = await desk.create_paid_payment(given["id"], 250_00)
    ids = {**given, "payment_id": payment["id"]}
    thread = expect_ok(await desk.leader.get("/funds/thread", params={start: ids[start]}))
    assert [one["id"] for one in thread["allocations"]] == [given["id"]]
    assert [one["document_no"] for one in thread["sources"]] == [given["document_no"]]
    assert [one["id"] for one in thread["payments"]] == [payment["id"]]
    assert [one["id"] for one in thread["plans"]] == [given["plan_id"]]
    assert [(one["plan_id"], one["amount"]) for one in thread["lines"]] == [(given["plan_id"], "1000.00")]


async def test_a_thread_shows_what_is_only_drafted_what_was_added_and_what_came_back(
    desk: FundsScenario,
) -> None:
    given = await desk.create_allocation(1000_00)
    payment = await desk.create_paid_payment(given["id"], 250_00)
    back = {"amount": "50.00", "voucher_no": "T-1", "happened_on": "2024-05-20", "reason": "户名不符"}
    expect_ok(await desk.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=back), 201)
    more = {
        "kind": "addition",
        "amount": "300.00",
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-05-15",
    }
    expect_ok(await desk.finance.post(f"/funds/sources/{given['source_id']}/adjustments", json=more), 201)
    draft = await desk.create_plan(
        build_line(desk.library.create_project("道路"), given["source_id"], 300_00)
    )
    numbered = {"document_no": given["document_no"]}
    thread = expect_ok(await desk.leader.get("/funds/thread", params=numbered))
    assert [one["plan_id"] for one in thread["lines"]] == [given["plan_id"], draft["id"]]
    assert [one["amount"] for one in thread["adjustments"]] == ["300.00"]
    assert [(one["payment_id"], one["amount"]) for one in thread["refunds"]] == [(payment["id"], "50.00")]
    part = expect_ok(await desk.town.get("/funds/thread", params=numbered))
    assert (part["lines"], part["adjustments"], len(part["refunds"])) == ([], [], 1)


async def test_a_thread_starts_from_exactly_one_record(desk: FundsScenario) -> None:
    given = await desk.create_allocation(1000_00)
    both = {"project_id": given["project_id"], "plan_id": given["plan_id"]}
    expect_refusal(await desk.leader.get("/funds/thread", params=both), 400)
    expect_refusal(await desk.leader.get("/funds/thread"), 400)


async def test_a_project_without_money_is_an_empty_thread_not_an_error(desk: FundsScenario) -> None:
    missing = "01a20caa-a3e8-71c1-b41d-92126c065e49"
    thread = expect_ok(await desk.leader.get("/funds/thread", params={"project_id": missing}))
    assert (thread["allocations"], thread["figures"]["received"]) == ([], "0.00")
    expect_refusal(await desk.leader.get("/funds/thread", params={"source_id": missing}), 404)


async def test_a_year_on_one_page_adds_up(desk: FundsScenario, library: FakeProjectLibrary) -> None:
    central = await desk.create_source(1000_00)
    county = await desk.create_source(500_00, level="county", origin="budget")
    await desk.create_source(900_00, fiscal_year=2023)
    industry = library.create_project("种植", counts_as_industry=True)
    plan = await desk.create_plan(
        build_line(industry, central["id"], 600_00),
        build_line(library.create_project("道路"), central["id"], 100_00),
        build_line(library.create_project("管理费"), county["id"], 100_00, management_fee=True),
    )
    given = await desk.issue_plan(plan["id"])
    library.update_project(industry, state="under_construction", physical_percent=100)
    await desk.create_paid_payment(next(one["id"] for one in given if one["industry"]), 150_00)
    year = expect_ok(await desk.leader.get("/funds/summary", params={"region": DISTRICT, "year": 2024}))
    assert (year["figures"]["received"], year["figures"]["available"]) == ("1500.00", "700.00")
    assert (year["paid_percent"], year["allocated_percent"]) == ("10.00", "53.33")
    assert (year["industry"]["part"], year["industry"]["percent"]) == ("600.00", "75.00")
    assert year["management_fee"]["percent"] == "12.50"
    levels = {one["level"]: one["figures"]["received"] for one in year["by_level"]}
    assert levels == {"central": "1000.00", "county": "500.00"}
    assert (year["sources"], year["plans"], year["projects"], year["payments"]) == (2, 1, 3, 1)


async def test_a_year_of_a_town_is_the_towns_projects(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    await desk.create_allocation(1000_00)
    year = expect_ok(await desk.town.get("/funds/summary", params={"region": TOWN, "year": 2024}))
    assert (year["figures"]["received"], year["figures"]["allocated"]) == ("1000.00", "1000.00")
    nothing = expect_ok(
        await desk.leader.get("/funds/summary", params={"region": "620602101000", "year": 2024})
    )
    assert (nothing["figures"]["received"], nothing["industry"]["percent"]) == ("0.00", "0.00")
