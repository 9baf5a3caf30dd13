"""Papers to print and sign: every character is drawn, the table fits the width, heads and sums are there."""

import io

import openpyxl
import pytest
from reportlab.pdfgen.canvas import Canvas

from shared.papers import draw_sheet, embed_font, find_missing_characters, render_sheet
from shared.spreadsheets import INTEGER, YUAN, Column, PrintLayout
from tests.papers import MISSING, find_unprinted_characters, read_page_sizes, read_paper

COLUMNS = (
    Column("name", "项目名称", width=40),
    Column("households", "受益户数", INTEGER),
    Column("amount", "金额(元)", YUAN),
)
ROWS = [
    {"name": f"夏德日村第{n}组饮水巩固提升", "households": n, "amount": 100_000_050} for n in range(1, 61)
]
LAYOUT = PrintLayout(sums=("households", "amount"))


def test_a_paper_has_title_heads_on_each_page_sums_and_lines_to_sign() -> None:
    content = draw_sheet(COLUMNS, ROWS, title="泽库县资金分配表", layout=LAYOUT)
    text = read_paper(content)

    assert set(read_page_sizes(content)) == {(842, 595)}
    assert text.count("项目名称") == len(read_page_sizes(content)) > 1
    assert "泽库县资金分配表项目名称" in text
    assert "合计183060,000,030.00" in text
    assert "负责人签字：____________" in text
    assert "第1页" in text
    assert find_unprinted_characters(content) == set()


def test_both_forms_show_the_same_cells() -> None:
    content = render_sheet("xlsx", COLUMNS, ROWS, title="泽库县资金分配表", layout=LAYOUT)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    last = [cell.value for cell in list(sheet.rows)[-2]]

    assert last == ["合计", 1830, pytest.approx(60_000_030)]


def test_characters_the_font_does_not_have_are_named_and_seen_as_boxes() -> None:
    lacking = "".join(map(chr, range(0x1200, 0x1208)))
    target = io.BytesIO()
    canvas = Canvas(target)
    with embed_font("凉州区" + lacking) as font:
        canvas.setFont(font, 20)
        canvas.drawString(50, 700, "凉州区" + lacking)
        canvas.save()

    assert find_missing_characters("凉州区" + lacking) == list(lacking)
    assert find_missing_characters("驻村帮扶工作队填表人审核〔2024〕①㎡×—…龘") == []
    assert find_unprinted_characters(target.getvalue()) == {MISSING}
