"""The uploaded workbook again: the same cells, with wrong ones filled red, a comment, and a column of problems."""

import io
import re
import warnings
from typing import Any

import openpyxl
from openpyxl.cell.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from shared.sandbox.refusal import FileRefused

WRONG_FILL = PatternFill("solid", start_color="FFC7CE", end_color="FFC7CE")
HINT_FILL = PatternFill("solid", start_color="FFEB9C", end_color="FFEB9C")
PROBLEM_WIDTH = 60
AUTHOR = "导入检查"
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?")


def mark_workbook(content: bytes, marks: dict[str, Any]) -> bytes:
    """Mark the cells of a workbook.

    `marks`: the title of the added column, and per sheet its header row, the problem column and the marked rows
    ({"header", "column", "rows": {number: {"text", "cells": {column: text}, "hint"}}}); all numbers from 1.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(content))
    for name, sheet_marks in marks["sheets"].items():
        if name not in book.sheetnames:
            raise FileRefused(f"原文件中没有工作表 {name}", "A sheet is gone")
        _mark_sheet(book[name], marks["title"], sheet_marks)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _mark_sheet(sheet: Any, title: str, marks: dict[str, Any]) -> None:  # noqa: ANN401 - openpyxl's own
    column = marks["column"]
    head = sheet.cell(marks["header"], column)
    if not isinstance(head, MergedCell):
        head.value, head.font = title, Font(bold=True, color="C00000")
    sheet.column_dimensions[get_column_letter(column)].width = PROBLEM_WIDTH
    for number, mark in marks["rows"].items():
        row = int(number)
        cell = sheet.cell(row, column)
        if not isinstance(cell, MergedCell):
            cell.value = mark["text"]
            cell.data_type = "s"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        for at, text in mark["cells"].items():
            _mark_cell(sheet.cell(row, int(at)), text, HINT_FILL if mark["hint"] else WRONG_FILL)


def _mark_cell(cell: Any, text: str, fill: PatternFill) -> None:  # noqa: ANN401 - openpyxl's own
    if isinstance(cell, MergedCell):
        return
    cell.fill = fill
    earlier = f"{cell.comment.text}\n" if cell.comment else ""
    cell.comment = Comment(f"{earlier}{AUTHOR}: {text}"[:2000], AUTHOR)


def set_cells(content: bytes, cells: dict[str, dict[str, str]]) -> bytes:
    """Write texts into cells of a workbook: sheet → address such as D9 → text; a text that is a number becomes one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(content))
    for name, texts in cells.items():
        if name not in book.sheetnames:
            raise FileRefused(f"原文件中没有工作表 {name}", "A sheet is gone")
        for address, text in texts.items():
            cell = book[name][address]
            if isinstance(cell, MergedCell):
                raise FileRefused(f"{address} 是合并单元格的一部分, 请在原表中修改", "The cell is merged")
            cell.value = _to_number(text)
            if isinstance(cell.value, str):
                cell.data_type = "s"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _to_number(text: str) -> str | float:
    try:
        return float(text) if NUMBER.fullmatch(text.strip()) else text
    except ValueError:
        return text
