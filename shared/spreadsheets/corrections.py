"""Corrections of single cells that a person made on the screen, written into the uploaded table before it is read again."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import FieldError, Invalid
from shared.spreadsheets.child_process import set_workbook_cells
from shared.spreadsheets.marks import copy_tables
from shared.spreadsheets.reader import Sheet, column_letters


@dataclass(frozen=True, slots=True)
class CellCorrection:
    """The text that replaces what stands in a cell: sheet, row as the spreadsheet program numbers it, column key."""

    sheet: str
    row: int
    key: str
    value: str


def correct_table(content: bytes, sheet: Sheet, corrections: Sequence[CellCorrection]) -> bytes:
    """The uploaded table with the corrected cells; other forms than XLSX become XLSX. Invalid for a cell that is not read."""
    parts = {part.name: part for part in sheet.parts if part.is_read}
    tables = {table.name: table for table in sheet.tables}
    cells: dict[str, dict[str, str]] = {}
    for at, one in enumerate(corrections):
        place = parts[one.sheet].places.get(one.key) if one.sheet in parts else None
        if place is None or not 0 < one.row <= len(tables[one.sheet].grid):
            detail = f"没有工作表“{one.sheet}”第 {one.row} 行的这一栏"
            raise Invalid(detail, errors=[FieldError("no_cell", detail, pointer=f"/query/corrections/{at}")])
        grid = tables[one.sheet].grid[one.row - 1]
        grid.extend([""] * (place + 1 - len(grid)))
        grid[place] = one.value
        cells.setdefault(one.sheet, {})[f"{column_letters(place)}{one.row}"] = one.value
    return (
        set_workbook_cells(content, cells) if content.startswith(b"PK") else copy_tables(sheet, marked=False)
    )
