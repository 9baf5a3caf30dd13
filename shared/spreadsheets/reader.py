"""Reading an uploaded spreadsheet: every sheet with a known header, and everything that is wrong at once.

sheet = read_sheet(content, COLUMNS)      # Invalid or TooLarge when it cannot be read as a table at all
for row in sheet.rows:                    # where row.is_valid: create(**row.values)
    row.add_error("name", "本村已有同名项目")    # what only the service can know
if sheet.errors: return annotate_sheet(sheet)   # the same rows with a column that says what is wrong
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shared.china.personal_numbers import mask_personal_numbers
from shared.errors import FieldError, Invalid, TooLarge
from shared.sandbox.archive import SheetLimits
from shared.sandbox.raw_tables import RawTable, RawWorkbook
from shared.spreadsheets.child_process import read_workbook
from shared.spreadsheets.columns import ABOUT, DAY, MONTH, TEXT, WAN, YES_NO, YUAN, Column
from shared.spreadsheets.headers import (
    Cells,
    HeadWords,
    TableHeader,
    add_cross_columns,
    apply_stated_unit,
    find_header,
    guess_header,
    normalize_title,
    sign_titles,
    title_with_unit,
)
from shared.spreadsheets.rows import (
    ROW_LABELS,
    RowClass,
    RowClassifier,
    fill_merges,
    is_blank,
    is_nothing,
    list_covered_rows,
    plain_text,
)
from shared.spreadsheets.totals import StatedSum, TotalCheck, check_totals

PROBLEM_TITLE = "问题"
DAYS_FROM_1900_TO_1904 = 1462
MIN_KNOWN_TITLES = 2
"""Titles that a sheet must have to be told of as a table that misses columns."""
MAX_SAMPLES = 3
MIN_DAY_NUMBER = 10_000
"""Smaller numbers in a column of days are years or months."""
MAX_SKIPPED = 500


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong with one cell: its row as the spreadsheet program numbers it and its column's title."""

    row: int
    column: str
    message: str
    pointer: str
    sheet: str = ""


@dataclass(slots=True)
class SheetRow:
    """One row: its number on paper, its values by column key (None where empty), the cells as uploaded.

    `groups`: the headings above it; `sheet`: its sheet's name; `continues`: the row whose merged amount covers it.
    """

    number: int
    values: dict[str, Any]
    cells: Cells
    titles: dict[str, str]
    errors: list[CellError] = field(default_factory=list)
    sheet: str = ""
    groups: tuple[str, ...] = ()
    continues: int = 0
    notes: list[str] = field(default_factory=list)
    places: Mapping[str, int] = field(default_factory=dict)

    def cell_text(self, key: str) -> str:
        """What stands in the cell of a column, as text, persons' numbers masked: it is stored with the row's faults."""
        place = self.places.get(key, len(self.cells))
        return mask_personal_numbers(str(self.cells[place]).strip()) if place < len(self.cells) else ""

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.errors

    def add_error(self, key: str, message: str) -> None:
        """Say what is wrong with a cell, or with the whole row when the key is empty."""
        pointer = f"/rows/{self.number}" + (f"/{key}" if key else "")
        self.errors.append(CellError(self.number, self.titles.get(key, ""), message, pointer, self.sheet))


