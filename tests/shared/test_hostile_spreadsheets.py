"""Spreadsheets that lie, burst or are none at all are refused in words, and cost little."""

import io
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Invalid, TooLarge
from shared.spreadsheets import TEXT, WAN, Column, SheetLimits, build_workbook, read_sheet

COLUMNS = [
    Column("name", "项目名称", required=True),
    Column("amount", "资金规模(万元)", WAN, aliases=("总投资",), required=True),
]
EXPECTED_ROW = {"name": "黄羊镇供水", "amount": 1_259_000_000}


def build_xlsx(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\1\2\3",
        b"PK\3\4rubbish",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\xff\xfe\xff",
        b"\x81\x00",
        "只有一列,没有表头\n".encode(),
        "项目名称\n供水\n".encode(),
        b'"' + b"x" * 200_000,
        build_workbook([Column("a", "别的")], []),
    ],
)
def test_what_is_no_such_table_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_sheet(content, COLUMNS)
    assert refused.value.detail


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 5000), st.sampled_from([b"", b"PK\3\4"]))
def test_damaged_files_are_refused_and_nothing_else(noise: bytes, at: int, start: bytes) -> None:
    sound = build_workbook(COLUMNS, [EXPECTED_ROW])
    for content in (start + noise, sound[:at] + noise + sound[at + len(noise) :]):
        try:
            read_sheet(content, COLUMNS)
        except (Invalid, TooLarge):
            continue


def replace_parts(parts: dict[str, bytes]) -> bytes:
    """A workbook with these parts in place of its own."""
    target = io.BytesIO()
    source = build_xlsx(["项目名称", "资金规模(万元)"], ["供水", 5])
    with (
        zipfile.ZipFile(io.BytesIO(source)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, parts.get(name) or old.read(name))
        for name in parts.keys() - set(old.namelist()):
            new.writestr(name, parts[name])
    return target.getvalue()


SHEET_XML = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
SHARED_STRINGS_XML = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</sst>'


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r = 'xfd1048576'><v>1</v></c></row>",
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576">' + "<c><v>1</v></c>" * 20 + "</row>",
        '<row r="1"><c r="A1"><v>1</v></c></row><row><c x=">" r="XFD1048576"><v>1</v></c></row>',
    ],
)
def test_a_cell_far_out_does_not_ask_for_gigabytes(cells: str) -> None:
    with pytest.raises(TooLarge):
        read_sheet(replace_parts({"xl/worksheets/sheet1.xml": (SHEET_XML % cells).encode()}), COLUMNS)


@pytest.mark.parametrize("index", ["0", " 0 ", "+0", "<![CDATA[0]]>", "&#48;", "0<!-- -->"])
def test_many_cells_showing_one_long_text_do_not_ask_for_gigabytes(index: str) -> None:
    cells = "".join(f'<row r="{at}"><c r="A{at}" t="s"><v>{index}</v></c></row>' for at in range(1, 3001))
    strings = SHARED_STRINGS_XML % ("<si><t>" + "x" * 100_000 + "</t></si>")
    parts = {
        "xl/worksheets/sheet1.xml": (SHEET_XML % cells).encode(),
        "xl/sharedStrings.xml": strings.encode(),
    }
    with pytest.raises(TooLarge):
        read_sheet(replace_parts(parts), COLUMNS)


def test_whole_columns_that_are_only_formatted_do_no_harm() -> None:
    cells = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>项目名称</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>总投资</t></is></c></row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>供水</t></is></c><c r="B2"><v>5</v></c></row>'
        '<row r="1048576" ht="15"><c r="A1048576" s="0"/><c r="XFD1048576" s="0"/></row>'
    )
    sheet = read_sheet(replace_parts({"xl/worksheets/sheet1.xml": (SHEET_XML % cells).encode()}), COLUMNS)
    assert [row.values for row in sheet.rows] == [{"name": "供水", "amount": 5_000_000}]


def test_a_bomb_of_zeros_and_too_many_rows_or_bytes_are_refused() -> None:
    with pytest.raises(TooLarge):
        read_sheet(replace_parts({"xl/media/image1.png": bytes(120 * 1024 * 1024)}), COLUMNS)
    many = build_workbook(COLUMNS[:1], [{"name": f"项目{at}"} for at in range(11)])
    with pytest.raises(TooLarge, match="10 行"):
        read_sheet(many, COLUMNS[:1], limits=SheetLimits(rows=10))
    assert len(read_sheet(many, COLUMNS[:1], limits=SheetLimits(rows=11)).rows) == 11
    with pytest.raises(TooLarge, match="MB"):
        read_sheet(many, COLUMNS[:1], limits=SheetLimits(size=100))
    with pytest.raises(TooLarge):
        read_sheet("项目名称\n".encode() + b"x\n" * 50, COLUMNS[:1], limits=SheetLimits(rows=10))


def test_a_size_that_lies_is_found_out() -> None:
    content = bytearray(replace_parts({"xl/media/a.bin": bytes(5_000_000)}))
    at = content.rfind(b"xl/media/a.bin") - 46
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    with pytest.raises(Invalid, match="损坏"):
        read_sheet(bytes(content), COLUMNS)


def test_text_is_cut_where_a_cell_ends() -> None:
    content = build_workbook([Column("a", "内容", TEXT)], [{"a": "字" * 40_000}])
    assert len(read_sheet(content, [Column("a", "内容")]).rows[0].values["a"]) == 32_767
