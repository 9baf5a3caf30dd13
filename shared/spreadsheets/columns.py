"""Column definitions: how cells are parsed into values and values are written to cells."""

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
from shared.china.personal_numbers import find_personal_numbers, mask_personal_numbers
from shared.spreadsheets.periods import parse_period

Cell = str | int | float | bool | date | datetime | time | timedelta | Decimal
CellReader = Callable[[Any], Any]

CHINA_TIME_ZONE = ZoneInfo("Asia/Shanghai")
EXACT_NUMBER_LIMIT = 10**15
"""Spreadsheet programs keep 15 significant digits; longer numbers have lost their last digits."""
MAX_CHOICES_SHOWN = 12
MIN_PERSONAL_NUMBER_LENGTH = 11
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
"""Beginnings of a text that a spreadsheet program would run as a formula; Chinese ones read full-width signs alike."""
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
YES_WORDS = frozenset({"是", "有", "√", "✓", "✔", "✅", "☑", "对", "y", "yes", "true", "1"})
NO_WORDS = frozenset({"否", "无", "×", "✗", "✘", "❌", "☒", "x", "错", "n", "no", "false", "0"})


def strip_invisible(text: str) -> str:
    """Remove control, zero-width and lone surrogate characters, which cells cannot contain."""
    return _INVISIBLE.sub("", text)


def parse_text(cell: Cell) -> str:
    """The cell as trimmed text: 3.0 is "3", dates are ISO; ValueError for a number that has lost digits."""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        if abs(cell) >= EXACT_NUMBER_LIMIT:
            raise ValueError("数字超过15位, 表格软件已丢失末尾几位; 请把这一列设为文本格式后重新填写")
        return str(int(cell)) if cell.is_integer() else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    return strip_invisible(str(cell)).replace("\r\n", "\n").strip()


def parse_masked_text(cell: Cell) -> str:
    """The cell as text with persons' numbers masked: for tables of others, such as a bank's, that nobody here may correct."""
    return mask_personal_numbers(parse_text(cell))


def parse_number(cell: Cell) -> Decimal:
    """The cell as an exact decimal; thousands separators and a percent sign are allowed."""
    if isinstance(cell, bool | date | time | timedelta) or (
        isinstance(cell, float) and not math.isfinite(cell)
    ):
        raise ValueError("须为数字")
    if isinstance(cell, float):
        return Decimal(f"{cell:.15g}")
    text = unicodedata.normalize("NFKC", str(cell)).strip()
    if not re.fullmatch(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,15})(\.\d{1,15})?%?", text, re.ASCII):
        raise ValueError(f"须为数字: {text[:40]!r}")
    value = Decimal(text.rstrip("%").replace(",", ""))
    return value / 100 if text.endswith("%") else value


def parse_integer(cell: Cell) -> int:
    """The cell as an integer."""
    value = parse_number(cell)
    if value != value.to_integral_value():
        raise ValueError(f"须为整数: {value}")
    return int(value)


def parse_day(cell: Cell) -> date:
    """The cell as a date: a date cell, a date serial, 2022-03-01, 2022/3/1, 2022年3月1日 or 20220301."""
    period = parse_period(cell)
    if period.precision != "day":
        raise ValueError(f"须为日期, 如 2022-03-01: {parse_text(cell)[:40]!r}")
    return period.first


def parse_first_day(cell: Cell) -> date:
    """The first day of a day, a month (2019年9月, 2019.9) or a year (2019)."""
    return parse_period(cell).first


def parse_month(cell: Cell) -> date:
    """The cell as the first day of a month: 2022-03, 2022年3月, 202203, 2022.3, or any date in it.

    The number 2022.1 is refused, because it may mean January or October.
    """
    period = parse_period(cell)
    if period.precision in {"year", "range"}:
        raise ValueError(f"月份请写成 2022-03 或 2022年3月: {parse_text(cell)[:40]!r}")
    return period.first.replace(day=1)


def parse_instant(cell: Cell) -> datetime:
    """The cell as date and time in Asia/Shanghai, returned in UTC."""
    if isinstance(cell, str):
        text = unicodedata.normalize("NFKC", cell).strip()
        match = re.fullmatch(rf"(.+?)[ T]\s*({_TIME.pattern})", text)
        if not match:
            raise ValueError(f"须为日期和时间, 如 2022-03-01 08:30: {text[:40]!r}")
        hour, minute, second = (int(part or 0) for part in match.groups()[2:5])
        try:
            local_time = datetime.combine(parse_day(match.group(1)), time(hour, minute, second))
        except ValueError:
            raise ValueError(f"没有这个时间: {text[:40]!r}") from None
    elif isinstance(cell, datetime):
        local_time = cell
    elif isinstance(cell, date):
        local_time = datetime.combine(cell, time())
    else:
        raise ValueError("须为日期和时间, 如 2022-03-01 08:30")  # noqa: TRY004 - refused input, not a bug
    return local_time.replace(tzinfo=CHINA_TIME_ZONE).astimezone(UTC)


