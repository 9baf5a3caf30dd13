"""The cells of an uploaded file, whatever its form: XLSX, XLS, ODS, CSV, or HTML that is named .xls."""

import csv
import io
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from shared.sandbox.archive import ArchiveFacts, SheetLimits, check_archive
from shared.sandbox.formulas import fill_empty_formulas
from shared.sandbox.raw_tables import RawTable, RawWorkbook
from shared.sandbox.refusal import FileRefused, too_large_error, too_many_rows_error

OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
EXTRA_ROWS = 200
"""Rows beyond the limit of records that titles, notes and totals may take."""
SAVE_AS_XLSX = "请在表格软件中另存为 .xlsx 后再上传"


def read_workbook(content: bytes, limits: SheetLimits) -> RawWorkbook:
    """Read every sheet of a file; FileRefused says why it cannot be read."""
    if not content:
        raise FileRefused("文件是空的", "The file is empty", "请确认选对了文件再上传")
    if content.startswith(b"PK"):
        return _read_zip(content, limits)
    if content.startswith(OLE_SIGNATURE[:4]):
        return _read_ole(content, limits)
    if content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"{\\rtf")):
        raise FileRefused("不是表格文件, 请上传 .xlsx 或 .csv", "Not a spreadsheet")
    head = content[:4000].lower()
    if b"<html" in head or b"<table" in head:
        return RawWorkbook(_read_html(content, limits))
    return RawWorkbook([_read_csv(content, limits)])


def _read_zip(content: bytes, limits: SheetLimits) -> RawWorkbook:
    facts = check_archive(io.BytesIO(content), limits)
    book = _read_calamine(content, limits)
    if facts.has_empty_formulas:
        fill_empty_formulas(content, {table.name: table.grid for table in book.tables})
    book.counts_from_1904 = facts.counts_from_1904
    book.notes = _describe_facts(facts)
    return book


def _describe_facts(facts: ArchiveFacts) -> list[str]:
    notes = ["文件含宏, 宏不执行也不保存"] if facts.has_macro else []
    if facts.hidden_rows:
        notes.append(f"有 {facts.hidden_rows} 行被筛选或隐藏, 也按数据读取")
    return notes


def _read_ole(content: bytes, limits: SheetLimits) -> RawWorkbook:
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise FileRefused("文件设有打开口令, 请去掉口令后再上传", "The file is encrypted")
    if not any(name.encode("utf-16-le") in content for name in ("Workbook", "Book")):
        what = "Word 文档" if "WordDocument".encode("utf-16-le") in content else "WPS 的 .et"
        raise _not_excel_error(what)
    try:
        return _read_calamine(content, limits)
    except FileRefused as refused:
        if "密" in refused.detail or "口令" in refused.detail or refused.too_large:
            raise
        raise _not_excel_error("WPS 的 .et") from refused


def _not_excel_error(what: str) -> FileRefused:
    return FileRefused(
        f"不是 Excel 表格(可能是 {what}), 请在 WPS 中另存为 .xlsx", "Not an Excel workbook", SAVE_AS_XLSX
    )


def _read_calamine(content: bytes, limits: SheetLimits) -> RawWorkbook:
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            tables, cells = [], 0
            for one in book.sheets_metadata[: limits.sheets]:
                table = _read_sheet(book.get_sheet_by_name(one.name), limits)
                table.visible = one.visible == SheetVisibleEnum.Visible
                cells += sum(map(len, table.grid))
                if cells > limits.cells:
                    raise too_large_error()
                tables.append(table)
            notes = [f"只读取前 {limits.sheets} 张工作表"] if len(book.sheet_names) > limits.sheets else []
            return RawWorkbook(tables, notes)
    except CalamineError as error:
        if "password" in str(error).lower():
            raise FileRefused("文件设有打开口令, 请去掉口令后再上传", "The file is encrypted") from error
        raise FileRefused(
            "不是可以读取的表格, 请另存为 .xlsx 后再上传", "Not a readable spreadsheet", SAVE_AS_XLSX
        ) from error


def _read_sheet(sheet: CalamineSheet, limits: SheetLimits) -> RawTable:
    grid: list[list[Any]] = []
    filled = 0
    for cells in sheet.iter_rows():
        row = _trim(cells[: limits.columns])
        filled += bool(row)
        if filled > limits.rows + EXTRA_ROWS:
            raise too_many_rows_error(limits.rows)
        grid.append(row)
    while grid and not grid[-1]:
        grid.pop()
    try:
        merges = list(sheet.merged_cell_ranges or [])
    except CalamineError:
        merges = []
    return RawTable(sheet.name, grid, merges)


