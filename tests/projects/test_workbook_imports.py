"""Tables as counties keep them, imported through the address and compared with their truth."""

import io
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from services.identity.load_regions import load_content
from services.projects.imports.service import run_next_batch
from shared.spreadsheets import Column, build_workbook
from tests.clients import DISTRICT, SystemUnderTest
from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.workbooks import CountyWorkbook, JsonObject, load_workbook

DATA = Path(__file__).parent.parent / "data"
ROOT = DATA.parent.parent
MONEY_KINDS = ("central", "provincial", "city", "county", "self_raised")


async def open_bureau(doors: SystemUnderTest, region: str) -> httpx.AsyncClient:
    file = ROOT / "services" / "identity" / "data" / f"regions-{region[:6]}.csv"
    if region != DISTRICT:
        await load_content(doors.service("identity").context, file.read_bytes())
    return doors.service("projects").client_as("bureau", region)


async def post_table(
    bureau: httpx.AsyncClient, content: bytes, region: str = DISTRICT, **params: Any
) -> httpx.Response:
    return await bureau.post(
        "/projects/imports", content=content, params={"region": region, "year": 2023, **params}
    )


async def list_results(bureau: httpx.AsyncClient, job: JsonObject) -> dict[tuple[str, int], JsonObject]:
    rows = expect_success(await bureau.get(f"/projects/imports/{job['id']}/rows?limit=200"))["items"]
    return {(row["sheet"], row["number"]): row for row in rows}


def find_differences(project: JsonObject, row: JsonObject) -> list[str]:
    """Every field of a project that is not what the truth says."""
    codes = [place["region"] for place in project["places"]] or [project["region"]]
    money = {one["kind"]: int(one["amount"].replace(".", "")) for one in project["money"]}
    found = [] if codes == row["place"]["codes"] else [f"places {codes}"]
    found += [] if int(project["total"].replace(".", "")) == row["total"] else [f"total {project['total']}"]
    found += [
        f"{kind} {money.get(kind)}" for kind in MONEY_KINDS if row.get(kind) and money.get(kind) != row[kind]
    ]
    for key, name in (("start", "planned_start"), ("end", "planned_end")):
        if row.get(key) and not str(project[name] or "").startswith(row[key]):
            found.append(f"{name} {project[name]}")
    for key, name in (("name", "name"), ("content", "content"), ("households", "households")):
        if row.get(key) and project[name] != row[key]:
            found.append(f"{name} {project[name]}")
    return found


async def compare(bureau: httpx.AsyncClient, workbook: CountyWorkbook, job: JsonObject) -> list[str]:
    """Rows that are neither imported as the truth says nor refused for what is to be asked."""
    results, wrong = await list_results(bureau, job), []
    for sheet, row in workbook.list_rows():
        result = results.get((sheet["name"], row["row"]))
        questions = workbook.list_questions(sheet["name"], row["row"])
        if result is None:
            wrong.append(f"{row['row']}: not read")
        elif result["wrong"]:
            wrong += [] if questions else [f"{row['row']}: {result['faults']}"]
        elif row["place"].get("ask"):
            wrong.append(f"{row['row']}: taken without asking")
        else:
            project = expect_success(await bureau.get(f"/projects/{result['project_id']}"))
            wrong += [f"{row['row']}: {one}" for one in find_differences(project, row)]
    return wrong


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "19", "21", "25", "26"])
async def test_every_row_of_a_county_table_is_imported_or_asked_about(
    doors: SystemUnderTest, number: str
) -> None:
    workbook = load_workbook(number)
    bureau = await open_bureau(doors, workbook.truth["region"])
    answer = await post_table(
        bureau,
        workbook.content,
        workbook.truth["region"],
        year=workbook.truth["year"],
        name=workbook.path.name,
    )
    job = expect_success(answer)
    assert job["rows"] == workbook.truth["count"]["data_rows"], job["faults"]
    assert await compare(bureau, workbook, job) == []
    stated = {
        (total["row"], total["stated"], total["computed"])
        for sheet in workbook.truth["sheets"]
        if sheet["role"] == "data"
        for total in sheet["totals"]
        if not total["agrees"]
    }
    told = {
        (check["row"], int(check["stated"].replace(".", "")), int(check["computed"].replace(".", "")))
        for check in job["total_checks"]
        if not check["agrees"]
    }
    assert told == stated


@pytest.mark.parametrize(
    ("number", "words"),
    [("20", "打开口令"), ("22", "下面没有数据"), ("23", "WPS 的 .et"), ("24", "文件是空的")],
)
async def test_a_file_without_a_table_is_refused_with_the_true_reason(
    scenario: ProjectScenario, number: str, words: str
) -> None:
    answer = await post_table(scenario.bureau, load_workbook(number).content)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert words in answer.json()["detail"]


