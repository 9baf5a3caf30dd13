"""The supervision ledger's columns and the evaluation's indicators, from the books, by hand-reckoned figures."""

from typing import Any
from uuid import UUID

import pytest

from services.funds.reports.schemas import Rank
from services.funds.reports.service import build_rank_row
from tests.clients import DISTRICT
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok


class FlowRow:
    """A sum as the query gives it."""

    def __init__(self, source: str, rank: str, **given: int) -> None:
        self.source_rank, self.rank = source, rank
        self.received, self.central, self.allocated, self.paid = (
            given.get(name, 0) for name in ("received", "central", "allocated", "paid")
        )


async def create_year(desk: FundsScenario) -> tuple[UUID, UUID]:
    """1000 central and 500 county money; a town project gets 600 of the first, a district one 100; 150 is paid."""
    town = desk.library.create_project(counts_as_industry=True)
    district = desk.library.create_project(region=DISTRICT, library_code="")
    central = await desk.create_source(1_000_00, received_on="2024-05-08")
    await desk.create_source(500_00, level="county", fund="own")
    plan = await desk.create_plan(
        build_line(town, central["id"], 600_00), build_line(district, central["id"], 100_00)
    )
    given = await desk.issue_plan(plan["id"])
    desk.library.update_project(town, state="under_construction", physical_percent=100)
    (mine,) = [one for one in given if one["project_id"] == str(town)]
    await desk.create_paid_payment(mine["id"], 150_00)
    return town, district


async def get_supervision(desk: FundsScenario, by: str) -> Any:
    return expect_ok(await desk.auditor.get(f"/funds/supervision?region={DISTRICT}&year=2024&by={by}"))


async def test_the_columns_are_reckoned_by_the_formulas_of_the_finance_system(desk: FundsScenario) -> None:
    await create_year(desk)
    found = await get_supervision(desk, "fund")
    rows = {one["key"]: one for one in found["rows"]}
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
    total = found["total"]
    assert (total["received"], total["amountZyxd"], total["spending"]) == ("1500.00", "1000.00", "10.00")


async def test_by_region_a_town_has_what_was_given_to_it(desk: FundsScenario) -> None:
    await create_year(desk)
    rows = {one["label"]: one for one in (await get_supervision(desk, "region"))["rows"]}
    town = rows["620602100000"]
    assert (town["received"], town["paid"], town["spending"]) == ("600.00", "150.00", "25.00")
    mine = expect_ok(await desk.town.get(f"/funds/supervision?region={DISTRICT}&year=2024"))
    assert mine["total"]["received"] == "600.00", "a town sees its own part only"


def test_a_province_keeps_gives_and_has_left() -> None:
    flows = [
        FlowRow("province", "province", received=1000, allocated=100, paid=40),
        FlowRow("province", "county", allocated=700, paid=5),
    ]
    found = build_rank_row(Rank.PROVINCE, flows)
    assert (found.given, found.own, found.below, found.unallocated, found.paid) == (1000, 100, 700, 200, 40)
    assert found.progress == "80.00"
    county = build_rank_row(Rank.COUNTY, flows)
    assert (county.given, county.own, county.below, county.progress) == (700, 700, 0, "100.00")
    assert build_rank_row(Rank.CITY, flows).progress in {"0", "0.00"}


async def test_every_indicator_shows_the_two_figures_it_is_made_of(desk: FundsScenario) -> None:
    town, _ = await create_year(desk)
    target = {"plan_id": "", "project_id": str(town)}
    (plan,) = expect_ok(await desk.bureau.get("/funds/plans"))["items"]
    expect_ok(await desk.town.post("/funds/targets", json={**target, "plan_id": plan["id"]}), 201)
    found = expect_ok(await desk.auditor.get(f"/funds/evaluation?region={DISTRICT}&year=2024"))
    shown = {one["code"]: (one["part"], one["whole"], one["percent"]) for one in found["indicators"]}
    assert shown["down.in_time"] == ("700.00", "1000.00", "70.00")
    assert shown["down.days"] == ("12", "30", "")
    assert shown["manage.library"] == ("1", "2", "50.00")
    assert shown["manage.targets"] == ("0", "2", "0.00")
    assert shown["manage.announced"] == ("1", "1", "100.00")
    assert shown["use.executed"] == ("150.00", "1500.00", "10.00")
    assert shown["use.industry"] == ("600.00", "700.00", "85.71")
    assert shown["use.task.consolidation"] == ("150.00", "700.00", "21.43")
    assert len(found["by_hand"]) == 3


@pytest.mark.parametrize("path", ["supervision", "evaluation"])
async def test_an_empty_year_is_all_zeros_and_wrong_input_is_named(desk: FundsScenario, path: str) -> None:
    answer = await desk.auditor.get(f"/funds/{path}?region={DISTRICT}&year=2030")
    assert answer.status_code == 200, answer.text
    assert (await desk.auditor.get(f"/funds/{path}?region=62&year=2030")).status_code == 422
    assert (await desk.auditor.get(f"/funds/{path}?region={DISTRICT}&year=1")).status_code == 422
