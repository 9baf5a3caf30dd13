"""Spreadsheets in and out: columns by Chinese titles, every wrong cell at once, constant memory."""

from shared.sheets.columns import (
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
    Kind,
    choice,
    chosen,
)
from shared.sheets.forms import annotated, template
from shared.sheets.limits import Limits
from shared.sheets.reading import CellFault, Row, Sheet, read
from shared.sheets.writing import Book, Writer, export, workbook

__all__ = [
    "DAY",
    "INSTANT",
    "INTEGER",
    "MONTH",
    "NUMBER",
    "PERCENT",
    "TEXT",
    "WAN",
    "YES_NO",
    "YUAN",
    "Book",
    "Cell",
    "CellFault",
    "Column",
    "Kind",
    "Limits",
    "Row",
    "Sheet",
    "Writer",
    "annotated",
    "choice",
    "chosen",
    "export",
    "read",
    "template",
    "workbook",
]
