"""Spreadsheet import and export: columns, header detection, limits, reader, writer, templates."""

from shared.sandbox.archive import SheetLimits
from shared.spreadsheets.columns import (
    ABOUT,
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
from shared.spreadsheets.corrections import CellCorrection, correct_table
from shared.spreadsheets.marks import annotate_sheet, annotate_workbook
from shared.spreadsheets.periods import Period, parse_period
from shared.spreadsheets.reader import (
    CellError,
    Head,
    Sheet,
    SheetPart,
    SheetRow,
    SkippedRow,
    column_letters,
    read_sheet,
)
from shared.spreadsheets.templates import build_template
from shared.spreadsheets.totals import TotalCheck
from shared.spreadsheets.writer import (
    FORMULA_STARTS,
    XLSX_MEDIA_TYPE,
    PrintLayout,
    SheetWriter,
    WorkbookWriter,
    build_workbook,
    export_batches,
)

__all__ = [
    "ABOUT",
    "DAY",
    "FORMULA_STARTS",
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
    "CellCorrection",
    "CellError",
    "Column",
    "ColumnKind",
    "Head",
    "Period",
    "PrintLayout",
    "Sheet",
    "SheetLimits",
    "SheetPart",
    "SheetRow",
    "SheetWriter",
    "SkippedRow",
    "TotalCheck",
    "WorkbookWriter",
    "annotate_sheet",
    "annotate_workbook",
    "build_template",
    "build_workbook",
    "choice_column",
    "choice_kind",
    "column_letters",
    "correct_table",
    "export_batches",
    "parse_period",
    "read_sheet",
]
