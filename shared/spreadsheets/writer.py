"""Writer of XLSX workbooks, row by row in constant memory.

    with WorkbookWriter(target) as book:
        sheet = book.add_sheet("项目库", COLUMNS)
        for project in projects:
            sheet.add_row(project)         # a mapping or an object with the columns' keys; money in 分

Amounts are written as exact decimals. Text is never written as a formula or a link (CSV injection).
"""

import asyncio
import re
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from types import TracebackType
from typing import IO, Any, Literal, Self

from shared.spreadsheets.columns import FORMULA_STARTS, Cell, Column, ColumnKind, strip_invisible

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576
MAX_CELL_LENGTH = 32_767
MIN_YEAR = 1900
"""Spreadsheet programs support no earlier dates; they are written as text."""
_NAME_PATTERN = re.compile(r"[\[\]:*?/\\']")
_DATE_FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss"}
Style = dict[str, Any]
TITLE_STYLE: Style = {"bold": True, "font_size": 14}
CELL_BORDER: Style = {"border": 1}
PAPER_CODES = {"A3": 8, "A4": 9}
SIGNATURE_HEIGHT = 36
"""Height of the line of signatures, points."""
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


@dataclass(frozen=True, slots=True)
class PrintLayout:
    """A sheet that is printed and signed: landscape, one page wide, heads repeated on each page.

    `sums` are the keys of the columns that the last row adds up; `signatures` stand below it, each with a line to sign.
    """

    size: Literal["A3", "A4"] = "A4"
    sums: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ("填表人", "审核人", "负责人签字", "日期", "单位(盖章)")