async def test_hidden_and_unread_sheets_and_other_tables_are_told(doors: SystemUnderTest) -> None:
    bureau = await open_bureau(doors, DISTRICT)
    job = expect_success(await post_table(bureau, load_workbook("03").content, dry_run=True))
    reasons = {sheet["name"]: sheet["reason"] for sheet in job["sheets"] if not sheet["is_read"]}
    assert reasons["汇总"] == "缺少列: 项目名称"
    assert "3 行" in reasons["黄羊镇(旧)"]
    assert "工作表“张义镇”没有数据行" in job["notes"]
    side = expect_success(await post_table(bureau, load_workbook("26").content, dry_run=True))
    assert "第 18 行起是另一张表" in side["notes"][0]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("group_rows", 2), ("two_sheets", 3), ("total_header", 1), ("merged_total", 1), ("content_header", 1)],
)
async def test_tables_that_failed_before_are_read(scenario: ProjectScenario, name: str, rows: int) -> None:
    job = expect_success(await post_table(scenario.bureau, (DATA / "inputs" / f"{name}.xlsx").read_bytes()))
    assert (job["rows"], job["imported"], job["wrong"]) == (rows, rows, 0), job["faults"]
    project = expect_success(await scenario.bureau.get(f"/projects/{job['project_ids'][0]}"))
    assert project["total"] != "0.00"
    assert project["content"] or name != "content_header"


@pytest.mark.parametrize(
    "title",
    [
        "项目总投资",
        "投资额(万元)",
        "投资规模(万元)",
        "概算总投资(万元)",
        "计划投资(万元)",
        "资金规模(万元)",
        "补助资金(万元)",
        "投资估算",
        "预算资金",
        "财政资金",
        "资金投入(万元)",
        "拟投入资金规模(万元)",
        "资金总额(万元)",
        "总额",
        "合计",
    ],
)
async def test_every_way_to_head_the_total_is_known(scenario: ProjectScenario, title: str) -> None:
    table = f"工程名称,乡镇,村,{title}\n新店村供水,黄羊镇,新店村,12.5万元\n"
    job = expect_success(await post_table(scenario.bureau, table.encode()))
    project = expect_success(await scenario.bureau.get(f"/projects/{job['project_ids'][0]}"))
    assert (project["total"], project["category"]) == ("125000.00", "3.1.4")


async def test_a_type_may_stay_open_until_the_draft_is_declared(scenario: ProjectScenario) -> None:
    table = "项目名称,乡镇,村,总投资,项目类型\n新店村某项目,黄羊镇,新店村,12.5,\n新店村综合项目,黄羊镇,新店村,¥3,其他\n"
    job = expect_success(await post_table(scenario.bureau, table.encode()))
    assert job["imported"] == 2, job["faults"]
    projects = [expect_success(await scenario.bureau.get(f"/projects/{key}")) for key in job["project_ids"]]
    assert [(one["category"], one["category_label"]) for one in projects] == [("", "待定"), ("8", "其他")]
    rows = await list_results(scenario.bureau, job)
    assert rows["CSV", 2]["notes"] == ["项目类型待定, 申报前请选定"]
    checked = await scenario.bureau.post(f"/projects/{projects[0]['id']}/declare?dry_run=true", json={})
    assert "项目类型须选到子类型" in checked.text


async def test_a_mapping_is_proposed_sent_and_remembered_for_the_district(scenario: ProjectScenario) -> None:
    table = "项目名称,乡镇,村,盘子(万元),主要建设内容概述,序号\n新店村供水,黄羊镇,新店村,12.5,铺设管道,1\n".encode()
    refused = await post_table(scenario.bureau, table)
    assert refused.status_code == 422
    heads = {error["pointer"]: error["detail"] for error in refused.json()["errors"]}
    assert "如 12.5" in heads["/query/mapping/盘子(万元)"]
    assert "可能是“建设内容与规模”" in heads["/query/mapping/主要建设内容概述"]
    bad = await post_table(scenario.bureau, table, mapping='{"盘子(万元)": "money"}')
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/query/mapping/盘子(万元)")
    mapping = '{"盘子(万元)": "total", "主要建设内容概述": "content", "村": ""}'
    tried = expect_success(await post_table(scenario.bureau, table, mapping=mapping, dry_run=True))
    how = {head["title"]: (head["key"], head["how"]) for head in tried["mapping"]}
    assert how["盘子(万元)"] == ("total", "mapped")
    assert how["村"] == ("", "")
    assert (await post_table(scenario.bureau, table)).status_code == 422  # a trial is not remembered
    expect_success(await post_table(scenario.bureau, table, mapping=mapping.replace(', "村": ""', "")))
    again = expect_success(await post_table(scenario.bureau, table.replace("供水".encode(), "道路".encode())))
    assert {head["title"]: head["how"] for head in again["mapping"]}["盘子(万元)"] == "remembered"
    project = expect_success(await scenario.bureau.get(f"/projects/{again['project_ids'][0]}"))
    assert (project["total"], project["content"]) == ("125000.00", "铺设管道")


