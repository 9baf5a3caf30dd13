"""Columns of the supervision ledger and evaluation indicators against figures calculated by hand."""

from typing import Any
from uuid import UUID

import pytest

from services.funds.reports.schemas import Rank
from services.funds.reports.service import build_rank_row
from tests.clients import DISTRICT
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok


class FlowRow:
    """A flow as the query returns it."""

    def __init__(self, source: str, rank: str, **overrides: int) -> None:
        self.source_rank, self.rank = source, rank
        self.received, self.central, self.allocated, self.paid = (
            overrides.get(name, 0) for name in ("received", "central", "allocated", "paid")
        )


async def create_year(scenario: FundsScenario) -> tuple[UUID, UUID]:
    """Create 1000 of central and 500 of county money: 600 to a town project, 100 to a district project, 150 paid."""
    town = scenario.library.create_project(counts_as_industry=True)
    district = scenario.library.create_project(region=DISTRICT, library_code="")
    central = await scenario.create_source(1_000_00, received_on="2024-05-08")
    await scenario.create_source(500_00, level="county", fund="own")
    plan = await scenario.create_plan(
        build_line(town, central["id"], 600_00), build_line(district, central["id"], 100_00)
    )
    allocations = await scenario.issue_plan(plan["id"])
    scenario.library.update_project(town, state="under_construction", physical_percent=100)
    (town_allocation,) = [allocation for allocation in allocations if allocation["project_id"] == str(town)]
    await scenario.create_paid_payment(town_allocation["id"], 150_00)
    return town, district


async def get_supervision(scenario: FundsScenario, by: str) -> Any:
    return expect_ok(await scenario.auditor.get(f"/funds/supervision?region={DISTRICT}&year=2024&by={by}"))


async def test_the_columns_are_reckoned_by_the_formulas_of_the_finance_system(
    scenario: FundsScenario,
) -> None:
    await create_year(scenario)
    supervision = await get_supervision(scenario, "fund")
    rows = {row["key"]: row for row in supervision["rows"]}
    assert set(rows) == {"bridging", "own"}
    row = rows["bridging"]
    assert (row["amountZyxd"], row["received"], row["paid"], row["spending"]) == (
        "1000.00",
        "1000.00",
        "150.00",
        "15.00",
    )
    county, town = row["ranks"]
    assert (county["rank"], county["given"], county["own"], county["below"]) == (
        "county",
        "1000.00",
        "100.00",
        "600.00",
    )
    assert (county["unallocated"], county["progress"], county["paid"]) == ("300.00", "70.00", "0.00")
    assert (town["rank"], town["given"], town["own"], town["unallocated"]) == (
        "town",
        "600.00",
        "600.00",
        "0.00",
    )
    assert (town["paid"], town["progress"]) == ("150.00", "100.00")
    assert rows["own"]["amountZyxd"] == "0.00"
    total = supervision["total"]
    assert (total["received"], total["amountZyxd"], total["spending"]) == ("1500.00", "1000.00", "10.00")


async def test_by_region_a_town_has_what_was_given_to_it(scenario: FundsScenario) -> None:
    await create_year(scenario)
    rows = {row["label"]: row for row in (await get_supervision(scenario, "region"))["rows"]}
    town = rows["620602100000"]
    assert (town["received"], town["paid"], town["spending"]) == ("600.00", "150.00", "25.00")
    own = expect_ok(await scenario.town.get(f"/funds/supervision?region={DISTRICT}&year=2024"))
    assert own["total"]["received"] == "600.00", "a town sees its own part only"


