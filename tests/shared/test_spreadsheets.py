"""Spreadsheets: found under any header, every wrong cell named, nothing exact lost, nothing executed."""

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.china import MAX_AMOUNT_FEN, LabelledEnum, Money
from shared.spreadsheets import (
    DAY,
    INTEGER,
    MONTH,
    WAN,
    YUAN,
    Column,
    Sheet,
    WorkbookWriter,
    annotate_sheet,
    build_template,
    build_workbook,
    choice_column,
    export_batches,
    read_sheet,
)


class BuildKind(LabelledEnum):
    NEW = "new", "新建"
    REBUILD = "rebuild", "改扩建"


COLUMNS = [
    Column("name", "项目名称", required=True),
    choice_column("way", "建设性质", BuildKind),
    Column("amount", "资金规模(万元)", WAN, aliases=("总投资", "预算资金"), required=True),
    Column("households", "受益户数", INTEGER),
    Column("starts_on", "开工日期", DAY),
]
EXPECTED_ROW = {
    "name": "黄羊镇供水",
    "way": BuildKind.NEW,
    "amount": 1_259_000_000,
    "households": 35,
    "starts_on": date(2022, 3, 1),
}


def build_xlsx(*rows: list[object], merge: tuple[str, ...] = (), name: str = "Sheet1") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    for area in merge:
        book.active.merge_cells(area)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def list_values(sheet: Sheet) -> list[dict[str, object]]:
    return [row.values for row in sheet.rows]


def test_what_is_written_is_read_again() -> None:
    assert list_values(read_sheet(build_workbook(COLUMNS, [EXPECTED_ROW]), COLUMNS)) == [EXPECTED_ROW]


amounts_strategy = st.integers(1 - MAX_AMOUNT_FEN, MAX_AMOUNT_FEN - 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.text(), amounts_strategy, st.dates(date(1950, 1, 1), date(2100, 1, 1))), max_size=8)
)
def test_any_text_amount_and_date_survives(rows: list[tuple[str, int, date]]) -> None:
    columns = [
        Column("no", "序号", INTEGER),
        Column("words", "内容"),
        Column("wan", "甲(万元)", WAN),
        Column("yuan", "乙(元)", YUAN),
        Column("on", "日期", DAY),
        Column("month", "月份", MONTH),
    ]
    given_rows: list[dict[str, Any]] = [
        {"no": at, "words": words, "wan": amount, "yuan": -amount, "on": on, "month": on.replace(day=1)}
        for at, (words, amount, on) in enumerate(rows)
    ]
    for row in given_rows:
        row["words"] = columns[1].read_cell(row["words"]) or None
    sheet = read_sheet(build_workbook(columns, given_rows), columns)
    assert sheet.errors == []
    assert list_values(sheet) == given_rows


def test_the_header_is_found_under_titles_and_by_aliases() -> None:
    content = build_xlsx(
        ["凉州区2022年项目库"],
        ["填报单位: 黄羊镇", None, "单位: 万元"],
        ["序号", "项 目 名 称*", "总投资(万元)", "备注"],
        [1, "供水", 29.4, "第一批"],
        [None, None, None, None],
        ["合计", None, 29.4],
        merge=("A1:D1",),
    )
    sheet = read_sheet(content, COLUMNS)
    assert [(row.number, row.values["name"], row.values["amount"]) for row in sheet.rows] == [
        (4, "供水", 29_400_000)
    ]
    assert sheet.ignored == ["序号", "备注"]
    assert sheet.totals == [6]


def test_a_header_of_two_rows_with_merged_groups() -> None:
    columns = [
        Column("name", "项目名称", required=True),
        Column("central", "中央资金", WAN, aliases=("资金规模中央",)),
        Column("local", "县级", WAN),
    ]
    content = build_xlsx(
        ["项目库"],
        ["项目名称", "资金规模(万元)", None, "备注"],
        [None, "中央", "县级", None],
        ["供水", 10, 2.5, ""],
        merge=("A1:D1", "A2:A3", "B2:C2", "D2:D3"),
    )
    sheet = read_sheet(content, columns)
    assert list_values(sheet) == [{"name": "供水", "central": 10_000_000, "local": 2_500_000}]
    assert list_values(read_sheet(annotate_sheet(sheet), columns)) == list_values(sheet)


