"""Reading an uploaded spreadsheet: rows by header titles, and everything that is wrong with them at once.

sheet = read(content, COLUMNS)            # Invalid or TooLarge when it cannot be read as a table at all
for row in sheet.rows:
    if row.sound: create(**row.values)
    row.fault("name", "本村已有同名项目")    # what only the service can know
if sheet.faults: return annotated(sheet)   # the same rows with a column that says what is wrong
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from shared.errors import FieldError, Invalid, TooLarge
from shared.spreadsheets.columns import Cell, Column, strip_invisible
from shared.spreadsheets.headers import (
    MAX_HEADER_ROW,
    Cells,
    RawTable,
    TableHeader,
    apply_stated_unit,
    column_titles,
    find_header,
    normalize_title,
    title_with_unit,
)
from shared.spreadsheets.limits import SheetLimits, check_archive

PROBLEM_TITLE = "问题"
TOTAL_LABELS = frozenset({"合计", "总计", "小计", "共计"})
OLD_EXCEL_SIGNATURE = b"\xd0\xcf\x11\xe0"
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong with one cell: its row as the spreadsheet program numbers it and its column's title."""

    row: int
    column: str
    message: str
    pointer: str


@dataclass(slots=True)
class SheetRow:
    """One row: its number on paper, its values by column key (None where empty), the cells as uploaded."""

    number: int
    values: dict[str, Any]
    cells: Cells
    titles: dict[str, str]
    errors: list[CellError] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.errors

    def add_error(self, key: str, message: str) -> None:
        """Say what is wrong with a cell, or with the whole row when the key is empty."""
        pointer = f"/rows/{self.number}" + (f"/{key}" if key else "")
        self.errors.append(CellError(self.number, self.titles.get(key, ""), message, pointer))


@dataclass(slots=True)
class Sheet:
    """A table that was found.

    `places`: column key → position; `ignored`: titles nobody asked for; `totals`: the numbers of rows that
    only sum up (合计) and were left out.
    """

    name: str
    titles: list[str]
    places: dict[str, int]
    rows: list[SheetRow]
    ignored: list[str]
    totals: list[int]

    @property
    def errors(self) -> list[CellError]:
        """Everything that is wrong, row by row."""
        return [one for row in self.rows for one in row.errors]

    def to_field_errors(self, limit: int = 200) -> list[FieldError]:
        """The first of the faults as the errors of a problem answer."""
        return [
            FieldError("cell", f"第 {one.row} 行“{one.column or '整行'}”: {one.message}", pointer=one.pointer)
            for one in self.errors[:limit]
        ]


def read_sheet(content: bytes, columns: Sequence[Column], *, limits: SheetLimits | None = None) -> Sheet:
    """The table in an XLSX or CSV file (UTF-8, UTF-16 or GB18030), found by its header titles.

    The header may stand below title rows and take up to three rows with merged cells. Wrong cells are
    collected, never raised. Invalid: no such table, a required column is missing. TooLarge: over the limits.
    This is work for a thread: `await asyncio.to_thread(read, content, COLUMNS)`.
    """
    limits = limits or SheetLimits()
    if len(content) > limits.size:
        raise TooLarge(f"文件不能超过 {limits.size // 1024 // 1024} MB", "The file is too large")
    tables = _read_workbook(content, limits) if content.startswith(b"PK") else [_read_csv(content, limits)]
    table, header = RawTable("", [], []), TableHeader(0, 1, {})
    for one in tables:
        if len((found := find_header(one, columns)).places) > len(header.places):
            table, header = one, found
    wanted = "、".join(column.title for column in columns if column.required) or columns[0].title
    use = "请下载模板填写"
    if not header.places:
        raise Invalid(f"没有找到表头, 表头须有: {wanted}", "No header row was found", next_step=use)
    if missing := [one.title for one in columns if one.required and one.key not in header.places]:
        raise Invalid(f"缺少列: {'、'.join(missing)}", "Required columns are missing", next_step=use)
    return _build_sheet(table, columns, header, limits)


