"""What a spreadsheet column holds: how a cell becomes a value, and how a value is written again."""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from shared.china import LabelledEnum, format_wan, format_yuan, parse_wan_cell, parse_yuan_cell

Cell = str | int | float | bool | date | datetime | time | timedelta | Decimal
CellReader = Callable[[Any], Any]

CHINA_TIME_ZONE = ZoneInfo("Asia/Shanghai")
EXACT_NUMBER_LIMIT = 10**15
"""A spreadsheet program keeps 15 significant digits; longer numbers have lost their last ones."""
DATE_SERIALS = range(18_264, 73_051)
"""Day numbers taken for dates: 1950 to 2100."""
SERIAL_EPOCH = date(1899, 12, 30)
MAX_CHOICES_SHOWN = 12
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
_DATE = re.compile(
    r"(\d{4})(?:年|-|/|\.)(\d{1,2})(?:月|-|/|\.)(\d{1,2})日?(?:[ T]?0{1,2}:00(?::00)?)?|(\d{4})(\d{2})(\d{2})"
)
_MONTH = re.compile(r"(\d{4})(?:年|-|/|\.)(\d{1,2})月?|(\d{4})(\d{2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
YES_WORDS = frozenset({"是", "有", "√", "✓", "对", "y", "yes", "true", "1"})
NO_WORDS = frozenset({"否", "无", "×", "✗", "x", "错", "n", "no", "false", "0"})


def strip_invisible(text: str) -> str:
    """The text without control, zero-width and half-surrogate characters, which no cell may hold."""
    return _INVISIBLE.sub("", text)


def parse_text(cell: Cell) -> str:
    """The cell as trimmed text: 3.0 is "3", a date is ISO. ValueError for a number that lost digits."""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        if abs(cell) >= EXACT_NUMBER_LIMIT:
            raise ValueError("数字超过15位, 表格软件已丢失末尾几位; 请把这一列设为文本格式后重新填写")
        return str(int(cell)) if cell.is_integer() else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    return strip_invisible(str(cell)).replace("\r\n", "\n").strip()


def parse_number(cell: Cell) -> Decimal:
    """The cell as an exact decimal: thousands commas and a percent sign are understood."""
    if isinstance(cell, bool | date | time | timedelta) or (
        isinstance(cell, float) and not math.isfinite(cell)
    ):
        raise ValueError("须为数字")
    if isinstance(cell, float):
        return Decimal(f"{cell:.15g}")
    words = unicodedata.normalize("NFKC", str(cell)).strip()
    if not re.fullmatch(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,15})(\.\d{1,15})?%?", words, re.ASCII):
        raise ValueError(f"须为数字: {words[:40]!r}")
    value = Decimal(words.rstrip("%").replace(",", ""))
    return value / 100 if words.endswith("%") else value


def parse_integer(cell: Cell) -> int:
    """The cell as a whole number."""
    value = parse_number(cell)
    if value != value.to_integral_value():
        raise ValueError(f"须为整数: {value}")
    return int(value)