async def test_a_county_compares_its_towns_by_the_average_of_their_rates(scenario: FundsScenario) -> None:
    await create_year(scenario)
    await scenario.create_allocation(100_00, region="620602101201", counts_as_industry=False)
    address = "/funds/summary?year=2024&region="
    county = expect_ok(await scenario.auditor.get(address + DISTRICT))
    town = expect_ok(await scenario.auditor.get(address + "620602100000"))

    assert (town["paid_percent"], town["paid_percent_of_towns"]) == ("25.00", None)
    assert county["paid_percent_of_towns"] == "12.5"
    assert county["industry"]["percent_of_towns"] == "50.0", "one town has all, the other nothing"
    assert county["industry"] | {"percent_of_towns": ""} == {
        "part": "600.00", "whole": "800.00", "percent": "75.00", "percent_of_towns": "",
    }  # fmt: skip
    assert county["projects"] == 3


async def test_money_of_a_merged_town_stands_under_the_new_one(scenario: FundsScenario) -> None:
    await create_year(scenario)
    await scenario.door.system.merge_regions("620602100000", "620602101000")
    rows = {row["label"]: row["paid"] for row in (await get_supervision(scenario, "region"))["rows"]}
    summary = expect_ok(await scenario.auditor.get("/funds/summary?year=2024&region=620602101000"))

    assert rows == {DISTRICT: "0.00", "620602101000": "150.00"}
    assert (summary["figures"]["paid"], summary["projects"], summary["payments"]) == ("150.00", 1, 1)
    county = expect_ok(await scenario.auditor.get(f"/funds/summary?year=2024&region={DISTRICT}"))
    assert (county["figures"]["paid"], county["paid_percent_of_towns"]) == ("150.00", "25.0")


def test_a_province_keeps_gives_and_has_left() -> None:
    flows = [
        FlowRow("province", "province", received=1000, allocated=100, paid=40),
        FlowRow("province", "county", allocated=700, paid=5),
    ]
    row = build_rank_row(Rank.PROVINCE, flows)
    assert (row.given, row.own, row.below, row.unallocated, row.paid) == (1000, 100, 700, 200, 40)
    assert row.progress == "80.00"
    county = build_rank_row(Rank.COUNTY, flows)
    assert (county.given, county.own, county.below, county.progress) == (700, 700, 0, "100.00")
    assert build_rank_row(Rank.CITY, flows).progress in {"0", "0.00"}


async def test_every_indicator_shows_the_two_figures_it_is_made_of(scenario: FundsScenario) -> None:
    town, _ = await create_year(scenario)
    target = {"plan_id": "", "project_id": str(town)}
    (plan,) = expect_ok(await scenario.bureau.get("/funds/plans"))["items"]
    expect_ok(await scenario.town.post("/funds/targets", json={**target, "plan_id": plan["id"]}), 201)
    evaluation = expect_ok(await scenario.auditor.get(f"/funds/evaluation?region={DISTRICT}&year=2024"))
    figures = {
        indicator["code"]: (indicator["part"], indicator["whole"], indicator["percent"])
        for indicator in evaluation["indicators"]
    }
    assert figures["down.in_time"] == ("700.00", "1000.00", "70.00")
    assert figures["down.days"] == ("12", "30", "")
    assert figures["manage.library"] == ("1", "2", "50.00")
    assert figures["manage.targets"] == ("0", "2", "0.00")
    assert figures["manage.announced"] == ("1", "1", "100.00")
    assert figures["use.executed"] == ("150.00", "1500.00", "10.00")
    assert figures["use.industry"] == ("600.00", "700.00", "85.71")
    assert figures["use.task.consolidation"] == ("150.00", "700.00", "21.43")
    assert len(evaluation["by_hand"]) == 3


@pytest.mark.parametrize("path", ["supervision", "evaluation"])
async def test_an_empty_year_is_all_zeros_and_wrong_input_is_named(
    scenario: FundsScenario, path: str
) -> None:
    answer = await scenario.auditor.get(f"/funds/{path}?region={DISTRICT}&year=2030")
    assert answer.status_code == 200, answer.text
    assert (await scenario.auditor.get(f"/funds/{path}?region=62&year=2030")).status_code == 422
    assert (await scenario.auditor.get(f"/funds/{path}?region={DISTRICT}&year=1")).status_code == 422