def _build_sheet(
    table: RawTable, columns: Sequence[Column], header: TableHeader, limits: SheetLimits
) -> Sheet:
    places, below = header.places, header.top + header.depth
    titles = [" ".join(names) for names in column_titles(table, header.top, header.depth)]
    above = [str(cell) for cells in table.grid[: header.top] for cell in cells]
    used = [
        apply_stated_unit(column, titles[places[column.key]], above)
        for column in columns
        if column.key in places
    ]
    shown = {column.key: column.title for column in columns}
    _fill_merges(table, below, {places[column.key] for column in used if column.kind.fills})
    for column in used:
        titles[places[column.key]] = title_with_unit(column)
    taken = set(places.values())
    ignored = [t for at, t in enumerate(titles) if t and at not in taken and t != PROBLEM_TITLE]
    sheet = Sheet(table.name, titles, places, [], ignored, [])
    for at, cells in enumerate(table.grid[below:], start=below + 1):
        if all(_is_empty(cell) for cell in cells):
            continue
        if any(isinstance(cell, str) and normalize_title(cell) in TOTAL_LABELS for cell in cells[:3]):
            sheet.totals.append(at)
            continue
        if len(sheet.rows) >= limits.rows:
            raise TooLarge(f"一次最多导入 {limits.rows} 行, 请分成几个文件", "Too many rows")
        sheet.rows.append(_build_row(at, cells, used, places, shown))
    return sheet


def _build_row(
    number: int, cells: Cells, used: Iterable[Column], places: dict[str, int], shown: dict[str, str]
) -> SheetRow:
    row = SheetRow(number, {}, cells, shown)
    for column in used:
        cell = cells[places[column.key]] if places[column.key] < len(cells) else ""
        row.values[column.key] = None
        if _is_empty(cell):
            if column.required:
                row.add_error(column.key, "必填")
            continue
        try:
            row.values[column.key] = column.read_cell(cell)
        except ValueError as error:
            row.add_error(column.key, str(error))
    return row


def _is_empty(cell: Cell) -> bool:
    return isinstance(cell, str) and not strip_invisible(cell).strip()


def _fill_merges(table: RawTable, below: int, fills: set[int]) -> None:
    budget = len(table.grid) * max(1, len(fills))  # sound files do not overlap their merged cells
    for (first, left), (last, _) in table.merges:
        if first < below or left not in fills or first >= len(table.grid) or left >= len(table.grid[first]):
            continue
        for row in table.grid[first + 1 : min(last + 1, first + 1 + budget)]:
            budget -= 1
            if left < len(row):
                row[left] = table.grid[first][left]


def _read_workbook(content: bytes, limits: SheetLimits) -> Iterator[RawTable]:
    check_archive(io.BytesIO(content), limits)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            shown = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
            for name in shown[: limits.sheets]:
                yield _read_table(book.get_sheet_by_name(name), limits)
    except CalamineError as error:
        raise Invalid("不是可以读取的表格, 请另存为 .xlsx 后再上传", "Not a readable spreadsheet") from error


def _read_table(sheet: CalamineSheet, limits: SheetLimits) -> RawTable:
    grid: list[Cells] = []
    for cells in sheet.iter_rows():
        if len(grid) > limits.rows + MAX_HEADER_ROW and len(grid) > limits.cells // max(1, len(cells)):
            raise TooLarge(f"一次最多导入 {limits.rows} 行, 请分成几个文件", "Too many rows")
        grid.append(list(cells[: limits.columns]))
    return RawTable(sheet.name, grid, list(sheet.merged_cell_ranges or []))


def _read_csv(content: bytes, limits: SheetLimits) -> RawTable:
    if content.startswith(OLD_EXCEL_SIGNATURE):
        raise Invalid(
            "不支持旧的 .xls 格式或有密码的文件, 请另存为 .xlsx 后再上传", "Old or encrypted Excel format"
        )
    words = _decode_text(content)
    if "\0" in words:
        raise Invalid("不是表格文件, 请上传 .xlsx 或 .csv", "Not a spreadsheet")
    head = words[:20_000]
    delimiter = max(",\t;", key=head.count)
    grid: list[Cells] = []
    try:
        for cells in csv.reader(io.StringIO(words, newline=""), delimiter=delimiter):
            if len(grid) > limits.rows + MAX_HEADER_ROW:
                raise TooLarge(f"一次最多导入 {limits.rows} 行, 请分成几个文件", "Too many rows")
            grid.append([*cells[: limits.columns]])
    except csv.Error as error:
        raise Invalid(
            f"CSV 第 {len(grid) + 1} 行无法读取: 引号不成对或内容过长", "The CSV is malformed"
        ) from error
    return RawTable("CSV", grid, [])


def _decode_text(content: bytes) -> str:
    encodings = next(
        ([name] for bom, name in BYTE_ORDER_MARKS if content.startswith(bom)), ["utf-8", "gb18030"]
    )
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("文字编码无法识别, 请另存为 .xlsx 或 UTF-8 的 .csv", "Unknown text encoding")
