"""Writing spreadsheets row by row in constant memory.

    with Book(target) as book:
        sheet = book.sheet("项目库", COLUMNS)
        for project in projects:
            sheet.add(project)             # a mapping or an object with the columns' keys; money in 分

Amounts are written as exact decimals. Text never becomes a formula or a link, whatever it begins with.
"""

import asyncio
import re
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from types import TracebackType
from typing import IO, Any, Self

import xlsxwriter

from shared.spreadsheets.columns import Cell, Column, ColumnKind, strip_invisible

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576
MAX_CELL_LENGTH = 32_767
MIN_YEAR = 1900
"""A spreadsheet program knows no earlier dates; they are written as text."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%")
_NAME_PATTERN = re.compile(r"[\[\]:*?/\\']")
_DATE_FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss"}
Style = dict[str, Any]
TITLE_STYLE: Style = {"bold": True, "font_size": 14}
NOTE_STYLE: Style = {"font_color": "#666666"}
HEADER_STYLE: Style = {
    "bold": True,
    "bg_color": "#DDEBF7",
    "border": 1,
    "text_wrap": True,
    "valign": "vcenter",
}
REQUIRED_STYLE: Style = {"font_color": "#C00000"}
WORKBOOK_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


class WorkbookWriter:
    """A workbook being written to `target`; what is left at the end of a `with` block is finished there."""

    def __init__(self, target: IO[bytes]) -> None:
        """Nothing is written before the end, and rows wait in a temporary file."""
        self._book = xlsxwriter.Workbook(target, WORKBOOK_OPTIONS)
        self._book.use_zip64()
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._names: set[str] = set()

    def __enter__(self) -> Self:
        """The book itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        """Finish, so that no temporary file is left behind even after an error."""
        self.close()

    def close(self) -> None:
        """Pack everything into the target; a second time does nothing."""
        if not self._book.fileclosed:
            self._book.close()

    def add_sheet(
        self, name: str, columns: Sequence[Column], *, title: str = "", note: str = ""
    ) -> "SheetWriter":
        """A new sheet with its header row frozen, under a title and a note where they are given."""
        return SheetWriter(self, self._unique_name(name), columns, title, note)

    def get_format(self, **looks: Any) -> Any:  # noqa: ANN401 - XlsxWriter has no types
        """A cell format, made once."""
        key = tuple(sorted(looks.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(dict(looks))
        return self._formats[key]

    def add_worksheet(self, name: str) -> Any:  # noqa: ANN401 - XlsxWriter has no types
        """A bare worksheet."""
        return self._book.add_worksheet(name)

    def _unique_name(self, name: str) -> str:
        plain = _NAME_PATTERN.sub(" ", strip_invisible(name)).strip()[:28] or "表"
        plain = f"{plain}_" if plain.casefold() == "history" else plain
        unused = next(
            n for n in (plain, *(f"{plain}{i}" for i in range(2, 1000))) if n.casefold() not in self._names
        )
        self._names.add(unused.casefold())
        return unused


class SheetWriter:
    """One sheet being filled, row after row; it goes on in a further sheet where a sheet's rows end."""

    def __init__(
        self, book: WorkbookWriter, name: str, columns: Sequence[Column], title: str, note: str
    ) -> None:
        self.book, self.name, self.columns = book, name, columns
        self.title, self.note = title, note
        self.count = 0
        self._start_worksheet(name)

    def add_row(self, row: Mapping[str, Any] | object) -> None:
        """Write one row; keys that are missing or None stay empty."""
        if isinstance(row, Mapping):
            self.add_cells([row.get(column.key) for column in self.columns])
        else:
            self.add_cells([getattr(row, column.key, None) for column in self.columns])

    def add_cells(self, values: Sequence[Any], *, wrong: frozenset[int] = frozenset()) -> None:
        """Write one row of values in the order of the columns, those at `wrong` marked."""
        if self.row >= MAX_ROWS:
            self._start_worksheet(self.book._unique_name(self.name))  # noqa: SLF001 - two halves of one thing
        for at, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            if value is not None and value != "":
                write_cell(self, at, column.kind, value, wrong=at in wrong)
        self.row += 1
        self.count += 1

    def _start_worksheet(self, name: str) -> None:
        self.page = self.book.add_worksheet(name)
        for at, column in enumerate(self.columns):
            self.page.set_column(at, at, column_width(column))
        self.row = 0
        for words, looks in (
            (self.title, {"bold": True, "font_size": 14}),
            (self.note, {"font_color": "#666666"}),
        ):
            if words:
                self.page.write_string(self.row, 0, truncate_text(words), self.book.get_format(**looks))
                self.row += 1
        for at, column in enumerate(self.columns):
            style = HEADER_STYLE | REQUIRED_STYLE if column.required else HEADER_STYLE
            self.page.write_string(self.row, at, column.title, self.book.get_format(**style))
        self.row += 1
        self.header = self.row - 1
        self.page.freeze_panes(self.row, 0)


def write_cell(writer: SheetWriter, at: int, kind: ColumnKind, value: Any, *, wrong: bool = False) -> None:  # noqa: ANN401
    """Write one value by its kind: dates as dates, numbers exactly, text as nothing but text."""
    page, row = writer.page, writer.row
    cell: Cell = kind.write(value)
    style: Style = {"num_format": kind.number_format} if kind.number_format else {}
    if wrong:
        style["bg_color"] = "#FFC7CE"
    if isinstance(cell, bool):
        page.write_boolean(row, at, cell, writer.book.get_format(**style))
    elif isinstance(cell, int | float | Decimal):
        page.write_number(row, at, cell, writer.book.get_format(**style))
    elif isinstance(cell, str) or (isinstance(cell, date) and cell.year < MIN_YEAR):
        words = truncate_text(str(cell))
        style |= {"quote_prefix": True} if words.startswith(FORMULA_STARTS) else {}
        style |= {"text_wrap": True} if "\n" in words else {}
        page.write_string(row, at, words, writer.book.get_format(**style))
    else:
        style.setdefault("num_format", _DATE_FORMATS.get(type(cell), "[h]:mm:ss"))
        page.write_datetime(row, at, cell, writer.book.get_format(**style))


def text_width(words: str) -> int:
    """Columns of a fixed-width font a text takes: a Chinese character takes two."""
    return sum(2 if ord(letter) > 0xFF else 1 for letter in words)  # noqa: PLR2004 - end of Latin-1


def column_width(column: Column) -> float:
    """The width as set, else wide enough for the kind and the title."""
    return column.width or max(column.kind.width, text_width(column.title) + 2)


def truncate_text(words: str) -> str:
    """The text as a cell can hold it."""
    words = strip_invisible(words)
    return words if len(words) <= MAX_CELL_LENGTH else words[: MAX_CELL_LENGTH - 1] + "…"


def build_workbook(
    columns: Sequence[Column], rows: Iterable[Mapping[str, Any] | object], *, name: str = "数据"
) -> bytes:
    """A workbook of one sheet, for tables that fit into memory."""
    target = BytesIO()
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet(name, columns)
        for row in rows:
            sheet.add_row(row)
    return target.getvalue()


async def export_batches(
    target: IO[bytes],
    columns: Sequence[Column],
    batches: AsyncIterable[Sequence[Mapping[str, Any] | object]],
    *,
    name: str = "数据",
) -> int:
    """Write batches of rows as they come (keyset pages) to `target`; how many rows there were.

    Memory stays constant, and the event loop is free while a batch is written.
    """
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet(name, columns)
        async for batch in batches:
            await asyncio.to_thread(_add_rows, sheet, batch)
        count = sheet.count
        await asyncio.to_thread(book.close)
    return count


def _add_rows(sheet: SheetWriter, batch: Sequence[Mapping[str, Any] | object]) -> None:
    for row in batch:
        sheet.add_row(row)