def parse_day(cell: Cell) -> date:
    """The cell as a date: a date cell, a day number, 2022-03-01, 2022/3/1, 2022年3月1日 or 20220301."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and DATE_SERIALS.start <= cell < DATE_SERIALS.stop:
        return SERIAL_EPOCH + timedelta(days=int(cell))
    words = "".join(unicodedata.normalize("NFKC", parse_text(cell)).split("\n")).strip()
    if found := _DATE.fullmatch(words):
        return _build_date(words, *(int(part) for part in found.groups() if part))
    raise ValueError(f"须为日期, 如 2022-03-01: {words[:40]!r}")


def parse_month(cell: Cell) -> date:
    """The cell as the first day of a month: 2022-03, 2022年3月, 202203, or any date in it.

    The number 2022.1 is refused: it may be January or October.
    """
    if isinstance(cell, float) and not cell.is_integer():
        raise ValueError("月份请写成 2022-03 或 2022年3月")
    if isinstance(cell, str | int | float) and not isinstance(cell, bool):
        words = unicodedata.normalize("NFKC", parse_text(cell))
        if found := _MONTH.fullmatch(words):
            year, month_ = (int(part) for part in found.groups() if part)
            return _build_date(words, year, month_, 1)
    return parse_day(cell).replace(day=1)


def parse_instant(cell: Cell) -> datetime:
    """The cell as an instant: a date and a time of day in Asia/Shanghai, returned in UTC."""
    if isinstance(cell, str):
        words = unicodedata.normalize("NFKC", cell).strip()
        found = re.fullmatch(rf"(.+?)[ T]\s*({_TIME.pattern})", words)
        if not found:
            raise ValueError(f"须为日期和时间, 如 2022-03-01 08:30: {words[:40]!r}")
        hour, minute, second = (int(part or 0) for part in found.groups()[2:5])
        try:
            clock = datetime.combine(parse_day(found.group(1)), time(hour, minute, second))
        except ValueError:
            raise ValueError(f"没有这个时间: {words[:40]!r}") from None
    elif isinstance(cell, datetime):
        clock = cell
    elif isinstance(cell, date):
        clock = datetime.combine(cell, time())
    else:
        raise ValueError("须为日期和时间, 如 2022-03-01 08:30")  # noqa: TRY004 - refused input, not a bug
    return clock.replace(tzinfo=CHINA_TIME_ZONE).astimezone(UTC)


def parse_yes_no(cell: Cell) -> bool:
    """The cell as 是 or 否; a tick and a cross do as well."""
    words = unicodedata.normalize("NFKC", parse_text(cell)).casefold()
    if words in YES_WORDS or words in NO_WORDS:
        return words in YES_WORDS
    raise ValueError(f"须填“是”或“否”: {words[:40]!r}")


def to_naive_local_time(moment: datetime) -> datetime:
    """The wall clock in Asia/Shanghai at an instant."""
    return moment.astimezone(CHINA_TIME_ZONE).replace(tzinfo=None)


def _build_date(words: str, year: int, month_: int, day_: int) -> date:
    try:
        return date(year, month_, day_)
    except ValueError:
        raise ValueError(f"没有这一天: {words!r}") from None


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """A kind of content: reading, writing, number format, default width in characters.

    `write` gives what stands in the cell. `fills`: whether a cell merged over several rows counts for each of
    them; never for amounts and counts, or a merged sum would be booked several times.
    """

    name: str
    read: CellReader
    write: Callable[[Any], Cell] = str
    number_format: str = ""
    width: float = 14
    fills: bool = False


# fmt: off
TEXT    = ColumnKind("文本", parse_text, parse_text, "@", 20, fills=True)
INTEGER = ColumnKind("整数", parse_integer, Decimal, "0", 10)
NUMBER  = ColumnKind("数字", parse_number, Decimal, "General", 12)
PERCENT = ColumnKind("百分比", parse_number, Decimal, "0.00%", 10)
WAN     = ColumnKind("金额(万元)", parse_wan_cell, lambda amount: Decimal(format_wan(amount)), "#,##0.00####", 16)
YUAN    = ColumnKind("金额(元)", parse_yuan_cell, lambda amount: Decimal(format_yuan(amount)), "#,##0.00", 18)
DAY     = ColumnKind("日期", parse_day, lambda value: value, "yyyy-mm-dd", 12, fills=True)
MONTH   = ColumnKind("月份", parse_month, lambda value: value, "yyyy-mm", 10, fills=True)
INSTANT = ColumnKind("时间", parse_instant, to_naive_local_time, "yyyy-mm-dd hh:mm:ss", 20)
YES_NO  = ColumnKind("是否", parse_yes_no, lambda value: "是" if value else "否", "@", 8, fills=True)
# fmt: on


def choice_kind(kind: type[LabelledEnum]) -> ColumnKind:
    """A code set: read by its Chinese label or its code, written as the label."""
    members = {_normalize_label(name): one for one in kind for name in (one.value, one.label)}

    def read(cell: Cell) -> LabelledEnum:
        if found := members.get(_normalize_label(parse_text(cell))):
            return found
        labels = [one.label for one in kind]
        more = " 等" if len(labels) > MAX_CHOICES_SHOWN else ""
        raise ValueError(f"须为 {'、'.join(labels[:MAX_CHOICES_SHOWN])}{more}: {parse_text(cell)[:40]!r}")

    return ColumnKind("选项", read, lambda value: kind(value).label, "@", 14, fills=True)


def _normalize_label(words: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", words)).casefold()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in code, its title on paper, and how it is read and written.

    `reader` replaces the kind's own reading; it may raise ValueError (pydantic's too) in Chinese. `required`:
    the column must exist and every row must fill it. `choices` becomes a drop-down list in templates.
    """

    key: str
    title: str
    kind: ColumnKind = TEXT
    aliases: tuple[str, ...] = ()
    required: bool = False
    reader: CellReader | None = None
    note: str = ""
    choices: Sequence[str] = ()
    width: float | None = None

    def read_cell(self, cell: Cell) -> Any:  # noqa: ANN401 - whatever the reader makes of it
        """The cell's value; ValueError with one Chinese sentence when it is none."""
        try:
            return (self.reader or self.kind.read)(cell)
        except ValidationError as error:
            raise ValueError(
                "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
            ) from None


def choice_column(key: str, title: str, kind: type[LabelledEnum], **rest: Any) -> Column:  # noqa: ANN401 - Column's fields
    """A column of a code set, with its labels as choices."""
    return Column(key, title, choice_kind(kind), choices=[one.label for one in kind], **rest)