def test_merged_text_counts_for_each_row_and_a_merged_amount_only_once() -> None:
    columns = [Column("town", "乡镇"), *COLUMNS[:1], Column("amount", "金额(万元)", WAN)]
    content = build_xlsx(
        ["乡镇", "项目名称", "金额(万元)"],
        ["黄羊镇", "供水", 10],
        [None, "道路", None],
        merge=("A2:A3", "C2:C3"),
    )
    assert [(r["town"], r["amount"]) for r in list_values(read_sheet(content, columns))] == [
        ("黄羊镇", 10_000_000),
        ("黄羊镇", None),
    ]


@pytest.mark.parametrize(
    ("rows", "amount"),
    [
        ([["项目名称", "资金规模(元)"], ["供水", 500000]], 50_000_000),
        ([["项目名称", "资金规模（万元）"], ["供水", 50]], 50_000_000),
        ([["资金表", "单位：元"], ["项目名称", "资金规模"], ["供水", 500000]], 50_000_000),
        ([["资金表(单位: 元)"], ["项目名称", "资金规模(万元)"], ["供水", 50]], 50_000_000),
        ([["资金表"], ["项目名称", "资金规模"], ["供水", 50]], 50_000_000),
    ],
)
def test_the_unit_that_the_sheet_states_counts(rows: list[list[object]], amount: int) -> None:
    sheet = read_sheet(build_xlsx(*rows), COLUMNS)
    assert sheet.rows[0].values["amount"] == amount
    assert read_sheet(annotate_sheet(sheet), COLUMNS).rows[0].values["amount"] == amount


def test_every_wrong_cell_is_named_at_once() -> None:
    content = build_xlsx(
        ["项目名称", "建设性质", "资金规模(万元)", "受益户数", "开工日期"],
        ["", "拆除", "约5", 1.5, "2022-02-30"],
        ["道路", "改扩建", "1,259.5", "35", "2022年3月1日"],
    )
    sheet = read_sheet(content, COLUMNS)
    assert [(one.row, one.column, one.pointer) for one in sheet.errors] == [
        (2, "项目名称", "/rows/2/name"),
        (2, "建设性质", "/rows/2/way"),
        (2, "资金规模(万元)", "/rows/2/amount"),
        (2, "受益户数", "/rows/2/households"),
        (2, "开工日期", "/rows/2/starts_on"),
    ]
    assert "新建、改扩建" in sheet.errors[1].message
    assert sheet.rows[1].is_valid
    assert sheet.rows[1].values["amount"] == 1_259_500_000
    sheet.rows[1].add_error("name", "本村已有同名项目")
    assert sheet.to_field_errors()[-1].detail == "第 3 行“项目名称”: 本村已有同名项目"


def test_the_upload_comes_back_with_what_is_wrong() -> None:
    sheet = read_sheet(
        build_xlsx(["项目名称", "资金规模(万元)", "备注"], ["甲", "x", "=1+1"], ["乙", 5, None]), COLUMNS
    )
    page = openpyxl.load_workbook(io.BytesIO(annotate_sheet(sheet))).active
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    assert rows[0] == ["项目名称", "资金规模(万元)", "备注", "问题"]
    assert rows[1][:2] == ["甲", "x"]
    assert rows[1][3].startswith("资金规模(万元): 不是金额")
    assert rows[2] == ["乙", 5, None, None]
    assert page["B2"].fill.fgColor.rgb == "FFFFC7CE"
    only = openpyxl.load_workbook(io.BytesIO(annotate_sheet(sheet, only_wrong=True))).active
    assert only.max_row == 2


def test_readers_of_pydantic_speak_one_sentence() -> None:
    columns = [Column("amount", "金额", reader=TypeAdapter(Money).validate_python)]
    sheet = read_sheet("金额\n-1\n5.5\n".encode(), columns)
    assert [one.message for one in sheet.errors] == ["金额不能为负"]
    assert sheet.rows[1].values == {"amount": 550}


