"""Registers of assets as counties keep them, imported through the address and compared with their truth."""

import io
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from services.assets.imports.router import IMPORTS
from services.identity.load_regions import load_content
from shared.imports.service import run_next_batch
from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, SystemUnderTest
from tests.workbooks import CountyWorkbook, JsonObject, load_workbook

REGION_FILES = Path(__file__).parent.parent.parent / "services" / "identity" / "data"


async def open_bureau(doors: SystemUnderTest, region: str) -> httpx.AsyncClient:
    if region != DISTRICT:
        content = (REGION_FILES / f"regions-{region[:6]}.csv").read_bytes()
        await load_content(doors.service("identity").context, content)
    return doors.service("assets").client_as("bureau", region)


async def post_ledger(client: httpx.AsyncClient, content: bytes, **params: Any) -> JsonObject:
    answer = await client.post("/assets/imports", content=content, params=params)
    assert answer.status_code == 200, answer.text
    result: JsonObject = answer.json()
    return result


async def list_assets(client: httpx.AsyncClient) -> list[JsonObject]:
    items: list[JsonObject] = (await client.get("/assets?limit=200")).json()["items"]
    return [(await client.get(f"/assets/{item['id']}")).json() for item in items]


def list_expected(workbook: CountyWorkbook, faults: set[tuple[str, int]]) -> list[tuple[Any, ...]]:
    sheets = {fault[0] for fault in faults}
    return sorted(
        ("".join(row["name"].split()), tuple(row["place"]["codes"]), row["value"])
        for sheet, row in workbook.list_rows()
        if (sheet["name"] if sheet["name"] in sheets else "CSV", row["row"]) not in faults and row.get("name")
    )


# Row 4 of 08 names the village as owner of a household's asset (到户类): the register asks who owns it.
@pytest.mark.parametrize(
    ("number", "refused"), [("06", set()), ("07", {5, 6, 7, 9, 10}), ("08", {4, 8, 9, 11})]
)
async def test_every_row_is_imported_or_refused_for_what_is_to_be_asked(
    doors: SystemUnderTest, number: str, refused: set[int]
) -> None:
    workbook = load_workbook(number)
    region = workbook.truth["region"]
    bureau = await open_bureau(doors, region)
    result = await post_ledger(bureau, workbook.content, region=region, partial=True)
    assert {fault["row"] for fault in result["faults"]} == refused, result["faults"]
    assert result["rows"] == workbook.truth["count"]["data_rows"]
    assert all(check["agrees"] for check in result["total_checks"]) or number == "07"
    assets = await list_assets(bureau)
    found = sorted(
        ("".join(one["name"].split()), (one["region"],), int(one["original_value"].replace(".", "")))
        for one in assets
    )
    faults = {
        (sheet["name"] if number == "07" else "CSV", row)
        for sheet in workbook.truth["sheets"]
        for row in refused
    }
    assert found == list_expected(workbook, faults)


async def test_funding_keeper_income_and_state_are_kept(doors: SystemUnderTest) -> None:
    bureau = await open_bureau(doors, DISTRICT)
    await post_ledger(bureau, load_workbook("06").content)
    assets = {one["name"]: one for one in await list_assets(bureau)}
    first = assets["唐新庄村自来水管网"]
    assert [part["amount"] for part in first["funding"]] == ["76825.00", "56428.00"]
    assert (first["keeper_unit"], first["keeper_name"], first["use"]) == (
        "唐新庄村村委会",
        "钱样丙",
        "in_use",
    )
    assert (first["built_on"], first["quantity"], first["unit"]) == ("2021-05-01", "29", "公里")
    assert assets["峡沟村文化活动器材"]["use"] == "idle"
    assert assets["新中村暖棚圈舍"]["use"] == "damaged"
    assert (assets["新中村暖棚圈舍"]["asset_class"], assets["新中村暖棚圈舍"]["owner_kind"]) == (
        "household",
        "household",
    )
    assert assets["康庄村扶贫车间"]["note"] == "年收益 11230.00 元"


async def test_without_partial_nothing_is_imported_when_a_row_is_wrong(scenario: AssetScenario) -> None:
    bureau = scenario.service.client_as("bureau", DISTRICT)
    result = await post_ledger(bureau, load_workbook("07").content)
    assert (result["created"], bool(result["faults"])) == (0, True)
    assert "一笔原值跨第 5–7 行(3 个村)" in result["faults"][0]["message"]


