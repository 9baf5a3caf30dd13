"""The funding trail of any record, and the yearly summary of a region."""

import pytest

from tests.clients import DISTRICT, TOWN
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary


async def test_a_document_shows_every_yuan_from_receipt_to_payment(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    well, road = library.create_project("机井"), library.create_project("道路")
    plan = await scenario.create_plan(
        build_line(well, source["id"], 600_00), build_line(road, source["id"], 300_00)
    )
    allocations = await scenario.issue_plan(plan["id"])
    library.update_project(well, state="under_construction", physical_percent=100)
    await scenario.create_allocation(77_00)
    first = next(allocation for allocation in allocations if allocation["project_id"] == str(well))
    payment = await scenario.create_paid_payment(first["id"], 250_00)
    thread = expect_ok(await scenario.leader.get("/funds/thread", params={"source_id": source["id"]}))
    assert [source["id"] for source in thread["sources"]] == [source["id"]]
    assert [plan["id"] for plan in thread["plans"]] == [plan["id"]]
    assert {allocation["project_name"] for allocation in thread["allocations"]} == {"机井", "道路"}
    assert [payment["id"] for payment in thread["payments"]] == [payment["id"]]
    assert [(line["name"], line["amount"]) for line in thread["lines"]] == [
        ("机井", "600.00"),
        ("道路", "300.00"),
    ]
    assert set(thread["projects"]) == {str(well), str(road)}
    figures = thread["figures"]
    assert (figures["received"], figures["available"]) == ("1000.00", "100.00")
    assert (figures["allocated"], figures["unpaid"], figures["paid"]) == ("900.00", "650.00", "250.00")
    numbered = {"document_no": source["document_no"]}
    assert expect_ok(await scenario.leader.get("/funds/thread", params=numbered)) == thread


async def test_a_document_number_shows_all_its_levels_of_money_and_a_town_its_own_part(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    number = {"document_no": "青财农字〔2023〕505号"}
    central = await scenario.create_source(1000_00, **number)
    provincial = await scenario.create_source(500_00, level="provincial", **number)
    own, other = library.create_project(), library.create_project(region="620602101000")
    plan = await scenario.create_plan(
        build_line(own, central["id"], 600_00), build_line(other, provincial["id"], 300_00)
    )
    await scenario.issue_plan(plan["id"])
    thread = expect_ok(await scenario.leader.get("/funds/thread", params=number))
    assert (thread["figures"]["received"], thread["figures"]["allocated"]) == ("1500.00", "900.00")
    assert len(thread["sources"]) == 2
    town_thread = expect_ok(await scenario.town.get("/funds/thread", params=number))
    assert (town_thread["figures"]["allocated"], len(town_thread["allocations"])) == ("600.00", 1)
    expect_refusal(await scenario.leader.get("/funds/thread", params={"document_no": "没有这个文号"}), 404)
    elsewhere = scenario.door.client_as("leader", "632323000000")
    expect_refusal(await elsewhere.get("/funds/thread", params=number), 404)


@pytest.mark.parametrize("start", ["project_id", "source_id", "plan_id", "payment_id"])
async def test_the_chain_is_the_same_from_whatever_record_one_starts(
    scenario: FundsScenario, start: str
) -> None:
    allocated = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocated["id"], 250_00)
    ids = {**allocated, "payment_id": payment["id"]}
    thread = expect_ok(await scenario.leader.get("/funds/thread", params={start: ids[start]}))
    assert [allocation["id"] for allocation in thread["allocations"]] == [allocated["id"]]
    assert [source["document_no"] for source in thread["sources"]] == [allocated["document_no"]]
    assert [payment["id"] for payment in thread["payments"]] == [payment["id"]]
    assert [plan["id"] for plan in thread["plans"]] == [allocated["plan_id"]]
    assert [(line["plan_id"], line["amount"]) for line in thread["lines"]] == [
        (allocated["plan_id"], "1000.00")
    ]


async def test_a_thread_shows_what_is_only_drafted_what_was_added_and_what_came_back(
    scenario: FundsScenario,
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 250_00)
    refund = {"amount": "50.00", "voucher_no": "T-1", "happened_on": "2024-05-20", "reason": "户名不符"}
    expect_ok(await scenario.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=refund), 201)
    addition = {
        "kind": "addition",
        "amount": "300.00",
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-05-15",
    }
    expect_ok(
        await scenario.finance.post(f"/funds/sources/{allocation['source_id']}/adjustments", json=addition),
        201,
    )
    draft = await scenario.create_plan(
        build_line(scenario.library.create_project("道路"), allocation["source_id"], 300_00)
    )
    numbered = {"document_no": allocation["document_no"]}
    thread = expect_ok(await scenario.leader.get("/funds/thread", params=numbered))
    assert [line["plan_id"] for line in thread["lines"]] == [allocation["plan_id"], draft["id"]]
    assert [adjustment["amount"] for adjustment in thread["adjustments"]] == ["300.00"]
    assert [(refund["payment_id"], refund["amount"]) for refund in thread["refunds"]] == [
        (payment["id"], "50.00")
    ]
    part = expect_ok(await scenario.town.get("/funds/thread", params=numbered))
    assert (part["lines"], part["adjustments"], len(part["refunds"])) == ([], [], 1)


