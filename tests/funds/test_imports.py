"""Allocation tables as counties published them: taken whole and to the 分, or refused with the reason of every row."""

import csv
import io
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from shared.money import from_wan, yuan
from tests.doors import DISTRICT
from tests.funds.desk import Desk, ok, refused
from tests.funds.library import Library
from tests.funds.published import BEITA, DACHUAN, ZEKU, Batch, batch

TITLES = (
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
KEYS = (
    "project_name",
    "location",
    "content",
    "amount_wan_yuan",
    "fund_source",
    "project_type",
    "responsible_unit",
    "performance_target",
)


def rows_of(published: Batch) -> list[list[str]]:
    """The table as it was published, with its number column and its total."""
    rows = [[str(n), *(row[key] for key in KEYS)] for n, row in enumerate(published.rows, 1)]
    total = str(published.total // 1_000_000)
    return [list(TITLES), *rows, ["合计", "", "", "", total, "", "", "", ""]]


def as_csv(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["资金分配表"])
    for row in rows:
        page.append([float(cell) if cell.replace(".", "").isdigit() else cell for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def sources_of(desk: Desk, published: Batch) -> list[str]:
    """The documents of a batch: one per level of money in it."""
    levels: dict[str, int] = {}
    for row, amount in zip(published.rows, published.amounts, strict=True):
        level = "provincial" if row["fund_source"].startswith("省") else "central"
        levels[level] = levels.get(level, 0) + amount
    year = published.year
    made = [
        await desk.source(
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
    return [one["id"] for one in made]


def shelve(library: Library, published: Batch) -> dict[tuple[str, str], UUID]:
    """Every project of a batch is in reserve."""
    rows = {(row["project_name"], row["location"]): row for row in published.rows}
    return {
        key: library.project(
            row["project_name"],
            place=row["location"],
            content=row["content"],
            counts_as_industry=row["project_type"].startswith("产业"),
            category_label=row["project_type"],
        )
        for key, row in rows.items()
    }


async def send(desk: Desk, content: bytes, sources: list[str], total: int, **given: Any) -> Any:
    params: dict[str, Any] = {
        "region": DISTRICT,
        "title": "分配计划",
        "year": 2024,
        "source_id": sources,
        "announced_total": yuan(total),
        **given,
    }
    return await desk.bureau.post("/funds/imports", params=params, content=content)


@pytest.mark.parametrize(
    ("county", "lines", "wan"), [(ZEKU, 6, "1259"), (BEITA, 16, "408"), (DACHUAN, 13, "10782")]
)
@pytest.mark.parametrize("form", [as_csv, as_xlsx], ids=["csv", "xlsx"])
async def test_a_published_table_that_adds_up_is_taken_and_balances(
    desk: Desk, library: Library, county: str, lines: int, wan: str, form: Any
) -> None:
    published = batch(county)
    shelve(library, published)
    sources = await sources_of(desk, published)
    given = {"year": published.year, "batch": published.name, "title": published.name}
    content = form(rows_of(published))
    tried = ok(await send(desk, content, sources, published.total, **given, dry_run=True))
    assert (tried["plan_id"], tried["errors"], tried["difference"]) == (None, [], "0.00")
    assert ok(await desk.leader.get("/funds/plans"))["items"] == []
    taken = ok(await send(desk, content, sources, published.total, **given))
    assert taken["totals_skipped"]
    assert (len(taken["lines"]), taken["total"]) == (lines, yuan(from_wan(wan)))
    await desk.issued(taken["plan_id"])
    held = await desk.figures()
    assert (held["received"], held["allocated"], held["available"]) == (published.total, published.total, 0)
    await desk.balanced()


async def test_the_parts_of_dachuan_come_from_their_own_documents(desk: Desk, library: Library) -> None:
    published = batch(DACHUAN)
    shelve(library, published)
    sources = await sources_of(desk, published)
    taken = ok(await send(desk, as_csv(rows_of(published)), sources, published.total))
    lines = ok(await desk.leader.get(f"/funds/plans/{taken['plan_id']}/lines"))
    parts = [
        sum(from_wan(one["amount"]) // 10_000 for one in lines if one["source_id"] == source)
        for source in sources
    ]
    assert parts == [from_wan("5273"), from_wan("5509")]


async def test_a_table_that_does_not_add_up_is_refused_with_the_difference(
    desk: Desk, library: Library
) -> None:
    published = batch(ZEKU)
    shelve(library, published)
    sources = await sources_of(desk, published)
    rows = rows_of(published)
    rows[1][4] = "499.999999"
    answer = await send(desk, as_csv(rows), sources, published.total)
    problem = refused(answer, 422, "total")
    assert "相差 -0.01 元" in problem["errors"][0]["detail"]
    assert ok(await desk.leader.get("/funds/plans"))["items"] == []


async def test_every_wrong_row_is_named_at_once(desk: Desk, library: Library) -> None:
    published = batch(ZEKU)
    projects = shelve(library, published)
    sources = await sources_of(desk, published)
    rows = rows_of(published)
    rows[1][1] = "没有入库的项目"
    rows[2][4] = "二百三十"
    rows[3][4] = "-208"
    library.project(rows[4][1], place="泽库县", library_code="ZK-2")
    tried = ok(await send(desk, as_csv(rows), sources, published.total, dry_run=True))
    pointers = {fault["pointer"]: fault["detail"] for fault in tried["errors"]}
    assert "请先入库" in pointers["/rows/2/name"]
    assert "/rows/3/amount" in pointers
    assert "须大于零" in pointers["/rows/4/amount"]
    assert "2 个同名项目" in pointers["/rows/5/name"]
    assert "/announced_total" in pointers
    refused(await send(desk, as_csv(rows), sources, published.total), 422, "cell")
    assert len(projects) == 6


async def test_a_code_tells_projects_of_one_name_apart(desk: Desk, library: Library) -> None:
    (source,) = [(await desk.source(100_0000_00))["id"]]
    library.project("蔬菜基地", library_code="BT-1")
    second = library.project("蔬菜基地", library_code="BT-2")
    rows = [["库编号", "项目名称", "金额(万元)"], ["BT-2", "蔬菜基地", "100"]]
    taken = ok(await send(desk, as_csv(rows), [source], 100_0000_00))
    assert [one["project_id"] for one in taken["lines"]] == [str(second)]
    rows[1][0] = "BT-9"
    refused(await send(desk, as_csv(rows), [source], 100_0000_00), 422, "cell")


async def test_the_same_table_sent_twice_under_one_id_is_one_plan(desk: Desk, library: Library) -> None:
    published = batch(ZEKU)
    shelve(library, published)
    sources = await sources_of(desk, published)
    once = {"id": "01a20caa-a3e8-71c1-b41d-92126c065e49"}
    content = as_csv(rows_of(published), "gb18030")
    first = ok(await send(desk, content, sources, published.total, **once))
    second = ok(await send(desk, content, sources, published.total, **once))
    assert first["plan_id"] == second["plan_id"] == once["id"]
    assert len(ok(await desk.leader.get("/funds/plans"))["items"]) == 1


async def test_the_marked_table_says_what_is_wrong_beside_each_row(desk: Desk, library: Library) -> None:
    published = batch(ZEKU)
    sources = await sources_of(desk, published)
    params: dict[str, Any] = {
        "region": DISTRICT,
        "title": "分配计划",
        "year": 2024,
        "source_id": sources,
        "announced_total": "1.00",
    }
    answer = await desk.bureau.post(
        "/funds/imports/marked", params=params, content=as_csv(rows_of(published))
    )
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    cells = [[cell.value for cell in row] for row in page.iter_rows()]
    assert cells[0][-1] == "问题"
    assert all("请先入库" in row[-1] for row in cells[1:])


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"PK\x03\x04 broken", 422), ("甲,乙\n1,2".encode(), 422), (b"\xd0\xcf\x11\xe0 old", 422)],
)
async def test_what_is_no_allocation_table_is_refused(desk: Desk, content: bytes, status: int) -> None:
    source = (await desk.source(100))["id"]
    refused(await send(desk, content, [source], 100), status)


async def test_who_may_not_draft_and_what_is_not_there_is_refused(desk: Desk, library: Library) -> None:
    source = (await desk.source(100))["id"]
    rows = as_csv([["项目名称", "金额(万元)"], ["机井", "1"]])
    missing = "01a20caa-a3e8-71c1-b41d-92126c065e49"
    refused(await send(desk, rows, [missing], 100), 404)
    refused(await send(desk, rows, [source], 100, announced_total="一百"), 422)
    refused(await send(desk, rows, [source], 100, region="632323000000"), 404)
    params: dict[str, Any] = {
        "region": DISTRICT,
        "title": "计划",
        "year": 2024,
        "source_id": [source],
        "announced_total": "1",
    }
    refused(await desk.finance.post("/funds/imports", params=params, content=rows), 403)
    library.down = True
    refused(await send(desk, rows, [source], 100), 503)


async def test_the_template_can_be_filled_in(desk: Desk, library: Library) -> None:
    library.project("机井")
    source = (await desk.source(1_0000_00))["id"]
    form = await desk.bureau.get("/funds/imports/template")
    book = openpyxl.load_workbook(io.BytesIO(form.content))
    page = book.worksheets[0]
    header = next(row for row in page.iter_rows() if any(cell.value == "项目名称" for cell in row))
    for cell in header:
        value = {"项目名称": "机井", "资金(万元)": 1}.get(cell.value)
        if value is not None:
            page.cell(cell.row + 1, cell.column, value)
    out = io.BytesIO()
    book.save(out)
    taken = ok(await send(desk, out.getvalue(), [source], 1_0000_00))
    assert taken["total"] == "10000.00"
