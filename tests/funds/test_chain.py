"""Every yuan of a document in one call, the chain around any record, a region's year on one page."""

import pytest

from tests.doors import DISTRICT, TOWN
from tests.funds.desk import Desk, line, ok, refused
from tests.funds.library import Library


async def test_a_document_shows_every_yuan_from_receipt_to_payment(desk: Desk, library: Library) -> None:
    source = await desk.source(1000_00)
    well, road = library.project("机井"), library.project("道路")
    plan = await desk.plan(line(well, source["id"], 600_00), line(road, source["id"], 300_00))
    given = await desk.issued(plan["id"])
    library.change(well, state="under_construction", physical_percent=100)
    await desk.allocation(77_00)
    first = next(one for one in given if one["project_id"] == str(well))
    payment = await desk.paid(first["id"], 250_00)
    thread = ok(await desk.leader.get("/funds/thread", params={"source_id": source["id"]}))
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
    assert ok(await desk.leader.get("/funds/thread", params=numbered)) == thread


async def test_a_document_number_shows_all_its_levels_of_money_and_a_town_its_own_part(
    desk: Desk, library: Library
) -> None:
    number = {"document_no": "青财农字〔2023〕505号"}
    central = await desk.source(1000_00, **number)
    provincial = await desk.source(500_00, level="provincial", **number)
    mine, other = library.project(), library.project(region="620602101000")
    plan = await desk.plan(line(mine, central["id"], 600_00), line(other, provincial["id"], 300_00))
    await desk.issued(plan["id"])
    whole = ok(await desk.leader.get("/funds/thread", params=number))
    assert (whole["figures"]["received"], whole["figures"]["allocated"]) == ("1500.00", "900.00")
    assert len(whole["sources"]) == 2
    part = ok(await desk.town.get("/funds/thread", params=number))
    assert (part["figures"]["allocated"], len(part["allocations"])) == ("600.00", 1)
    refused(await desk.leader.get("/funds/thread", params={"document_no": "没有这个文号"}), 404)
    elsewhere = desk.door.as_("leader", "632323000000")
    refused(await elsewhere.get("/funds/thread", params=number), 404)


@pytest.mark.parametrize("start", ["project_id", "source_id", "plan_id", "payment_id"])
async def test_the_chain_is_the_same_from_whatever_record_one_starts(desk: Desk, start: str) -> None:
    given = await desk.allocation(1000_00)
    payment = await desk.paid(given["id"], 250_00)
    ids = {**given, "payment_id": payment["id"]}
    thread = ok(await desk.leader.get("/funds/thread", params={start: ids[start]}))
    assert [one["id"] for one in thread["allocations"]] == [given["id"]]
    assert [one["document_no"] for one in thread["sources"]] == [given["document_no"]]
    assert [one["id"] for one in thread["payments"]] == [payment["id"]]
    assert [one["id"] for one in thread["plans"]] == [given["plan_id"]]
    assert [(one["plan_id"], one["amount"]) for one in thread["lines"]] == [(given["plan_id"], "1000.00")]


async def test_a_thread_shows_what_is_only_drafted_what_was_added_and_what_came_back(desk: Desk) -> None:
    given = await desk.allocation(1000_00)
    payment = await desk.paid(given["id"], 250_00)
    back = {"amount": "50.00", "voucher_no": "T-1", "happened_on": "2024-05-20", "reason": "户名不符"}
    ok(await desk.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=back), 201)
    more = {
        "kind": "addition",
        "amount": "300.00",
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-05-15",
    }
    ok(await desk.finance.post(f"/funds/sources/{given['source_id']}/adjustments", json=more), 201)
    draft = await desk.plan(line(desk.library.project("道路"), given["source_id"], 300_00))
    numbered = {"document_no": given["document_no"]}
    thread = ok(await desk.leader.get("/funds/thread", params=numbered))
    assert [one["plan_id"] for one in thread["lines"]] == [given["plan_id"], draft["id"]]
    assert [one["amount"] for one in thread["adjustments"]] == ["300.00"]
    assert [(one["payment_id"], one["amount"]) for one in thread["refunds"]] == [(payment["id"], "50.00")]
    part = ok(await desk.town.get("/funds/thread", params=numbered))
    assert (part["lines"], part["adjustments"], len(part["refunds"])) == ([], [], 1)


async def test_a_thread_starts_from_exactly_one_record(desk: Desk) -> None:
    given = await desk.allocation(1000_00)
    both = {"project_id": given["project_id"], "plan_id": given["plan_id"]}
    refused(await desk.leader.get("/funds/thread", params=both), 400)
    refused(await desk.leader.get("/funds/thread"), 400)


async def test_a_project_without_money_is_an_empty_thread_not_an_error(desk: Desk) -> None:
    missing = "01a20caa-a3e8-71c1-b41d-92126c065e49"
    thread = ok(await desk.leader.get("/funds/thread", params={"project_id": missing}))
    assert (thread["allocations"], thread["figures"]["received"]) == ([], "0.00")
    refused(await desk.leader.get("/funds/thread", params={"source_id": missing}), 404)


async def test_a_year_on_one_page_adds_up(desk: Desk, library: Library) -> None:
    central = await desk.source(1000_00)
    county = await desk.source(500_00, level="county", origin="budget")
    await desk.source(900_00, fiscal_year=2023)
    industry = library.project("种植", counts_as_industry=True)
    plan = await desk.plan(
        line(industry, central["id"], 600_00),
        line(library.project("道路"), central["id"], 100_00),
        line(library.project("管理费"), county["id"], 100_00, management_fee=True),
    )
    given = await desk.issued(plan["id"])
    library.change(industry, state="under_construction", physical_percent=100)
    await desk.paid(next(one["id"] for one in given if one["industry"]), 150_00)
    year = ok(await desk.leader.get("/funds/summary", params={"region": DISTRICT, "year": 2024}))
    assert (year["figures"]["received"], year["figures"]["available"]) == ("1500.00", "700.00")
    assert (year["paid_percent"], year["allocated_percent"]) == ("10.00", "53.33")
    assert (year["industry"]["part"], year["industry"]["percent"]) == ("600.00", "75.00")
    assert year["management_fee"]["percent"] == "12.50"
    levels = {one["level"]: one["figures"]["received"] for one in year["by_level"]}
    assert levels == {"central": "1000.00", "county": "500.00"}
    assert (year["sources"], year["plans"], year["projects"], year["payments"]) == (2, 1, 3, 1)


async def test_a_year_of_a_town_is_the_towns_projects(desk: Desk, library: Library) -> None:
    await desk.allocation(1000_00)
    year = ok(await desk.town.get("/funds/summary", params={"region": TOWN, "year": 2024}))
    assert (year["figures"]["received"], year["figures"]["allocated"]) == ("1000.00", "1000.00")
    nothing = ok(await desk.leader.get("/funds/summary", params={"region": "620602101000", "year": 2024}))
    assert (nothing["figures"]["received"], nothing["industry"]["percent"]) == ("0.00", "0.00")
