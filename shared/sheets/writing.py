"""Writing spreadsheets row by row in constant memory: exports, templates, and uploads with what is wrong with them.

    with Book(target) as book:
        sheet = book.sheet("项目库", COLUMNS)
        for project in projects:
            sheet.add(project)             # a mapping or an object with the columns' keys; money in 分

Amounts are written as exact decimals. Text never becomes a formula or a link, whatever it begins with.
"""

import asyncio
import re
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from types import TracebackType
from typing import IO, Any, Self

import xlsxwriter  # type: ignore[import-untyped]

from shared.sheets.columns import Cell, Column, Kind, visible
from shared.sheets.reading import PROBLEM_TITLE, Sheet

LAST_ROW = 1_048_576
LONGEST_TEXT = 32_767
LONGEST_LIST = 255
TEMPLATE_ROWS = 5_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%")
AS_IT_IS = Kind("原样", lambda cell: cell, lambda cell: cell)
_NAME = re.compile(r"[\[\]:*?/\\']")
_DATE_FORMATS = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss"}
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


class Book:
    """A workbook being written to `target`; what is left at the end of a `with` block is finished there."""

    def __init__(self, target: IO[bytes]) -> None:
        """Nothing is written before the end, and rows wait in a temporary file."""
        self._book = xlsxwriter.Workbook(target, OPTIONS)
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._names: set[str] = set()

    def __enter__(self) -> Self:
        """The book itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        """Finish, so that no temporary file is left behind even after an error."""
        self._book.close()

    def sheet(self, name: str, columns: Sequence[Column], *, title: str = "", note: str = "") -> "Writer":
        """A new sheet with its header row frozen, under a title and a note where they are given."""
        return Writer(self, self._unused(name), columns, title, note)

    def format(self, **looks: Any) -> Any:  # noqa: ANN401 - XlsxWriter has no types
        """A cell format, made once."""
        key = tuple(sorted(looks.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(dict(looks))
        return self._formats[key]

    def page(self, name: str) -> Any:  # noqa: ANN401 - XlsxWriter has no types
        """A bare worksheet."""
        return self._book.add_worksheet(name)

    def _unused(self, name: str) -> str:
        plain = _NAME.sub(" ", visible(name)).strip()[:28] or "表"
        plain = f"{plain}_" if plain.casefold() == "history" else plain
        unused = next(
            n for n in (plain, *(f"{plain}{i}" for i in range(2, 1000))) if n.casefold() not in self._names
        )
        self._names.add(unused.casefold())
        return unused


class Writer:
    """One sheet being filled, row after row; it goes on in a further sheet where a sheet's rows end."""

    def __init__(self, book: Book, name: str, columns: Sequence[Column], title: str, note: str) -> None:
        self.book, self.name, self.columns = book, name, columns
        self.title, self.note = title, note
        self.count = 0
        self._begin(name)

    def add(self, row: Mapping[str, Any] | object) -> None:
        """Write one row; keys that are missing or None stay empty."""
        if isinstance(row, Mapping):
            self.cells([row.get(column.key) for column in self.columns])
        else:
            self.cells([getattr(row, column.key, None) for column in self.columns])

    def cells(self, values: Sequence[Any], *, wrong: frozenset[int] = frozenset()) -> None:
        """Write one row of values in the order of the columns, those at `wrong` marked."""
        if self._next >= LAST_ROW:
            self._begin(self.book._unused(self.name))  # noqa: SLF001 - two halves of one thing
        for at, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            if value is not None and value != "":
                write_cell(self.book, self.page, self._next, at, column.kind, value, wrong=at in wrong)
        self._next += 1
        self.count += 1

    def _begin(self, name: str) -> None:
        self.page = self.book.page(name)
        for at, column in enumerate(self.columns):
            self.page.set_column(at, at, column_width(column))
        self._next = 0
        for words, looks in (
            (self.title, {"bold": True, "font_size": 14}),
            (self.note, {"font_color": "#666666"}),
        ):
            if words:
                self.page.write_string(self._next, 0, _shortened(words), self.book.format(**looks))
                self._next += 1
        for at, column in enumerate(self.columns):
            looks = {"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "vcenter"}
            mark = {"font_color": "#C00000"} if column.required else {}
            self.page.write_string(self._next, at, column.title, self.book.format(**looks, **mark))
        self._next += 1
        self.header = self._next - 1
        self.page.freeze_panes(self._next, 0)


def write_cell(
    book: Book, page: Any, row: int, at: int, kind: Kind, value: Any, *, wrong: bool = False
) -> None:  # noqa: ANN401, PLR0913
    """Write one value by its kind: dates as dates, numbers exactly, text as nothing but text."""
    cell: Cell = kind.write(value)
    looks: dict[str, Any] = {"num_format": kind.number_format} if kind.number_format else {}
    if wrong:
        looks["bg_color"] = "#FFC7CE"
    if isinstance(cell, bool):
        page.write_boolean(row, at, cell, book.format(**looks))
    elif isinstance(cell, datetime | date | time | timedelta):
        looks.setdefault("num_format", _DATE_FORMATS.get(type(cell), "[h]:mm:ss"))
        if isinstance(cell, date) and cell.year < 1900:  # noqa: PLR2004 - where a spreadsheet's days begin
            page.write_string(row, at, cell.isoformat(), book.format(**looks))
        else:
            page.write_datetime(row, at, cell, book.format(**looks))
    elif isinstance(cell, int | float | Decimal):
        page.write_number(row, at, cell, book.format(**looks))
    else:
        words = _shortened(cell)
        if words.startswith(FORMULA_STARTS):
            looks["quote_prefix"] = True
        if "\n" in words:
            looks["text_wrap"] = True
        page.write_string(row, at, words, book.format(**looks))


def width_of(words: str) -> int:
    """Columns of a fixed-width font a text takes: a Chinese character takes two."""
    return sum(2 if ord(letter) > 0xFF else 1 for letter in words)  # noqa: PLR2004 - end of Latin-1


def column_width(column: Column) -> float:
    """The width as set, else wide enough for the kind and the title."""
    return column.width or max(column.kind.width, width_of(column.title) + 2)


def _shortened(words: str) -> str:
    words = visible(words)
    return words if len(words) <= LONGEST_TEXT else words[: LONGEST_TEXT - 1] + "…"


def workbook(
    columns: Sequence[Column], rows: Iterable[Mapping[str, Any] | object], *, name: str = "数据"
) -> bytes:
    """A workbook of one sheet, for tables that fit into memory."""
    target = BytesIO()
    with Book(target) as book:
        sheet = book.sheet(name, columns)
        for row in rows:
            sheet.add(row)
    return target.getvalue()


async def export(
    target: IO[bytes],
    columns: Sequence[Column],
    batches: AsyncIterable[Sequence[Mapping[str, Any] | object]],
    *,
    name: str = "数据",
) -> int:
    """Write batches of rows as they come (keyset pages) to `target`; how many rows there were.

    Memory stays constant, and the event loop is free while a batch is written.
    """
    with Book(target) as book:
        sheet = book.sheet(name, columns)
        async for batch in batches:
            await asyncio.to_thread(_add_all, sheet, batch)
        count = sheet.count
        await asyncio.to_thread(book._book.close)  # noqa: SLF001 - closing packs the file: work for a thread
    return count


def _add_all(sheet: Writer, batch: Sequence[Mapping[str, Any] | object]) -> None:
    for row in batch:
        sheet.add(row)


def template(
    columns: Sequence[Column],
    *,
    name: str = "填报",
    title: str = "",
    lists: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """A workbook to fill in: the headers, drop-down lists, and a sheet that explains every column.

    `lists` gives choices known only at run time (the villages of a town) by column key.
    """
    target = BytesIO()
    chosen = {column.key: list((lists or {}).get(column.key) or column.choices) for column in columns}
    with Book(target) as book:
        sheet = book.sheet(
            name, columns, title=title, note="红色标题为必填; 各列要求见“说明”表; 请勿改动标题行"
        )
        _explain(book, columns, chosen)
        sources = _list_page(book, chosen)
        for at, column in enumerate(columns):
            if choices := chosen[column.key]:
                inline = all("," not in one for one in choices) and len(",".join(choices)) <= LONGEST_LIST
                source: Any = choices if inline else sources[column.key]
                rule = {
                    "validate": "list",
                    "source": source,
                    "error_title": column.title[:32],
                    "error_message": "请从列表中选择",
                    "error_type": "stop",
                }
                sheet.page.data_validation(sheet.header + 1, at, sheet.header + TEMPLATE_ROWS, at, rule)
            looks = book.format(num_format=column.kind.number_format)
            sheet.page.set_column(at, at, column_width(column), looks)
    return target.getvalue()


def _explain(book: Book, columns: Sequence[Column], chosen: Mapping[str, Sequence[str]]) -> None:
    about = [
        Column("title", "列"),
        Column("must", "必填"),
        Column("kind", "内容"),
        Column("note", "要求", width=60),
    ]
    page = book.sheet("说明", about)
    for column in columns:
        allowed = "、".join(chosen[column.key][:20])
        page.cells(
            [
                column.title,
                "是" if column.required else "",
                column.kind.name,
                "; ".join(part for part in (column.note, f"可选: {allowed}" if allowed else "") if part),
            ]
        )


def _list_page(book: Book, chosen: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The drop-down lists too long for a rule of their own, each in a column of a hidden sheet."""
    keys = [key for key, choices in chosen.items() if choices]
    page = book.page("选项")
    page.hide()
    for row in range(max((len(chosen[key]) for key in keys), default=0)):
        for at, key in enumerate(keys):
            if row < len(chosen[key]):
                page.write_string(row, at, _shortened(chosen[key][row]))
    return {key: f"=选项!${_letters(at)}$1:${_letters(at)}${len(chosen[key])}" for at, key in enumerate(keys)}


def _letters(at: int) -> str:
    return (_letters(at // 26 - 1) if at >= 26 else "") + chr(65 + at % 26)  # noqa: PLR2004 - the alphabet


def annotated(sheet: Sheet, *, only_wrong: bool = False) -> bytes:
    """The uploaded rows again, wrong cells marked, with a column “问题” that says what is wrong.

    It can be corrected and uploaded as it is: the column is ignored when read. Amounts stay in the unit of the upload.
    """
    columns = [Column(str(at), title, AS_IT_IS, width=20) for at, title in enumerate(sheet.titles)]
    target = BytesIO()
    with Book(target) as book:
        page = book.sheet(
            "有误的行" if only_wrong else "检查结果", [*columns, Column("", PROBLEM_TITLE, width=60)]
        )
        for row in sheet.rows:
            if row.sound and only_wrong:
                continue
            said = "; ".join(
                f"{one.column}: {one.message}" if one.column else one.message for one in row.faults
            )
            keys = {one.pointer.rpartition("/")[2] for one in row.faults if one.column}
            cells = [*row.cells, *[""] * len(columns)][: len(columns)]
            page.cells(
                [*cells, said], wrong=frozenset(sheet.places[key] for key in keys if key in sheet.places)
            )
    return target.getvalue()
