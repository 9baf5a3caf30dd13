"""Spreadsheet import and export: columns, header detection, limits, reader, writer, templates."""

from shared.spreadsheets.columns import (
    DAY,
    INSTANT,
    INTEGER,
    MONTH,
    NUMBER,
    PERCENT,
    TEXT,
    WAN,
    YES_NO,
    YUAN,
    Cell,
    Column,
    ColumnKind,
    choice_column,
    choice_kind,
)
from shared.spreadsheets.limits import SheetLimits
from shared.spreadsheets.reader import CellError, Sheet, SheetRow, read_sheet
from shared.spreadsheets.templates import annotate_sheet, build_template
from shared.spreadsheets.writer import (
    XLSX_MEDIA_TYPE,
    SheetWriter,
    WorkbookWriter,
    build_workbook,
    export_batches,
)

__all__ = [
    "DAY",
    "INSTANT",
    "INTEGER",
    "MONTH",
    "NUMBER",
    "PERCENT",
    "TEXT",
    "WAN",
    "XLSX_MEDIA_TYPE",
    "YES_NO",
    "YUAN",
    "Cell",
    "CellError",
    "Column",
    "ColumnKind",
    "Sheet",
    "SheetLimits",
    "SheetRow",
    "SheetWriter",
    "WorkbookWriter",
    "annotate_sheet",
    "build_template",
    "build_workbook",
    "choice_column",
    "choice_kind",
    "export_batches",
    "read_sheet",
]

from shared.spreadsheets.writer import FORMULA_STARTS

__all__ = [
    "DAY",
    "FORMULA_STARTS",
    "INSTANT",
    "INTEGER",
    "MONTH",
    "NUMBER",
    "TEXT",
    "WAN",
    "XLSX_MEDIA_TYPE",
    "YES_NO",
    "YUAN",
    "Cell",
    "CellError",
    "Column",
    "Sheet",
    "SheetLimits",
    "SheetRow",
    "WorkbookWriter",
    "annotate_sheet",
    "build_template",
    "build_workbook",
    "choice_column",
    "choice_kind",
    "export_batches",
    "read_sheet",
]
