"""Published allocation tables are imported completely and to the 分, or refused with the errors of every row."""

import csv
import io
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from shared.china import format_yuan, parse_wan_cell
from tests.clients import DISTRICT
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.funds.published_batches import BEITA, DACHUAN, ZEKU, PublishedBatch, get_batch

COLUMN_TITLES = (
    "序号",
    "项目名称",
    "实施地点",
    "建设内容",
    "资金(万元)",
    "资金名称",
    "项目类型",
    "责任单位",
    "绩效目标",
)
COLUMN_KEYS = (
    "project_name",
    "location",
    "content",
    "amount_wan_yuan",
    "fund_source",
    "project_type",
    "responsible_unit",
    "performance_target",
)


def build_rows(published: PublishedBatch) -> list[list[str]]:
    """The published table with its number column and total row."""
    rows = [[str(n), *(row[key] for key in COLUMN_KEYS)] for n, row in enumerate(published.rows, 1)]
    total = str(published.total // 1_000_000)
    return [list(COLUMN_TITLES), *rows, ["合计", "", "", "", total, "", "", "", ""]]


def build_csv(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def build_xlsx(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["资金分配表"])
    for row in rows:
        page.append([float(cell) if cell.replace(".", "").isdigit() else cell for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def create_sources(scenario: FundsScenario, published: PublishedBatch) -> list[str]:
    """Register the documents of a batch: one per level."""
    levels: dict[str, int] = {}
    for row, amount in zip(published.rows, published.amounts, strict=True):
        level = "provincial" if row["fund_source"].startswith("省") else "central"
        levels[level] = levels.get(level, 0) + amount
    year = published.year
    sources = [
        await scenario.create_source(
            amount,
            level=level,
            document_no=published.document_no or "凉财农〔2020〕1号",
            fiscal_year=year,
            fund="poverty" if year < 2021 else "bridging",
            document_date=f"{year}-01-05",
            received_on=f"{year}-01-06",
        )
        for level, amount in levels.items()
    ]
    return [item["id"] for item in sources]


def create_reserve_projects(
    library: FakeProjectLibrary, published: PublishedBatch
) -> dict[tuple[str, str], UUID]:
    """Create every project of a batch in reserve state."""
    rows = {(row["project_name"], row["location"]): row for row in published.rows}
    return {
        key: library.create_project(
            row["project_name"],
            place=row["location"],
            content=row["content"],
            counts_as_industry=row["project_type"].startswith("产业"),
            category_label=row["project_type"],
        )
        for key, row in rows.items()
    }


async def post_import(
    scenario: FundsScenario, content: bytes, sources: list[str], total: int, **overrides: Any
) -> Any:
    params: dict[str, Any] = {
        "region": DISTRICT,
        "title": "分配计划",
        "year": 2024,
        "source_id": sources,
        "announced_total": format_yuan(total),
        **overrides,
    }
    return await scenario.bureau.post("/funds/imports", params=params, content=content)


@pytest.mark.parametrize(
    ("county", "lines", "wan"), [(ZEKU, 6, "1259"), (BEITA, 16, "408"), (DACHUAN, 13, "10782")]
)
@pytest.mark.parametrize("form", [build_csv, build_xlsx], ids=["csv", "xlsx"])
async def test_a_published_table_that_adds_up_is_taken_and_balances(
    scenario: FundsScenario, library: FakeProjectLibrary, county: str, lines: int, wan: str, form: Any
) -> None:
    published = get_batch(county)
    create_reserve_projects(library, published)
    sources = await create_sources(scenario, published)
    plan_fields = {"year": published.year, "batch": published.name, "title": published.name}
    content = form(build_rows(published))
    tried = expect_ok(
        await post_import(scenario, content, sources, published.total, **plan_fields, dry_run=True)
    )
    assert (tried["plan_id"], tried["errors"], tried["difference"]) == (None, [], "0.00")
    assert expect_ok(await scenario.leader.get("/funds/plans"))["items"] == []
    taken = expect_ok(await post_import(scenario, content, sources, published.total, **plan_fields))
    assert taken["totals_skipped"]
    assert (len(taken["lines"]), taken["total"]) == (lines, format_yuan(parse_wan_cell(wan)))
    await scenario.issue_plan(taken["plan_id"])
    totals = await scenario.get_totals()
    assert (totals["received"], totals["allocated"], totals["available"]) == (
        published.total,
        published.total,
        0,
    )
    await scenario.check_balanced()


async def test_the_parts_of_dachuan_come_from_their_own_documents(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    published = get_batch(DACHUAN)
    create_reserve_projects(library, published)
    sources = await create_sources(scenario, published)
    taken = expect_ok(await post_import(scenario, build_csv(build_rows(published)), sources, published.total))
    lines = expect_ok(await scenario.leader.get(f"/funds/plans/{taken['plan_id']}/lines"))
    parts = [
        sum(parse_wan_cell(line["amount"]) // 10_000 for line in lines if line["source_id"] == source)
        for source in sources
    ]
    assert parts == [parse_wan_cell("5273"), parse_wan_cell("5509")]


async def test_a_table_that_does_not_add_up_is_refused_with_the_difference(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    published = get_batch(ZEKU)
    create_reserve_projects(library, published)
    sources = await create_sources(scenario, published)
    rows = build_rows(published)
    rows[1][4] = "499.999999"
    answer = await post_import(scenario, build_csv(rows), sources, published.total)
    problem = expect_refusal(answer, 422, "total")
    assert "相差 -0.01 元" in problem["errors"][0]["detail"]
    assert expect_ok(await scenario.leader.get("/funds/plans"))["items"] == []


async def test_every_wrong_row_is_named_at_once(scenario: FundsScenario, library: FakeProjectLibrary) -> None:
    published = get_batch(ZEKU)
    projects = create_reserve_projects(library, published)
    sources = await create_sources(scenario, published)
    rows = build_rows(published)
    rows[1][1] = "没有入库的项目"
    rows[2][4] = "二百三十"
    rows[3][4] = "-208"
    library.create_project(rows[4][1], place="泽库县", library_code="ZK-2")
    tried = expect_ok(await post_import(scenario, build_csv(rows), sources, published.total, dry_run=True))
    pointers = {fault["pointer"]: fault["detail"] for fault in tried["errors"]}
    assert "请先入库" in pointers["/rows/2/name"]
    assert "/rows/3/amount" in pointers
    assert "须大于零" in pointers["/rows/4/amount"]
    assert "2 个同名项目" in pointers["/rows/5/name"]
    assert "/announced_total" in pointers
    expect_refusal(await post_import(scenario, build_csv(rows), sources, published.total), 422, "cell")
    assert len(projects) == 6


async def test_a_code_tells_projects_of_one_name_apart(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    (source,) = [(await scenario.create_source(100_0000_00))["id"]]
    library.create_project("蔬菜基地", library_code="BT-1")
    second = library.create_project("蔬菜基地", library_code="BT-2")
    rows = [["库编号", "项目名称", "金额(万元)"], ["BT-2", "蔬菜基地", "100"]]
    taken = expect_ok(await post_import(scenario, build_csv(rows), [source], 100_0000_00))
    assert [line["project_id"] for line in taken["lines"]] == [str(second)]
    rows[1][0] = "BT-9"
    expect_refusal(await post_import(scenario, build_csv(rows), [source], 100_0000_00), 422, "cell")


async def test_the_same_table_sent_twice_under_one_id_is_one_plan(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    published = get_batch(ZEKU)
    create_reserve_projects(library, published)
    sources = await create_sources(scenario, published)
    once = {"id": "01a20caa-a3e8-71c1-b41d-92126c065e49"}
    content = build_csv(build_rows(published), "gb18030")
    first = expect_ok(await post_import(scenario, content, sources, published.total, **once))
    second = expect_ok(await post_import(scenario, content, sources, published.total, **once))
    assert first["plan_id"] == second["plan_id"] == once["id"]
    assert len(expect_ok(await scenario.leader.get("/funds/plans"))["items"]) == 1


async def test_the_marked_table_says_what_is_wrong_beside_each_row(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    published = get_batch(ZEKU)
    sources = await create_sources(scenario, published)
    params: dict[str, Any] = {
        "region": DISTRICT,
        "title": "分配计划",
        "year": 2024,
        "source_id": sources,
        "announced_total": "1.00",
    }
    answer = await scenario.bureau.post(
        "/funds/imports/marked", params=params, content=build_csv(build_rows(published))
    )
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    cells = [[cell.value for cell in row] for row in page.iter_rows()]
    assert cells[0][-1] == "问题"
    assert all("请先入库" in row[-1] for row in cells[1:] if row[0] != "合计")


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"PK\x03\x04 broken", 422), ("甲,乙\n1,2".encode(), 422), (b"\xd0\xcf\x11\xe0 old", 422)],
)
async def test_what_is_no_allocation_table_is_refused(
    scenario: FundsScenario, content: bytes, status: int
) -> None:
    source = (await scenario.create_source(100))["id"]
    expect_refusal(await post_import(scenario, content, [source], 100), status)


async def test_who_may_not_draft_and_what_is_not_there_is_refused(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = (await scenario.create_source(100))["id"]
    rows = build_csv([["项目名称", "金额(万元)"], ["机井", "1"]])
    missing = "01a20caa-a3e8-71c1-b41d-92126c065e49"
    expect_refusal(await post_import(scenario, rows, [missing], 100), 404)
    expect_refusal(await post_import(scenario, rows, [source], 100, announced_total="一百"), 422)
    expect_refusal(await post_import(scenario, rows, [source], 100, region="632323000000"), 404)
    params: dict[str, Any] = {
        "region": DISTRICT,
        "title": "计划",
        "year": 2024,
        "source_id": [source],
        "announced_total": "1",
    }
    expect_refusal(await scenario.finance.post("/funds/imports", params=params, content=rows), 403)
    library.is_down = True
    expect_refusal(await post_import(scenario, rows, [source], 100), 503)


async def test_the_template_can_be_filled_in(scenario: FundsScenario, library: FakeProjectLibrary) -> None:
    library.create_project("机井")
    source = (await scenario.create_source(1_0000_00))["id"]
    form = await scenario.bureau.get("/funds/imports/template")
    book = openpyxl.load_workbook(io.BytesIO(form.content))
    page = book.worksheets[0]
    header = next(row for row in page.iter_rows() if any(cell.value == "项目名称" for cell in row))
    for cell in header:
        value = {"项目名称": "机井", "资金(万元)": 1}.get(cell.value)
        if value is not None:
            page.cell(cell.row + 1, cell.column, value)
    out = io.BytesIO()
    book.save(out)
    taken = expect_ok(await post_import(scenario, out.getvalue(), [source], 1_0000_00))
    assert taken["total"] == "10000.00"