async def test_a_code_that_is_no_village_and_a_wrong_sum_are_told(scenario: AssetScenario) -> None:
    bureau = scenario.service.client_as("bureau", DISTRICT)
    rows = (
        "资产名称,类别,坐落代码,原值(万元),建成时间\n"
        "水窖,公益性,620602999999,12.5,2019年9月\n"
        "水渠,公益性,620602000000,1,2019\n"
        "合计,,,999,\n"
    )
    result = await post_ledger(bureau, rows.encode(), dry_run=True)
    assert [(fault["row"], fault["message"]) for fault in result["faults"]] == [
        (2, "没有区划 620602999999"),
        (3, "须写明所在的村或镇"),
    ]
    assert "999.00 与明细 13.50 不符" in result["notes"][0]


async def test_a_checked_workbook_comes_back_with_its_own_rows(scenario: AssetScenario) -> None:
    bureau = scenario.service.client_as("bureau", DISTRICT)
    workbook = load_workbook("06")
    answer = await bureau.post("/assets/imports/check", content=workbook.content)
    assert answer.status_code == 200, answer.text
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    before = openpyxl.load_workbook(io.BytesIO(workbook.content))
    assert book.sheetnames == before.sheetnames
    assert [cell.value for cell in book.worksheets[1]["B"]] == [
        cell.value for cell in before.worksheets[1]["B"]
    ]


async def run_ledger(
    client: httpx.AsyncClient, scenario: AssetScenario, content: bytes, **params: Any
) -> JsonObject:
    answer = await client.post(
        "/assets/table-imports/assets", content=content, params={"region": DISTRICT, **params}
    )
    assert answer.status_code == 202, answer.text
    while await run_next_batch(IMPORTS, scenario.service.context):
        pass
    job: JsonObject = (await client.get(f"/assets/table-imports/{answer.json()['id']}")).json()
    return job


async def test_a_ledger_runs_as_a_job_and_comes_again_as_known_or_different(scenario: AssetScenario) -> None:
    bureau = scenario.service.client_as("bureau", DISTRICT)
    workbook = load_workbook("06")
    tried = await run_ledger(bureau, scenario, workbook.content, dry_run=True)
    assert (tried["rows"], tried["imported"], tried["state"]) == (45, 45, "done"), tried["faults"]
    assert await list_assets(bureau) == []
    job = await run_ledger(bureau, scenario, workbook.content, name=workbook.path.name)
    assert (job["imported"], job["already"], job["wrong"]) == (45, 0, 0), job["faults"]
    assets = {one["name"]: one for one in await list_assets(bureau)}
    assert (len(assets), assets["唐新庄村自来水管网"]["state"]) == (45, "draft")
    book = openpyxl.load_workbook(io.BytesIO(workbook.content))
    cell = next(
        cell for row in book.worksheets[0].iter_rows() for cell in row if cell.value == "唐新庄村自来水管网"
    )
    place = workbook.truth["sheets"][0]["columns"]["value"]["col"]
    book.worksheets[0].cell(cell.row, place).value = 99
    target = io.BytesIO()
    book.save(target)
    again = await run_ledger(bureau, scenario, target.getvalue())
    assert (again["imported"], again["already"], again["differs"]) == (0, 45, 1), again["faults"]
    assert again["differences"][0]["record_id"] == assets["唐新庄村自来水管网"]["id"]
    other = scenario.service.client_as("bureau", "632323000000")
    assert (await other.get(job["address"].removeprefix("/api/v1"))).status_code == 404


async def test_a_running_ledger_is_cancelled(scenario: AssetScenario) -> None:
    bureau = scenario.service.client_as("bureau", DISTRICT)
    table = "资产名称,类别,坐落代码,原值(万元),建成时间\n" + "".join(
        f"水窖{n},公益性,620602100201,1,2019年9月\n" for n in range(210)
    )
    params = {"region": DISTRICT}
    job = (await bureau.post("/assets/table-imports/assets", content=table.encode(), params=params)).json()
    assert await run_next_batch(IMPORTS, scenario.service.context)
    cancelled = (await bureau.post(f"/assets/table-imports/{job['id']}/cancel")).json()
    assert (cancelled["state"], cancelled["done"], cancelled["imported"]) == ("cancelled", 200, 200)
    assert not await run_next_batch(IMPORTS, scenario.service.context)