async def test_a_total_that_contradicts_its_rows_is_told(scenario: ProjectScenario) -> None:
    table = "项目名称,乡镇,村,总投资\n新店村供水,黄羊镇,新店村,80\n合计,,,99\n填表人: 王某,,,\n"
    job = expect_success(await post_table(scenario.bureau, table.encode()))
    assert job["rows"] == 1
    assert "99.00 与明细 80.00 不符, 差 19.00 万元" in job["notes"][0]
    assert [(one["row"], one["why"]) for one in job["skipped"]] == [(3, "合计行"), (4, "附注或落款")]


async def test_an_edited_export_says_what_differs_and_changes_nothing(scenario: ProjectScenario) -> None:
    draft = "项目名称,乡镇,村,总投资,建设内容\n新店村道路,黄羊镇,新店村,30,硬化道路3公里\n"
    expect_success(await post_table(scenario.bureau, draft.encode(), year=2024))
    project_id = await scenario.create_in_reserve()
    exported = await scenario.bureau.get("/projects/export", params={"format": "xlsx", "year": 2024})
    same = expect_success(await post_table(scenario.bureau, exported.content))
    assert (same["rows"], same["already"], same["differs"], same["imported"]) == (2, 2, 0, 0), same[
        "differences"
    ]
    book = openpyxl.load_workbook(io.BytesIO(exported.content))
    page = book.active
    titles = {cell.value: cell.column for cell in page[3]}
    row = next(row for row in range(4, 6) if page.cell(row, titles["系统编号"]).value == project_id)
    page.cell(row, titles["项目预算总投资(万元)"]).value = 160
    page.cell(row, titles["建设内容与规模"]).value = "9公里"
    target = io.BytesIO()
    book.save(target)
    job = expect_success(await post_table(scenario.bureau, target.getvalue()))
    assert (job["already"], job["differs"], job["imported"], job["wrong"]) == (2, 1, 0, 0)
    fields = {one["column"]: (one["library"], one["table"]) for one in job["differences"][0]["fields"]}
    assert fields["项目预算总投资(万元)"] == ("120.0000", "160.0000")
    assert fields["建设内容与规模"][1] == "9公里"
    assert job["differences"][0]["project_id"] == project_id
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["total"] == "1200000.00"


async def test_the_clerks_own_workbook_comes_back_marked(scenario: ProjectScenario) -> None:
    workbook = load_workbook("25")
    job = expect_success(await post_table(scenario.bureau, workbook.content, name=workbook.path.name))
    answer = await scenario.bureau.get(job["workbook"].removeprefix("/api/v1"))
    assert "xlsx.xlsx" not in answer.headers["content-disposition"]
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    before = openpyxl.load_workbook(io.BytesIO(workbook.content)).active
    assert [[cell.value for cell in row[:6]] for row in page.iter_rows()] == [
        [cell.value for cell in row[:6]] for row in before.iter_rows()
    ]
    assert page.cell(2, 7).value == "问题"
    assert "请写明是哪一个" in page.cell(17, 7).value
    assert page.cell(17, 3).fill.start_color.rgb == "00FFC7CE"
    assert "请写明是哪一个" in page.cell(17, 3).comment.text
    assert page.cell(18, 7).value is None
    again = expect_success(await post_table(scenario.bureau, answer.content))
    assert (again["rows"], again["already"], again["wrong"]) == (35, 27, 8)


async def test_an_xls_file_comes_back_as_xlsx_with_the_same_rows(scenario: ProjectScenario) -> None:
    workbook = load_workbook("07")  # a register of assets, read here only for its form
    mapping = '{"资产名称": "name", "资产原值": "total"}'
    answer = await scenario.bureau.post(
        "/projects/imports/check",
        content=workbook.content,
        params={"region": DISTRICT, "year": 2023, "mapping": mapping},
    )
    assert answer.status_code == 200, answer.text
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert (page.cell(1, 1).value, page.cell(3, 4).value, page.cell(8, 4).value) == (
        "张义镇扶贫资产管护台账",
        "资产名称",
        "马铃薯储藏窖",
    )


async def test_a_long_import_can_be_cancelled(scenario: ProjectScenario) -> None:
    columns = [
        Column(key, title) for key, title in (("name", "项目名称"), ("town", "乡镇"), ("total", "总投资"))
    ]
    rows = [{"name": f"第{n}号道路", "town": "黄羊镇", "total": "12.5"} for n in range(300)]
    job = expect_success(await post_table(scenario.bureau, build_workbook(columns, rows)))
    assert job["state"] == "running"
    assert await run_next_batch(scenario.projects.context)
    address = job["address"].removeprefix("/api/v1")
    cancelled = expect_success(await scenario.bureau.post(f"{address}/cancel"))
    assert (cancelled["state"], cancelled["done"], cancelled["imported"]) == ("cancelled", 50, 50)
    assert not await run_next_batch(scenario.projects.context)
    assert (await scenario.bureau.post(f"{address}/cancel")).status_code == 409
    assert (await scenario.clerk.post(f"{address}/cancel")).status_code == 404