@dataclass(frozen=True, slots=True)
class Head:
    """A column's title as it was seen: what it is read as, how that is known, and what stands below."""

    sheet: str
    position: int
    title: str
    key: str
    how: str
    proposal: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that is no record, and why."""

    sheet: str
    row: int
    why: str
    text: str


@dataclass(slots=True)
class SheetPart:
    """One sheet of the file: its header when it was read, the reason when it was not."""

    name: str
    titles: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    header_row: int = 0
    rows: int = 0
    reason: str = ""

    @property
    def is_read(self) -> bool:
        """Whether its rows were taken."""
        return not self.reason


@dataclass(slots=True)
class Sheet:
    """The table that was found in a file, over all its sheets with a known header.

    `ignored`: titles nobody asked for; `totals`: the numbers of rows that only sum up (合计) and were left out.
    """

    parts: list[SheetPart]
    rows: list[SheetRow]
    ignored: list[str]
    totals: list[int]
    heads: list[Head] = field(default_factory=list)
    checks: list[TotalCheck] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[RawTable] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)

    @property
    def first(self) -> SheetPart:
        """The first sheet that was read."""
        return next((part for part in self.parts if part.is_read), SheetPart(""))

    @property
    def name(self) -> str:
        """The name of the first sheet that was read."""
        return self.first.name

    @property
    def titles(self) -> list[str]:
        """The titles of the first sheet that was read."""
        return self.first.titles

    @property
    def places(self) -> dict[str, int]:
        """Column key → position in the first sheet that was read."""
        return self.first.places

    @property
    def errors(self) -> list[CellError]:
        """Everything that is wrong, row by row."""
        return [one for row in self.rows for one in row.errors]

    def to_field_errors(self, limit: int = 200) -> list[FieldError]:
        """The first of the faults as the errors of a problem answer."""
        many = sum(part.is_read for part in self.parts) > 1
        return [
            FieldError(
                "cell",
                f"{f'“{one.sheet}”' if many else ''}第 {one.row} 行“{one.column or '整行'}”: {one.message}",
                pointer=one.pointer,
            )
            for one in self.errors[:limit]
        ]

    def describe_differences(self) -> list[str]:
        """The stated sums that their rows do not give, in words."""
        return [
            f"“{check.sheet}”第 {check.row} 行{check.detail}" for check in self.checks if not check.agrees
        ]


def read_sheet(
    content: bytes,
    columns: Sequence[Column],
    *,
    limits: SheetLimits | None = None,
    words: Mapping[str, Sequence[str]] | None = None,
    mapping: Mapping[str, str] | None = None,
    remembered: Mapping[str, Mapping[str, str]] | None = None,
    identity: Sequence[str] = (),
    cross: Column | None = None,
    refuses: bool = True,
) -> Sheet:
    """The rows of every sheet with a known header in an XLSX, XLS, CSV or HTML file.

    The header may stand below title rows and take up to three rows with merged cells. `words`: further titles by
    column key, from the dated rule; `mapping`: title → column key ("" to leave a column out), as a caller sent it;
    `remembered`: signature of a header → the mapping that was sent for it before; `identity`: the columns that tell
    records apart; `cross`: what every other column of amounts is (乡镇 × 类别), its title being its key. Wrong cells
    are collected, never raised. Invalid: no such table, a required column is missing, unless
    `refuses` is off: then `heads` say what was seen. TooLarge: over the limits. This is work for a thread.
    """
    limits = limits or SheetLimits()
    reading = _Reading(
        columns, limits, HeadWords(columns, words or {}), identity, mapping or {}, remembered or {}, cross
    )
    sheet = reading.read(read_workbook(content, limits))
    if refuses and not any(part.is_read for part in sheet.parts):
        _refuse(sheet, columns)
    return sheet


def _refuse(sheet: Sheet, columns: Sequence[Column]) -> None:
    """Say what is missing, with every title that was seen and what it may mean."""
    wanted = "、".join(column.title for column in columns if column.required) or columns[0].title
    titles = {column.key: column.title for column in columns}
    errors = [
        FieldError(
            "unknown_title",
            f"“{head.sheet}”{column_letters(head.position)} 列“{head.title}”: "
            + (f"可能是“{titles[head.proposal]}”" if head.proposal else "没有认出")
            + (f", 如 {head.samples[0]}" if head.samples else ""),
            pointer=f"/query/mapping/{head.title}",
        )
        for head in sheet.heads
        if not head.key
    ]
    use = '请下载模板填写, 或在 mapping 中指明哪一列是什么, 如 {"投资盘子": "total"}'
    if sheet.missing:
        detail = f"缺少列: {'、'.join(sheet.missing)}"
        raise Invalid(detail, "Required columns are missing", errors=errors[:100], next_step=use)
    raise Invalid(
        f"没有找到表头, 表头须有: {wanted}", "No header row was found", errors=errors[:100], next_step=use
    )


class _Reading:
    """One file being read."""

    def __init__(
        self,
        columns: Sequence[Column],
        limits: SheetLimits,
        words: HeadWords,
        identity: Sequence[str],
        mapping: Mapping[str, str],
        remembered: Mapping[str, Mapping[str, str]],
        cross: Column | None,
    ) -> None:
        self.columns, self.limits, self.plain_words = columns, limits, words
        self.words, self.how = words, "mapped"
        self.mapping, self.remembered, self.cross = mapping, remembered, cross
        required = [column.key for column in columns if column.required]
        self.identity = tuple(identity) or tuple(required[:1])
        self.shown = {column.key: column.title for column in columns}

    def read(self, book: RawWorkbook) -> Sheet:
        sheet = Sheet([], [], [], [], notes=list(book.notes), tables=book.tables)
        best_missing: tuple[int, list[str]] = (0, [])
        for table in book.tables:
            header = self._find_header(sheet, table)
            missing = [one.title for one in self.columns if one.required and self.words.lacks(one, header)]
            if not header.places or missing:
                best_missing = max(best_missing, (len(header.places), missing), key=lambda pair: pair[0])
                self._note_unread(sheet, table, header, missing)
            elif not table.visible:
                rows = sum(
                    1
                    for cells in table.grid[header.top + header.depth :]
                    if any(not is_blank(c) for c in cells)
                )
                reason = f"隐藏的工作表有 {rows} 行像数据, 没有导入; 需要导入请取消隐藏后再上传"
                sheet.parts.append(SheetPart(table.name, reason=reason))
            else:
                self._read_table(sheet, table, header, counts_from_1904=book.counts_from_1904)
        sheet.missing = best_missing[1]
        sheet.ignored = list(dict.fromkeys(sheet.ignored))
        return sheet

    def _find_header(self, sheet: Sheet, table: RawTable) -> TableHeader:
        """The header of a table, by the mapping that was sent or is remembered for its titles."""
        plain = find_header(table, self.plain_words)
        signature = sign_titles(
            (plain if len(plain.places) >= MIN_KNOWN_TITLES else guess_header(table)).stacks
        )
        mapping = self.mapping or self.remembered.get(signature, {})
        self.words, self.how = self.plain_words, "mapped" if self.mapping else "remembered"
        if not mapping:
            return plain
        self.words = HeadWords(self.columns, self.plain_words.words, mapping)
        sheet.signatures.append(signature)
        return find_header(table, self.words)

    def _note_unread(self, sheet: Sheet, table: RawTable, header: TableHeader, missing: list[str]) -> None:
        if not any(not is_blank(cell) for cells in table.grid for cell in cells):
            reason = "空的工作表"
        elif len(header.places) >= MIN_KNOWN_TITLES:
            reason = f"缺少列: {'、'.join(missing)}"
        else:
            reason = "没有认出表头"
        sheet.parts.append(SheetPart(table.name, reason=reason))
        if table.visible:
            seen = header if len(header.places) >= MIN_KNOWN_TITLES else guess_header(table)
            self._note_heads(sheet, table, seen)

    def _note_heads(self, sheet: Sheet, table: RawTable, header: TableHeader) -> None:
        keys = {place: key for key, place in header.places.items()}
        for at, stack in enumerate(header.stacks):
            if not stack or stack[-1] == PROBLEM_TITLE:
                continue
            key = keys.get(at, "")
            how = (self.how if normalize_title(stack[-1]) in self.words.mapped else "known") if key else ""
            samples = [
                mask_personal_numbers(str(cells[at]))[:40]
                for cells in table.grid[header.top + header.depth :][:30]
                if at < len(cells) and not is_blank(cells[at])
            ]
            proposal = "" if key else self.words.propose(stack, header.places)
            sheet.heads.append(
                Head(table.name, at, " ".join(stack), key, how, proposal, tuple(samples[:MAX_SAMPLES]))
            )

    def _read_table(
        self, sheet: Sheet, table: RawTable, header: TableHeader, *, counts_from_1904: bool
    ) -> None:
        header, crossing = add_cross_columns(table, header, self.words, self.cross)
        self.shown |= {column.key: column.title for column in crossing}
        places, below = header.places, header.top + header.depth
        titles = header.titles()
        above = [str(cell) for cells in table.grid[: header.top] for cell in cells]
        used = [
            apply_stated_unit(column, titles[places[column.key]], above)
            for column in (*self.columns, *crossing)
            if column.key in places
        ]
        self._note_heads(sheet, table, header)
        covered = list_covered_rows(table, below, used, places)
        fill_merges(table, below, {places[column.key] for column in used if column.kind.fills})
        if counts_from_1904:
            _shift_days(table, below, used, places)
        taken = set(places.values())
        sheet.ignored += [t for at, t in enumerate(titles) if t and at not in taken and t != PROBLEM_TITLE]
        for column in used:
            titles[places[column.key]] = title_with_unit(column)
        part = SheetPart(table.name, titles, places, below)
        sheet.parts.append(part)
        self._read_rows(sheet, part, _TableRows(table, header, used, covered))

    def _read_rows(self, sheet: Sheet, part: SheetPart, source: "_TableRows") -> None:
        classifier = RowClassifier(source.table, source.header, source.used, self.identity)
        groups: dict[int, str] = {}
        sums: list[StatedSum] = []
        amounts: list[tuple[int, dict[str, int]]] = []
        for at, cells in enumerate(source.table.grid[part.header_row :], start=part.header_row):
            found = classifier.classify(at, cells)
            if found.kind == "data":
                row = self._build_row(at + 1, cells, source)
                row.sheet, row.groups = part.name, tuple(groups.values())
                amounts.append((at + 1, source.get_amounts(row.values)))
                self._add_row(sheet, part, row)
            elif found.kind == "group":
                groups = {level: text for level, text in groups.items() if level < found.level}
                groups[found.level] = found.text
            if found.kind in {"total", "group"}:
                sums.append(StatedSum(at + 1, found.text, found.level, source.read_amounts(cells)))
            _note_skipped(sheet, part, at + 1, found)
            if found.kind == "end":
                break
        sheet.checks += check_totals(part.name, sums, amounts, source.used)
        if not part.rows:
            sheet.notes.append(f"工作表“{part.name}”没有数据行")

    def _add_row(self, sheet: Sheet, part: SheetPart, row: SheetRow) -> None:
        sheet.rows.append(row)
        part.rows += 1
        if len(sheet.rows) > self.limits.rows:
            raise TooLarge(f"一次最多导入 {self.limits.rows} 行, 请分成几个文件", "Too many rows")

    def _build_row(self, number: int, cells: Cells, source: "_TableRows") -> SheetRow:
        row = SheetRow(number, {}, cells, self.shown, places=source.header.places)
        row.continues = source.covered.get(number - 1, -1) + 1
        for column in source.used:
            place = source.header.places[column.key]
            cell = cells[place] if place < len(cells) else ""
            row.values[column.key] = None
            if is_blank(cell) or _says_nothing(column, cell):
                if column.required and not (row.continues and not column.kind.fills):
                    row.add_error(column.key, "必填")
                continue
            if isinstance(cell, str) and cell.startswith("=") and not column.kind.fills:
                row.add_error(column.key, "公式没有算出的结果, 请在表格软件中打开并保存一次, 或填写数值")
                continue
            try:
                row.values[column.key] = column.read_cell(cell)
            except ValueError as error:
                row.add_error(column.key, str(error))
        for column in self.columns:
            if column.parts and column.key not in source.header.places:
                _sum_parts(row, column)
        return row


def _sum_parts(row: SheetRow, column: Column) -> None:
    """Fill a total that the table has no column for with the sum of its parts."""
    amounts = [row.values[key] for key in column.parts if row.values.get(key)]
    row.values[column.key] = sum(amounts) or None
    if column.required and not amounts and row.is_valid:
        row.add_error(column.key, "必填")


def _note_skipped(sheet: Sheet, part: SheetPart, number: int, found: RowClass) -> None:
    """Note a row that is no record."""
    if found.kind in {"data", "blank"}:
        return
    if len(sheet.skipped) < MAX_SKIPPED:
        sheet.skipped.append(SkippedRow(part.name, number, ROW_LABELS[found.kind], found.text[:80]))
    if found.kind == "total":
        sheet.totals.append(number)
    if found.kind == "end":
        sheet.notes.append(f"“{part.name}”第 {number} 行起是另一张表({found.text[:30]}), 没有读取")


@dataclass(frozen=True, slots=True)
class _TableRows:
    """A table with its header, its columns, and the rows that a merged amount covers."""

    table: RawTable
    header: TableHeader
    used: list[Column]
    covered: dict[int, int]

    def get_amounts(self, values: Mapping[str, Any]) -> dict[str, int]:
        """The amounts of a record in 分."""
        return {c.key: values[c.key] for c in self.used if c.kind in {WAN, YUAN} and values.get(c.key)}

    def read_amounts(self, cells: Cells) -> dict[str, int]:
        """The amounts that a row of sums states; cells that are no amounts are passed over."""
        found = {}
        for column in self.used:
            place = self.header.places[column.key]
            cell = cells[place] if place < len(cells) else ""
            if column.kind not in {WAN, YUAN} or is_nothing(cell):
                continue
            try:
                found[column.key] = column.read_cell(cell)
            except ValueError:
                continue
        return found


def _says_nothing(column: Column, cell: Any) -> bool:  # noqa: ANN401 - any cell
    """Whether a cell that is no text column's says that there is nothing: a dash, a slash, 无."""
    if column.kind is TEXT:
        return False
    return is_nothing(cell) or (
        column.kind is not YES_NO and isinstance(cell, str) and plain_text(cell) == "无"
    )


def _shift_days(table: RawTable, below: int, used: Sequence[Column], places: Mapping[str, int]) -> None:
    """Bare day numbers of a workbook that counts from 1904 become those of one that counts from 1900."""
    days = [places[column.key] for column in used if column.kind in {DAY, MONTH, ABOUT}]
    for row in table.grid[below:]:
        for place in days:
            cell = row[place] if place < len(row) else ""
            if (
                isinstance(cell, int | float)
                and not isinstance(cell, bool | date | datetime)
                and cell > MIN_DAY_NUMBER
            ):
                row[place] = int(cell) + DAYS_FROM_1900_TO_1904


def column_letters(at: int) -> str:
    """The letters a spreadsheet program gives a column, counted from 0."""
    return (column_letters(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)  # noqa: PLR2004