class WorkbookWriter:
    """A workbook that is written to `target` when it is closed, at the end of a `with` block."""

    def __init__(self, target: IO[bytes]) -> None:
        """Open the workbook; rows are buffered in a temporary file until it is closed."""
        import xlsxwriter  # takes 13 MB

        self._book = xlsxwriter.Workbook(target, WORKBOOK_OPTIONS)
        self._book.use_zip64()
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._names: set[str] = set()
        self._sheets: list[SheetWriter] = []

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        """Close the workbook, also after an error, so that no temporary file is left behind."""
        self.close()

    def close(self) -> None:
        """Write the workbook to the target; a second call has no effect."""
        if not self._book.fileclosed:
            for sheet in self._sheets:
                sheet.finish()
            self._book.close()

    def add_sheet(
        self,
        name: str,
        columns: Sequence[Column],
        *,
        title: str = "",
        note: str = "",
        layout: PrintLayout | None = None,
    ) -> "SheetWriter":
        """Add a sheet with a frozen header row, below an optional title and note; with `layout` it is ready to print.

        A sheet with a layout is finished before the next one begins, because rows are written in order.
        """
        for sheet in self._sheets:
            sheet.finish()
        sheet = SheetWriter(self, self._unique_name(name), columns, title, note, layout)
        self._sheets.append(sheet)
        return sheet

    def get_format(self, **properties: Any) -> Any:  # noqa: ANN401 - XlsxWriter has no types
        """A cell format, created once per set of properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(dict(properties))
        return self._formats[key]

    def add_worksheet(self, name: str) -> Any:  # noqa: ANN401 - XlsxWriter has no types
        """Add an empty worksheet without header."""
        return self._book.add_worksheet(name)

    def _unique_name(self, name: str) -> str:
        base = _NAME_PATTERN.sub(" ", strip_invisible(name)).strip()[:28] or "表"
        base = f"{base}_" if base.casefold() == "history" else base  # a name that Excel reserves
        candidates = (base, *(f"{base}{number}" for number in range(2, 1000)))
        unused = next(candidate for candidate in candidates if candidate.casefold() not in self._names)
        self._names.add(unused.casefold())
        return unused


class SheetWriter:
    """Writes rows to a sheet, and continues in a further sheet when the maximum of rows is reached."""

    def __init__(
        self,
        book: WorkbookWriter,
        name: str,
        columns: Sequence[Column],
        title: str,
        note: str,
        layout: PrintLayout | None = None,
    ) -> None:
        self.book, self.name, self.columns = book, name, columns
        self.title, self.note, self.layout = title, note, layout
        self.count = 0
        self._totals: dict[str, Cell] = {}
        self._is_finished = False
        self._start_worksheet(name)

    def add_row(self, row: Mapping[str, Any] | object) -> None:
        """Write one row; missing and None values stay empty."""
        if isinstance(row, Mapping):
            self.add_cells([row.get(column.key) for column in self.columns])
        else:
            self.add_cells([getattr(row, column.key, None) for column in self.columns])

    def add_cells(self, values: Sequence[Any], *, wrong: frozenset[int] = frozenset()) -> None:
        """Write one row of values in column order; cells at the indexes `wrong` are highlighted."""
        if self.row >= MAX_ROWS:
            self._start_worksheet(self.book._unique_name(self.name))  # noqa: SLF001 - same module
        for index, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            if value is not None and value != "":
                write_cell(self, index, column.kind, value, wrong=index in wrong)
                self._add_to_total(column, value)
            elif self.layout:
                self.page.write_blank(self.row, index, None, self.book.get_format(**CELL_BORDER))
        self.row += 1
        self.count += 1

    def finish(self) -> None:
        """Write the row of sums and the line of signatures of a sheet that is printed; a second call has no effect."""
        if self.layout is None or self._is_finished:
            return
        self._is_finished = True
        if self.layout.sums:
            for index, column in enumerate(self.columns):
                total = "合计" if index == 0 else self._totals.get(column.key, "")
                style: Style = {**CELL_BORDER, "bold": True}
                if index and total != "":
                    style["num_format"] = column.kind.number_format
                    self.page.write_number(self.row, index, total, self.book.get_format(**style))
                else:
                    self.page.write_string(self.row, index, str(total), self.book.get_format(**style))
            self.row += 1
        text = "        ".join(f"{label}：____________" for label in self.layout.signatures)
        self.page.set_row(self.row, SIGNATURE_HEIGHT)
        self._write_across(text, {"valign": "vcenter"})

    def _add_to_total(self, column: Column, value: Any) -> None:  # noqa: ANN401 - any value of the column
        if self.layout and column.key in self.layout.sums:
            cell: Any = column.kind.write(value)
            self._totals[column.key] = self._totals.get(column.key, Decimal()) + cell

    def _write_across(self, text: str, style: Style) -> None:
        """Write a text over the whole width of the table."""
        cell_format = self.book.get_format(**style)
        if self.layout and len(self.columns) > 1:
            self.page.merge_range(
                self.row, 0, self.row, len(self.columns) - 1, truncate_text(text), cell_format
            )
        else:
            self.page.write_string(self.row, 0, truncate_text(text), cell_format)
        self.row += 1

    def _set_up_page(self, layout: PrintLayout) -> None:
        """Landscape, one page wide, narrow margins, heads on each page, page numbers."""
        self.page.set_landscape()
        self.page.set_paper(PAPER_CODES[layout.size])
        self.page.fit_to_pages(1, 0)
        self.page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        self.page.center_horizontally()
        self.page.repeat_rows(self.header)
        self.page.set_footer("&C第 &P 页 共 &N 页")

    def _start_worksheet(self, name: str) -> None:
        self.page = self.book.add_worksheet(name)
        for index, column in enumerate(self.columns):
            self.page.set_column(index, index, column_width(column))
        self.row = 0
        for text, style in ((self.title, TITLE_STYLE), (self.note, NOTE_STYLE)):
            if text:
                centred = (
                    {"align": "center", "valign": "vcenter"} if self.layout and text == self.title else {}
                )
                self._write_across(text, style | centred)
        for index, column in enumerate(self.columns):
            style = HEADER_STYLE | REQUIRED_STYLE if column.required else HEADER_STYLE
            self.page.write_string(self.row, index, column.title, self.book.get_format(**style))
        self.row += 1
        self.header = self.row - 1
        if self.layout:
            self._set_up_page(self.layout)
        self.page.freeze_panes(self.row, 0)


def write_cell(writer: SheetWriter, index: int, kind: ColumnKind, value: Any, *, wrong: bool = False) -> None:  # noqa: ANN401
    """Write one value to the current row by its kind: dates as dates, numbers exactly, text always as text."""
    page, row = writer.page, writer.row
    cell: Cell = kind.write(value)
    style: Style = {"num_format": kind.number_format} if kind.number_format else {}
    style |= CELL_BORDER if writer.layout else {}
    if wrong:
        style["bg_color"] = "#FFC7CE"
    if isinstance(cell, bool):
        page.write_boolean(row, index, cell, writer.book.get_format(**style))
    elif isinstance(cell, int | float | Decimal):
        page.write_number(row, index, cell, writer.book.get_format(**style))
    elif isinstance(cell, str) or (isinstance(cell, date) and cell.year < MIN_YEAR):
        text = truncate_text(str(cell))
        style |= {"quote_prefix": True} if text.startswith(FORMULA_STARTS) else {}
        style |= {"text_wrap": True} if "\n" in text else {}
        page.write_string(row, index, text, writer.book.get_format(**style))
    else:
        style.setdefault("num_format", _DATE_FORMATS.get(type(cell), "[h]:mm:ss"))
        page.write_datetime(row, index, cell, writer.book.get_format(**style))


def text_width(text: str) -> int:
    """Width of a text in fixed-width characters; a Chinese character counts as two."""
    return sum(2 if ord(letter) > 0xFF else 1 for letter in text)  # noqa: PLR2004 - end of Latin-1


def column_width(column: Column) -> float:
    """The column's width as set, else the larger of kind and title."""
    return column.width or max(column.kind.width, text_width(column.title) + 2)


def truncate_text(text: str) -> str:
    """The text without invisible characters, cut to the maximum length of a cell."""
    text = strip_invisible(text)
    return text if len(text) <= MAX_CELL_LENGTH else text[: MAX_CELL_LENGTH - 1] + "…"


def build_workbook(
    columns: Sequence[Column], rows: Iterable[Mapping[str, Any] | object], *, name: str = "数据"
) -> bytes:
    """Build a workbook with one sheet in memory."""
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
    """Write batches of rows (keyset pages) to `target` and return the number of rows.

    Memory use is constant, and batches are written in a thread, so the event loop is not blocked.
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
