"""What the rows below a header are: records, headings of groups, sums, repeated headers, notes and signatures."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.sandbox.raw_tables import RawTable
from shared.spreadsheets.columns import (
    ABOUT,
    DAY,
    MONTH,
    WAN,
    YUAN,
    Cell,
    Column,
    ColumnKind,
    strip_invisible,
)
from shared.spreadsheets.headers import Cells, TableHeader, normalize_title

RowKind = Literal["data", "blank", "header", "total", "group", "note", "end"]
ROW_LABELS: dict[str, str] = {
    "header": "重复的表头",
    "total": "合计行",
    "group": "分组标题",
    "note": "附注或落款",
    "end": "另一张表",
}
MAX_LABEL = 40
MAX_HEADING = 60
WIDE_MERGE = 3
"""Columns that a merged cell spans when it is a heading and no value."""
_TOTAL = re.compile(r"(?:[^\d,。;:：]{0,10})?(?:合计|总计|小计|共计|累计)(?:\d+笔)?(?:[(（].*[)）].{0,20})?")
_NUMERAL = r"[一二三四五六七八九十百]+"
_ORDINAL = re.compile(rf"(?:[(（]{_NUMERAL}[)）]|{_NUMERAL}|第{_NUMERAL}[类部分章]+)[、.．,:：]*")
_HEADING = re.compile(rf"(?:[(（]{_NUMERAL}[)）][、.．]?|{_NUMERAL}[、.．:：])\s*\S.*")
_NOTE = re.compile(
    r"(?:注|备注|说明|填表说明|附注|图例|填表人?|填报人?|填报单位|制表人?|审核人?|复核人?|经办人?|负责人|单位负责人|领导|签字|"
    r"盖章|联系人|联系电话|日期|打印|页码|制单|会计|出纳|监督举报电话)\s*[:：(（].*|(?:注|备注|说明)\d*[.、:：].*|第\s*\d+\s*页.*|.*(?:签字|盖章)[:：)）].*|以下空白|(?:借方|贷方|总|合计)?笔数[:：]?.*",
    re.DOTALL,
)
_LABEL = re.compile(r"[\u4e00-\u9fff]{2,10}[:：].{0,30}")
"""A word before a colon, as signatures are: 分管领导:."""
_SECOND_TABLE = re.compile(r"附(?:表|件)\s*[\d一二三四五六七八九十]*.*")
_DIGIT = re.compile(r"\d|[〇一二三四五六七八九十]月")
_STEMS = "甲乙丙丁戊己庚辛壬癸"
MIN_NUMBERED = 4
"""Cells of a row that numbers the columns, at least."""
_SERIAL = re.compile(r"\d{1,6}(?:[.、)]|\.0)?")
_HINTS = frozenset({"name", "category1", "category2", "category3", "asset_class", "remark", "note"})
"""Columns in which the heading of a group may stand."""


@dataclass(slots=True)
class RowClass:
    """What a row is, and its words where it is a heading, a sum or a note."""

    kind: RowKind
    text: str = ""
    level: int = 0


def plain_text(cell: Cell) -> str:
    """The text of a cell in one width without blanks."""
    return (
        re.sub(r"\s", "", unicodedata.normalize("NFKC", strip_invisible(str(cell))))
        if isinstance(cell, str)
        else ""
    )


def is_blank(cell: Cell) -> bool:
    """Whether a cell holds nothing."""
    return isinstance(cell, str) and not strip_invisible(cell).strip()


def is_nothing(cell: Cell) -> bool:
    """Whether a cell says that there is nothing: empty, a dash, a slash."""
    return isinstance(cell, str) and plain_text(cell) in {"", "-", "--", "—", "——", "/", "\\", "–", "―", "…"}


class RowClassifier:
    """Tells what each row of one table is."""

    def __init__(
        self, table: RawTable, header: TableHeader, used: Sequence[Column], identity: Sequence[str]
    ) -> None:
        self.header, self.identity = header, identity
        kinds = {header.places[column.key]: column.kind for column in used}
        self.kinds: dict[int, ColumnKind] = kinds
        self.key_of = {place: key for key, place in header.places.items()}
        self.money = {place for place, kind in kinds.items() if kind in {WAN, YUAN}}
        self.titles = [{normalize_title(name) for name in stack} for stack in header.stacks]
        self.wide = {
            first: right - left + 1
            for (first, left), (last, right) in table.merges
            if first == last and right - left + 1 >= WIDE_MERGE
        }

    def classify(self, at: int, cells: Cells) -> RowClass:
        """What the row at an index is."""
        filled = [place for place, cell in enumerate(cells) if not is_blank(cell)]
        if not filled:
            return RowClass("blank")
        texts = {place: plain_text(cells[place]) for place in filled if isinstance(cells[place], str)}
        return (
            self._find_non_record(cells, filled, texts)
            or self._find_heading(at, cells, filled, texts)
            or (RowClass("data") if self._is_record(cells, filled) else None)
            or RowClass("note", texts.get(filled[0], ""))
        )

    def _find_non_record(self, cells: Cells, filled: Sequence[int], texts: dict[int, str]) -> RowClass | None:
        first = texts.get(filled[0], "")
        if self._repeats_header(cells, filled) or _numbers_columns(cells, filled):
            return RowClass("header")
        if label := self._find_total(texts):
            return RowClass("total", label)
        if self._is_second_table(filled, first):
            return RowClass("end", first)
        is_note = _NOTE.fullmatch(first) or _LABEL.fullmatch(first)
        if is_note and (len(filled) == 1 < len(self.key_of) or not self._has_identity(cells)):
            return RowClass("note", first)
        return None

    def _repeats_header(self, cells: Cells, filled: Sequence[int]) -> bool:
        same = sum(
            1
            for place in filled
            if isinstance(cells[place], str)
            and place < len(self.titles)
            and normalize_title(str(cells[place])) in self.titles[place]
        )
        return same >= 2 and same * 10 >= len(filled) * 6  # noqa: PLR2004 - most of the cells

    def _find_total(self, texts: dict[int, str]) -> str:
        for place, text in sorted(texts.items())[:6]:
            if place in self.money:
                break
            if len(text) <= MAX_LABEL and _TOTAL.fullmatch(text):
                return text
        return ""

    def _is_second_table(self, filled: Sequence[int], first: str) -> bool:
        return len(filled) == 1 and bool(_SECOND_TABLE.fullmatch(first))

    def _has_identity(self, cells: Cells) -> bool:
        places = [self.header.places[key] for key in self.identity if key in self.header.places]
        return all(place < len(cells) and self._names_one(place, cells[place]) for place in places)

    def _names_one(self, place: int, cell: Cell) -> bool:
        """Whether a cell tells its record from others; words in a column of days do not."""
        is_word = (
            isinstance(cell, str) and self.kinds[place] in {DAY, ABOUT, MONTH} and not _DIGIT.search(cell)
        )
        return not is_nothing(cell) and not is_word

    def _find_heading(
        self, at: int, cells: Cells, filled: Sequence[int], texts: dict[int, str]
    ) -> RowClass | None:
        first = texts.get(filled[0], "")
        known = [
            place
            for place in filled
            if place in self.key_of
            and self.key_of[place] not in _HINTS
            and place not in self.money
            and self.kinds[place].fills
            and not is_nothing(cells[place])
            and place != filled[0]
        ]
        is_heading = not known or (len(known) == 1 and not self._has_identity(cells))
        if _ORDINAL.fullmatch(first) and is_heading:
            words = "".join(
                text for place, text in texts.items() if place != filled[0] and place not in self.money
            )
            return RowClass("group", words or first, 2 if first[0] in "(（" else 1)
        if (
            len(first) <= MAX_HEADING
            and _HEADING.fullmatch(first)
            and not known
            and not self._has_identity(cells)
        ):
            return RowClass("group", _strip_ordinal(first), 2 if first[0] in "(（" else 1)
        is_wide = len(self.key_of) >= WIDE_MERGE
        is_alone = (is_wide and len(filled) == 1) or (self.wide.get(at, 0) >= WIDE_MERGE and len(filled) <= 2)  # noqa: PLR2004
        if is_alone and first and len(first) <= MAX_HEADING and (at in self.wide or filled[0] == 0):
            return RowClass("group", first, 3)
        return None

    def _is_record(self, cells: Cells, filled: Sequence[int]) -> bool:
        """A record fills a column that tells one from another, or at least two columns."""
        if any(
            self.header.places[key] in filled and not is_nothing(cells[self.header.places[key]])
            for key in self.identity
            if key in self.header.places
        ):
            return True
        known = [place for place in filled if place in self.key_of and not is_nothing(cells[place])]
        return len(known) >= min(2, len(self.key_of))


def _numbers_columns(cells: Cells, filled: Sequence[int]) -> bool:
    """Whether a row numbers the columns: 甲 乙 丙 1 2 3."""
    texts = [str(cells[place]).strip().removesuffix(".0") for place in filled]
    numbers = [text for text in texts if text.isdecimal()]
    letters = [text for text in texts if text in _STEMS]
    return (
        len(letters) + len(numbers) == len(texts) >= MIN_NUMBERED
        and letters == list(_STEMS[: len(letters)])
        and numbers == [str(at) for at in range(1, len(numbers) + 1)]
    )


def _strip_ordinal(text: str) -> str:
    return re.sub(rf"^(?:[(（]{_NUMERAL}[)）][、.．]?|{_NUMERAL}[、.．:：])", "", text)


def list_covered_rows(
    table: RawTable, below: int, used: Sequence[Column], places: Mapping[str, int]
) -> dict[int, int]:
    """Row index → the row whose merged amount covers it: one record over several rows."""
    money = {places[column.key] for column in used if column.kind in {WAN, YUAN} and column.required}
    return {
        row: first
        for (first, left), (last, _) in table.merges
        if first >= below and left in money
        for row in range(first + 1, min(last, len(table.grid) - 1) + 1)
    }


def fill_merges(table: RawTable, below: int, fills: set[int]) -> None:
    """Write the value of a merged cell into each row that it covers, in the columns where it counts for each."""
    budget = len(table.grid) * max(1, len(fills))  # sound files do not overlap their merged cells
    for (first, left), (last, _) in table.merges:
        if first < below or left not in fills or first >= len(table.grid) or left >= len(table.grid[first]):
            continue
        for row in table.grid[first + 1 : min(last + 1, first + 1 + budget)]:
            budget -= 1
            row.extend([""] * (left + 1 - len(row)))
            row[left] = table.grid[first][left]
