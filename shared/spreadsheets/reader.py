"""Reader of uploaded spreadsheets: finds columns by header titles and collects the errors of all cells.

sheet = read_sheet(content, COLUMNS)              # Invalid or TooLarge when there is no readable table
for row in sheet.rows:
    if row.is_valid: create(**row.values)
    row.add_error("name", "本村已有同名项目")       # errors only the service can detect
if sheet.errors: return annotate_sheet(sheet)     # the same rows with a column of errors
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
    """An error of one cell: row number as in the spreadsheet program, column title (empty: whole row), message."""

    row: int
    column: str
    message: str
    pointer: str


@dataclass(slots=True)
class SheetRow:
    """One row: its number in the sheet, values by column key (None if empty or invalid), cells as uploaded."""

    number: int
    values: dict[str, Any]
    cells: Cells
    titles: dict[str, str]
    errors: list[CellError] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        """Whether the row has no errors."""
        return not self.errors

    def add_error(self, key: str, message: str) -> None:
        """Add an error of a cell, or of the whole row when the key is empty."""
        pointer = f"/rows/{self.number}" + (f"/{key}" if key else "")
        self.errors.append(CellError(self.number, self.titles.get(key, ""), message, pointer))


@dataclass(slots=True)
class Sheet:
    """The table read from a file.

    `places`: column key → column index; `ignored`: titles that match no column; `totals`: numbers of skipped rows
    with totals (合计).
    """

    name: str
    titles: list[str]
    places: dict[str, int]
    rows: list[SheetRow]
    ignored: list[str]
    totals: list[int]

    @property
    def errors(self) -> list[CellError]:
        """The errors of all rows."""
        return [error for row in self.rows for error in row.errors]

    def to_field_errors(self, limit: int = 200) -> list[FieldError]:
        """The first `limit` errors, for a problem response."""
        return [
            FieldError(
                "cell", f"第 {error.row} 行“{error.column or '整行'}”: {error.message}", pointer=error.pointer
            )
            for error in self.errors[:limit]
        ]


def read_sheet(content: bytes, columns: Sequence[Column], *, limits: SheetLimits | None = None) -> Sheet:
    """Read the table of an XLSX or CSV file (UTF-8, UTF-16 or GB18030), found by its header titles.

    The header may be below title rows and have up to three rows with merged cells. Errors of cells are collected in
    the rows. Raises Invalid without such a table or a required column, TooLarge beyond the limits. CPU-bound: call it
    as `await asyncio.to_thread(read_sheet, content, COLUMNS)`.
    """
    limits = limits or SheetLimits()
    if len(content) > limits.size:
        raise TooLarge(f"文件不能超过 {limits.size // 1024 // 1024} MB", "The file is too large")
    tables = _read_workbook(content, limits) if content.startswith(b"PK") else [_read_csv(content, limits)]
    table, header = RawTable("", [], []), TableHeader(0, 1, {})
    for candidate in tables:
        if len((candidate_header := find_header(candidate, columns)).places) > len(header.places):
            table, header = candidate, candidate_header
    required = "、".join(column.title for column in columns if column.required) or columns[0].title
    next_step = "请下载模板填写"
    if not header.places:
        raise Invalid(f"没有找到表头, 表头须有: {required}", "No header row was found", next_step=next_step)
    if missing := [column.title for column in columns if column.required and column.key not in header.places]:
        raise Invalid(f"缺少列: {'、'.join(missing)}", "Required columns are missing", next_step=next_step)
    return _build_sheet(table, columns, header, limits)


def _build_sheet(
    table: RawTable, columns: Sequence[Column], header: TableHeader, limits: SheetLimits
) -> Sheet:
    places, first_row = header.places, header.top + header.depth
    titles = [" ".join(names) for names in column_titles(table, header.top, header.depth)]
    above = [str(cell) for cells in table.grid[: header.top] for cell in cells]
    used = [
        apply_stated_unit(column, titles[places[column.key]], above)
        for column in columns
        if column.key in places
    ]
    titles_by_key = {column.key: column.title for column in columns}
    _fill_merges(table, first_row, {places[column.key] for column in used if column.kind.fills})
    for column in used:
        titles[places[column.key]] = title_with_unit(column)
    matched = set(places.values())
    ignored = [
        title
        for index, title in enumerate(titles)
        if title and index not in matched and title != PROBLEM_TITLE
    ]
    sheet = Sheet(table.name, titles, places, [], ignored, [])
    for number, cells in enumerate(table.grid[first_row:], start=first_row + 1):
        if all(_is_empty(cell) for cell in cells):
            continue
        if any(isinstance(cell, str) and normalize_title(cell) in TOTAL_LABELS for cell in cells[:3]):
            sheet.totals.append(number)
            continue
        if len(sheet.rows) >= limits.rows:
            raise TooLarge(f"一次最多导入 {limits.rows} 行, 请分成几个文件", "Too many rows")
        sheet.rows.append(_build_row(number, cells, used, places, titles_by_key))
    return sheet


def _build_row(
    number: int, cells: Cells, used: Iterable[Column], places: dict[str, int], titles: dict[str, str]
) -> SheetRow:
    row = SheetRow(number, {}, cells, titles)
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


def _fill_merges(table: RawTable, first_row: int, fills: set[int]) -> None:
    """Copy merged cells of these columns to every row they span, below the header."""
    budget = len(table.grid) * max(1, len(fills))  # merged ranges of valid files do not overlap
    for (first, left), (last, _) in table.merges:
        if (
            first < first_row
            or left not in fills
            or first >= len(table.grid)
            or left >= len(table.grid[first])
        ):
            continue
        for row in table.grid[first + 1 : min(last + 1, first + 1 + budget)]:
            budget -= 1
            if left < len(row):
                row[left] = table.grid[first][left]


def _read_workbook(content: bytes, limits: SheetLimits) -> Iterator[RawTable]:
    check_archive(io.BytesIO(content), limits)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            visible = [
                metadata.name
                for metadata in book.sheets_metadata
                if metadata.visible == SheetVisibleEnum.Visible
            ]
            for name in visible[: limits.sheets]:
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
    text = _decode_text(content)
    if "\0" in text:
        raise Invalid("不是表格文件, 请上传 .xlsx 或 .csv", "Not a spreadsheet")
    head = text[:20_000]
    delimiter = max(",\t;", key=head.count)
    grid: list[Cells] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
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
