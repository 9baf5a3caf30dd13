"""The uploaded table back to the clerk, with what is wrong with it: marks, comments and a column “问题”."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from shared.errors import ApiError
from shared.sandbox.raw_tables import RawTable
from shared.spreadsheets.child_process import mark_workbook
from shared.spreadsheets.columns import Column, ColumnKind
from shared.spreadsheets.reader import PROBLEM_TITLE, Sheet, SheetPart, SheetRow
from shared.spreadsheets.writer import HEADER_STYLE, WORKBOOK_OPTIONS, WorkbookWriter, truncate_text

RAW_KIND = ColumnKind("原样", lambda cell: cell, lambda cell: cell)
WRONG_STYLE = {"bg_color": "#FFC7CE"}
PROBLEM_WIDTH = 60
COLUMN_WIDTH = 16


def describe_errors(row: SheetRow) -> str:
    """Everything that is wrong with a row, and what is to be said about it, in one line."""
    errors = [f"{one.column}: {one.message}" if one.column else one.message for one in row.errors]
    return "; ".join([*errors, *row.notes])


def annotate_workbook(content: bytes, sheet: Sheet, *, only_wrong: bool = False) -> bytes:
    """The file that was uploaded, with its titles, sums, row numbers and styles, and its wrong cells marked.

    Other forms than XLSX come back as XLSX with every cell where it was. `only_wrong`: a table of the wrong rows.
    """
    if only_wrong:
        return annotate_sheet(sheet, only_wrong=True)
    if content.startswith(b"PK"):
        try:
            return mark_workbook(content, {"title": PROBLEM_TITLE, "sheets": _build_marks(sheet)})
        except ApiError:  # a workbook that the writing library cannot load
            return copy_tables(sheet)
    return copy_tables(sheet)


def _build_marks(sheet: Sheet) -> dict[str, Any]:
    """Where the problem column of each sheet stands, and the marks of its rows (all numbers from 1)."""
    marks: dict[str, Any] = {}
    for part, table in _list_read_parts(sheet):
        rows: dict[int, dict[str, Any]] = {}
        for row in sheet.rows:
            text = describe_errors(row) if row.sheet == part.name else ""
            if text:
                rows[row.number] = {"text": text, "cells": _mark_cells(part, row), "hint": row.is_valid}
        differences = [check for check in sheet.checks if check.sheet == part.name and not check.agrees]
        for check in differences:
            mark = rows.setdefault(check.row, {"text": "", "cells": {}, "hint": True})
            mark["text"] = "; ".join(filter(None, [mark["text"], check.detail]))
        marks[part.name] = {"header": part.header_row, "column": _problem_column(part, table), "rows": rows}
    return marks


def _list_read_parts(sheet: Sheet) -> list[tuple[SheetPart, RawTable]]:
    tables = {table.name: table for table in sheet.tables}
    return [(part, tables[part.name]) for part in sheet.parts if part.is_read]


def _problem_column(part: SheetPart, table: RawTable) -> int:
    """The column of problems of an earlier check is used again; else the first free one."""
    if PROBLEM_TITLE in part.titles:
        return part.titles.index(PROBLEM_TITLE) + 1
    return max((len(cells) for cells in table.grid), default=0) + 1


def _mark_cells(part: SheetPart, row: SheetRow) -> dict[int, str]:
    cells: dict[int, str] = {}
    for one in row.errors:
        place = part.places.get(one.pointer.rpartition("/")[2])
        if place is not None and one.column:
            cells[place + 1] = "; ".join(filter(None, [cells.get(place + 1, ""), one.message]))
    return cells


def copy_tables(sheet: Sheet, *, marked: bool = True) -> bytes:
    """Every sheet again as XLSX, each cell at its place, with the marks."""
    marks, target = _build_marks(sheet) if marked else {}, BytesIO()
    options = WORKBOOK_OPTIONS | {"constant_memory": False, "in_memory": True}
    import xlsxwriter  # takes 13 MB

    with xlsxwriter.Workbook(target, options) as book:
        formats = {
            "wrong": book.add_format(WRONG_STYLE),
            "head": book.add_format(HEADER_STYLE),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
            "merged": book.add_format({"align": "center", "valign": "vcenter", "text_wrap": True}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for table in sheet.tables:
            page = book.add_worksheet(_sheet_name(table.name))
            if not table.visible:
                page.hide()
            _copy_table(page, table, marks.get(table.name), formats)
    return target.getvalue()


def _sheet_name(name: str) -> str:
    return "".join(" " if letter in "[]:*?/\\'" else letter for letter in name)[:31] or "表"


def _copy_table(page: Any, table: RawTable, marks: dict[str, Any] | None, formats: dict[str, Any]) -> None:  # noqa: ANN401
    page.set_column(0, max((len(cells) for cells in table.grid), default=1), COLUMN_WIDTH)
    covered = _copy_merges(page, table, formats["merged"])
    wrong = marks["rows"] if marks else {}
    for at, cells in enumerate(table.grid):
        bad = wrong.get(at + 1, {}).get("cells", {})
        for place, cell in enumerate(cells):
            if (at, place) not in covered:
                look = formats["wrong"] if place + 1 in bad else None
                _copy_cell(page, at, place, cell, look, formats["date"])
        for column, text in bad.items():
            page.write_comment(at, column - 1, truncate_text(text)[:2000])
    if marks:
        page.set_column(marks["column"] - 1, marks["column"] - 1, PROBLEM_WIDTH)
        page.write_string(marks["header"] - 1, marks["column"] - 1, PROBLEM_TITLE, formats["head"])
        for number, mark in wrong.items():
            page.write_string(number - 1, marks["column"] - 1, truncate_text(mark["text"]), formats["wrap"])


def _copy_merges(page: Any, table: RawTable, look: Any) -> set[tuple[int, int]]:  # noqa: ANN401 - XlsxWriter has no types
    """Merge the same cells; the places that a merged cell covers and that hold nothing of their own."""
    covered: set[tuple[int, int]] = set()
    for (first, left), (last, right) in table.merges:
        area = {(row, column) for row in range(first, last + 1) for column in range(left, right + 1)}
        if first < len(table.grid) and left < len(table.grid[first]) and not area & covered and len(area) > 1:
            page.merge_range(first, left, last, right, "", look)
            covered |= area - {(first, left)}
    return covered


def _copy_cell(page: Any, row: int, column: int, cell: Any, look: Any, date_look: Any) -> None:  # noqa: ANN401
    if isinstance(cell, bool):
        page.write_boolean(row, column, cell, look)
    elif isinstance(cell, int | float):
        page.write_number(row, column, cell, look)
    elif isinstance(cell, str):
        if cell or look:
            page.write_string(row, column, truncate_text(cell), look)
    else:
        page.write_datetime(row, column, cell, look or date_look)


def annotate_sheet(sheet: Sheet, *, only_wrong: bool = False) -> bytes:
    """The rows of the table again, wrong cells marked, with a column “问题” that says what is wrong.

    It can be corrected and uploaded as it is: the column is ignored when read, and amounts keep their unit.
    """
    target = BytesIO()
    with WorkbookWriter(target) as book:
        for part, _ in _list_read_parts(sheet):
            rows = [row for row in sheet.rows if row.sheet == part.name and not (row.is_valid and only_wrong)]
            if rows or not only_wrong:
                _write_rows(book, part, rows, "有误的行" if only_wrong else "检查结果")
        if not any(part.is_read for part in sheet.parts) or (only_wrong and not sheet.errors):
            book.add_sheet("没有有误的行", [Column("", PROBLEM_TITLE, width=PROBLEM_WIDTH)])
    return target.getvalue()


def _write_rows(book: WorkbookWriter, part: SheetPart, rows: Sequence[SheetRow], name: str) -> None:
    columns = [Column(str(at), title, RAW_KIND, width=20) for at, title in enumerate(part.titles)]
    page = book.add_sheet(name, [*columns, Column("", PROBLEM_TITLE, width=PROBLEM_WIDTH)])
    for row in rows:
        keys = {one.pointer.rpartition("/")[2] for one in row.errors if one.column}
        cells = [*row.cells, *[""] * len(columns)][: len(columns)]
        wrong = frozenset(part.places[key] for key in keys if key in part.places)
        page.add_cells([*cells, describe_errors(row)], wrong=wrong)