def test_long_numbers_that_lost_digits_are_refused() -> None:
    columns = [Column("card", "身份证号", holds_number=True)]
    sheet = read_sheet(
        build_xlsx(["身份证号"], [622301197001011234], ["622301197001011234"], [13800138000]), columns
    )
    assert "15位" in sheet.errors[0].message
    assert [row["card"] for row in list_values(sheet)] == [None, "622301197001011234", "13800138000"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_in_the_encodings_people_have(encoding: str, delimiter: str) -> None:
    words = '项目名称,资金规模(万元),受益户数\r\n"供水\n二期",29.4,35\r\n'.replace(",", delimiter)
    sheet = read_sheet(words.encode(encoding), COLUMNS)
    assert list_values(sheet) == [{"name": "供水\n二期", "amount": 29_400_000, "households": 35}]


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t=", "|", "%", "=cmd|' /C calc'!A0", "＝1+1", "＋", "－1", "＠"]
)
def test_text_never_becomes_a_formula_or_a_link(start: str) -> None:
    words = f'{start}HYPERLINK("http://x")'
    content = build_workbook([Column("a", "内容")], [{"a": words}, {"a": "http://example.com"}])
    cell = openpyxl.load_workbook(io.BytesIO(content)).active["A2"]
    assert (cell.data_type, cell.value.strip()) == ("s", words.strip())
    assert cell.quotePrefix
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        page = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in page
    assert b"hyperlink" not in page


def test_amounts_stand_in_the_file_as_exact_decimals() -> None:
    content = build_workbook([Column("a", "金额(元)", YUAN)], [{"a": MAX_AMOUNT_FEN - 1}, {"a": 10}])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        page = archive.read("xl/worksheets/sheet1.xml")
    assert b"<v>9999999999999.99</v>" in page
    assert b"<v>0.10</v>" in page


async def test_an_export_takes_batches_as_they_come() -> None:
    async def pages() -> AsyncIterator[list[dict[str, object]]]:
        for start in range(0, 2500, 500):
            yield [{"name": f"项目{at}", "amount": at} for at in range(start, start + 500)]

    target = io.BytesIO()
    assert await export_batches(target, COLUMNS, pages()) == 2500
    assert [row.values["amount"] for row in read_sheet(target.getvalue(), COLUMNS).rows] == list(range(2500))


def test_objects_many_sheets_and_odd_sheet_names() -> None:
    class Thing:
        name = "供水"

    target = io.BytesIO()
    with WorkbookWriter(target) as book:
        book.add_sheet("a/b:[c]?*", COLUMNS[:1]).add_row(Thing())
        book.add_sheet("a/b:[c]?*", COLUMNS[:1], title="标题", note="说明").add_row(Thing())
        book.add_sheet("", COLUMNS[:1])
    names = openpyxl.load_workbook(target).sheetnames
    assert len({name.casefold() for name in names}) == 3
    assert [row.number for row in read_sheet(target.getvalue(), COLUMNS[:1]).rows] == [2, 4]


def test_a_template_has_headers_lists_and_explanations_and_reads_as_empty() -> None:
    villages = [f"{at}号村委会" for at in range(442)]
    columns = [*COLUMNS, Column("village", "村", required=True, note="按村委会全称")]
    content = build_template(columns, title="项目申报表", lists={"village": villages})
    book = openpyxl.load_workbook(io.BytesIO(content))
    rules = {
        str(rule.sqref).split(":")[0]: rule.formula1 for rule in book["填报"].data_validations.dataValidation
    }
    assert rules == {"B4": '"新建,改扩建"', "F4": "选项!$B$1:$B$442"}
    assert book["选项"]["B442"].value == "441号村委会"
    assert book["选项"].sheet_state == "hidden"
    explained = {row[0].value: [cell.value for cell in row[1:]] for row in book["说明"].iter_rows()}
    assert explained["村"][:2] == ["是", "文本"]
    assert "可选: 新建、改扩建" in explained["建设性质"][2]
    filled = book["填报"]
    filled.append(["供水", "新建", 5, None, None, "3号村委会"])
    target = io.BytesIO()
    book.save(target)
    assert read_sheet(content, columns).rows == []
    assert list_values(read_sheet(target.getvalue(), columns))[0]["village"] == "3号村委会"