def parse_yes_no(cell: Cell) -> bool:
    """The cell as a boolean: 是 or 否 and their equivalents, including √ and ×."""
    text = unicodedata.normalize("NFKC", parse_text(cell)).casefold().removesuffix("\ufe0f")
    if text in YES_WORDS or text in NO_WORDS:
        return text in YES_WORDS
    raise ValueError(f"须填“是”或“否”: {text[:40]!r}")


def to_naive_local_time(moment: datetime) -> datetime:
    """The local time in Asia/Shanghai without time zone, as cells store it."""
    return moment.astimezone(CHINA_TIME_ZONE).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """Type of a column's content: parser, writer, number format, default width in characters.

    `write` converts a value to a cell. `fills`: whether a cell merged over several rows counts for each of them;
    False for amounts and counts, or a merged sum would be counted several times.
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
ABOUT   = ColumnKind("日期或年月", parse_first_day, lambda value: value, "yyyy-mm-dd", 12, fills=True)
MONTH   = ColumnKind("月份", parse_month, lambda value: value, "yyyy-mm", 10, fills=True)
INSTANT = ColumnKind("时间", parse_instant, to_naive_local_time, "yyyy-mm-dd hh:mm:ss", 20)
YES_NO  = ColumnKind("是否", parse_yes_no, lambda value: "是" if value else "否", "@", 8, fills=True)
# fmt: on


def choice_kind(kind: type[LabelledEnum]) -> ColumnKind:
    """Column kind of an enum: cells contain the Chinese label or the code, and are written as the label."""
    members = {_normalize_label(name): member for member in kind for name in (member.value, member.label)}

    def read(cell: Cell) -> LabelledEnum:
        if member := members.get(_normalize_label(parse_text(cell))):
            return member
        labels = [member.label for member in kind]
        suffix = " 等" if len(labels) > MAX_CHOICES_SHOWN else ""
        raise ValueError(f"须为 {'、'.join(labels[:MAX_CHOICES_SHOWN])}{suffix}: {parse_text(cell)[:40]!r}")

    return ColumnKind("选项", read, lambda value: kind(value).label, "@", 14, fills=True)


def _normalize_label(text: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).casefold()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: key in code, title in the sheet, kind of content.

    `reader` replaces the parser of the kind; it may raise ValueError or ValidationError with Chinese messages.
    `required`: the column must exist and be filled in every row. `choices` becomes a drop-down list in templates.
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
    parts: tuple[str, ...] = ()
    """Columns that are summed where the table has none for their total."""
    holds_number: bool = False
    """A text column made for numbers (telephone, job number); in other texts a person's number is refused."""

    def read_cell(self, cell: Cell) -> Any:  # noqa: ANN401 - the reader's type
        """Parse a cell; ValueError with a Chinese message when it is invalid or words hold a person's number."""
        try:
            value = (self.reader or self.kind.read)(cell)
        except ValidationError as error:
            raise ValueError(
                "; ".join(detail["msg"].removeprefix("Value error, ") for detail in error.errors())
            ) from None
        if self.kind is TEXT and self.reader is None and not self.holds_number:
            _refuse_personal_numbers(value)
        return value


def read_masked_text(cell: Cell) -> str:
    """Read a name beside which people write a telephone number: the number is masked."""
    return mask_personal_numbers(TEXT.read(cell))


def _refuse_personal_numbers(text: str) -> None:
    if len(text) < MIN_PERSONAL_NUMBER_LENGTH:
        return
    if found := find_personal_numbers(text):
        shown = "、".join(f"{one.kind} {one.masked}" for one in found)
        raise ValueError(f"文字里含有{shown}, 请删去或遮盖后再导入")


def choice_column(key: str, title: str, kind: type[LabelledEnum], **options: Any) -> Column:  # noqa: ANN401 - Column's fields
    """A column of an enum, with its labels as choices."""
    return Column(key, title, choice_kind(kind), choices=[member.label for member in kind], **options)


def column_text(column: Column, value: Any) -> str:  # noqa: ANN401 - a field of any kind
    """A value as the table shows it, so that two values are compared as people see them; nothing and zero are empty."""
    if value in (None, "", 0, False):
        return ""
    if column.kind is MONTH:
        return f"{value:%Y-%m}"
    text = re.sub(r"\s+", " ", str(column.kind.write(value))).strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