async def test_a_thread_starts_from_exactly_one_record(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    both = {"project_id": allocation["project_id"], "plan_id": allocation["plan_id"]}
    expect_refusal(await scenario.leader.get("/funds/thread", params=both), 400)
    expect_refusal(await scenario.leader.get("/funds/thread"), 400)


async def test_a_project_without_money_is_an_empty_thread_not_an_error(scenario: FundsScenario) -> None:
    missing = "01a20caa-a3e8-71c1-b41d-92126c065e49"
    thread = expect_ok(await scenario.leader.get("/funds/thread", params={"project_id": missing}))
    assert (thread["allocations"], thread["figures"]["received"]) == ([], "0.00")
    expect_refusal(await scenario.leader.get("/funds/thread", params={"source_id": missing}), 404)


async def test_a_year_on_one_page_adds_up(scenario: FundsScenario, library: FakeProjectLibrary) -> None:
    central = await scenario.create_source(1000_00)
    county = await scenario.create_source(500_00, level="county", origin="budget")
    await scenario.create_source(900_00, fiscal_year=2023)
    industry = library.create_project("种植", counts_as_industry=True)
    plan = await scenario.create_plan(
        build_line(industry, central["id"], 600_00),
        build_line(library.create_project("道路"), central["id"], 100_00),
        build_line(library.create_project("管理费"), county["id"], 100_00, management_fee=True),
    )
    allocations = await scenario.issue_plan(plan["id"])
    library.update_project(industry, state="under_construction", physical_percent=100)
    await scenario.create_paid_payment(
        next(allocation["id"] for allocation in allocations if allocation["industry"]), 150_00
    )
    year = expect_ok(await scenario.leader.get("/funds/summary", params={"region": DISTRICT, "year": 2024}))
    assert (year["figures"]["received"], year["figures"]["available"]) == ("1500.00", "700.00")
    assert (year["paid_percent"], year["allocated_percent"]) == ("10.00", "53.33")
    assert (year["industry"]["part"], year["industry"]["percent"]) == ("600.00", "75.00")
    assert year["management_fee"]["percent"] == "12.50"
    levels = {item["level"]: item["figures"]["received"] for item in year["by_level"]}
    assert levels == {"central": "1000.00", "county": "500.00"}
    assert (year["sources"], year["plans"], year["projects"], year["payments"]) == (2, 1, 3, 1)


async def test_a_year_of_a_town_is_the_towns_projects(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    await scenario.create_allocation(1000_00)
    year = expect_ok(await scenario.town.get("/funds/summary", params={"region": TOWN, "year": 2024}))
    assert (year["figures"]["received"], year["figures"]["allocated"]) == ("1000.00", "1000.00")
    nothing = expect_ok(
        await scenario.leader.get("/funds/summary", params={"region": "620602101000", "year": 2024})
    )
    assert (nothing["figures"]["received"], nothing["industry"]["percent"]) == ("0.00", "0.00")