def _trim(cells: Iterable[Any]) -> list[Any]:
    row = list(cells)
    while row and (row[-1] == "" or row[-1] is None):
        row.pop()
    return row


def _read_csv(content: bytes, limits: SheetLimits) -> RawTable:
    words = _decode_text(content)
    if "\0" in words:
        raise FileRefused("不是表格文件, 请上传 .xlsx 或 .csv", "Not a spreadsheet")
    delimiter = max(",\t;", key=words[:20_000].count)
    grid: list[list[Any]] = []
    try:
        for cells in csv.reader(io.StringIO(words, newline=""), delimiter=delimiter):
            if len(grid) > limits.rows + EXTRA_ROWS:
                raise too_many_rows_error(limits.rows)
            grid.append([_strip_excel_quotes(cell) for cell in cells[: limits.columns]])
    except csv.Error as error:
        raise FileRefused(
            f"CSV 第 {len(grid) + 1} 行无法读取: 引号不成对或内容过长", "The CSV is malformed"
        ) from error
    return RawTable("CSV", grid)


def _strip_excel_quotes(cell: str) -> str:
    """A number kept as text the way banks write it into CSV: ="0123" or a tab after it."""
    found = re.fullmatch(r'="([^"]*)"', cell.strip())
    return found[1] if found else cell


def _decode_text(content: bytes) -> str:
    encodings = next(
        ([name] for bom, name in BYTE_ORDER_MARKS if content.startswith(bom)), ["utf-8", "gb18030"]
    )
    for encoding in encodings:
        try:
            return content.decode(encoding).lstrip("\ufeff")
        except UnicodeDecodeError:
            continue
    raise FileRefused("文字编码无法识别, 请另存为 .xlsx 或 UTF-8 的 .csv", "Unknown text encoding")


class _HtmlTables(HTMLParser):
    """The tables of a page, with spanned cells as merged ranges."""

    def __init__(self, limits: SheetLimits) -> None:
        super().__init__()
        self.limits = limits
        self.tables: list[RawTable] = []
        self.text: list[str] | None = None
        self.taken: set[tuple[int, int]] = set()
        self.span = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append(RawTable(f"表{len(self.tables) + 1}", []))
            self.taken = set()
        elif tag == "tr" and self.tables:
            self.tables[-1].grid.append([])
            if len(self.tables[-1].grid) > self.limits.rows + EXTRA_ROWS:
                raise too_many_rows_error(self.limits.rows)
        elif tag in {"td", "th"} and self.tables and self.tables[-1].grid:
            values = dict(attrs)
            self.span = (_read_span(values.get("rowspan")), _read_span(values.get("colspan")))
            self.text = []
        elif tag == "br" and self.text is not None:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"td", "th"} or self.text is None:
            return
        table = self.tables[-1]
        at, row = len(table.grid) - 1, table.grid[-1]
        while (at, len(row)) in self.taken:
            row.append("")
        height, width = self.span
        left = len(row)
        row.append("".join(self.text).replace("\xa0", " ").strip())
        row.extend([""] * (width - 1))
        self.taken |= {(at + down, left + right) for down in range(1, height) for right in range(width)}
        if height * width > 1:
            table.merges.append(((at, left), (at + height - 1, left + width - 1)))
        if len(row) > self.limits.columns or len(self.taken) > self.limits.cells:
            raise too_large_error()
        self.text = None


def _read_span(value: str | None) -> int:
    return min(max(int(value), 1), 300) if value and value.isascii() and value.isdigit() else 1


def _read_html(content: bytes, limits: SheetLimits) -> list[RawTable]:
    found = re.search(rb"charset=[\"']?([\w-]+)", content[:4000])
    named = found[1].decode() if found else "utf-8"
    encoding = "gb18030" if named.lower().startswith("gb") else named
    parser = _HtmlTables(limits)
    try:
        parser.feed(content.decode(encoding, "replace").lstrip("\ufeff"))
    except LookupError:
        parser.feed(content.decode("utf-8", "replace"))
    return [table for table in parser.tables if table.grid]
