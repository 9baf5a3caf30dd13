"""Days, months and periods as people write them: 2023.6, 2023年4月-11月, 6月底, 二〇二〇年八月, 2023.3-2023.10."""

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

MIN_YEAR, MAX_YEAR = 1900, 2100
DATE_SERIALS = range(18_264, 73_051)
"""Day numbers taken for dates: 1950 to 2100."""
SERIAL_EPOCH = date(1899, 12, 30)
DECEMBER = 12
_CHINESE_DIGITS = {word: str(number) for number, word in enumerate("〇一二三四五六七八九")} | {
    "零": "0",
    "○": "0",
    "Ο": "0",
}
_TENS = re.compile(r"([一二三])?十([一二三四五六七八九])?(?=[月日号])")
_VAGUE_ENDINGS = re.compile(r"(?:份?(?:年?底|末|初|前|上旬|中旬|下旬|左右|以前|之前)|份)$")
_DAY = re.compile(r"(\d{4})([年.\-/])(\d{1,2})(?:月|\2)(\d{1,2})[日号]?|(\d{4})(\d{2})(\d{2})")
_MONTH = re.compile(r"(\d{4})[年.\-/](\d{1,2})月?|(\d{4})(\d{2})")
_YEAR = re.compile(r"(\d{4})年?度?")
_MONTH_DAY = re.compile(r"(\d{1,2})月(\d{1,2})[日号]")
_BARE_MONTH = re.compile(r"(\d{1,2})月")
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?$")


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last; `precision`: day, month, year, or range."""

    first: date
    last: date
    precision: str


def parse_period(cell: object, year: int | None = None) -> Period:
    """The period that a cell names; `year` is taken where the cell has none. ValueError in Chinese."""
    if isinstance(cell, date):
        return _day(cell.date() if isinstance(cell, datetime) else cell)
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise ValueError("须为日期, 如 2022-03-01")  # noqa: TRY004 - refused input, not a bug
    if isinstance(cell, str):
        return _parse_words(cell, year)
    return _parse_number(cell, year)


def _parse_number(cell: float, year: int | None) -> Period:
    """A number that stands for a day (its serial), a year, or a year and a month (2023.6)."""
    if not math.isfinite(cell):
        raise ValueError("不是日期")
    if DATE_SERIALS.start <= cell < DATE_SERIALS.stop:
        return _day(SERIAL_EPOCH + timedelta(days=int(cell)))
    stated = f"{cell:.15g}"
    if stated.endswith(".1") and cell < MAX_YEAR:
        whole = int(cell)
        raise ValueError(f"月份 {stated} 看不出是1月还是10月, 请写成 {whole}-01 或 {whole}-10")
    return _parse_words(stated, year)


def _parse_words(cell: str, year: int | None) -> Period:
    words = normalize_date_words(cell)
    if found := _parse_single(words, year):
        return found
    for at, letter in enumerate(words):
        if letter not in "-~至到—–":
            continue
        left = _parse_single(words[:at], year)
        if left is None:
            continue
        right = _parse_end(words[at + 1 :], left, year)
        if right is not None and right.last >= left.first:
            return Period(left.first, right.last, "range")
    if year is None and _parse_single(words, 2000):
        raise ValueError(f"日期没有写年份: {cell.strip()[:40]!r}")
    if re.search(r"\d", words) is None:
        raise ValueError(f"不是日期: {cell.strip()[:40]!r}")
    raise ValueError(f"看不懂这个日期, 请写成 2022-03-01 或 2022年3月: {cell.strip()[:40]!r}")


def _parse_end(words: str, left: Period, year: int | None) -> Period | None:
    """The end of a range, which may leave out the year or be the bare number of a month."""
    words = words.lstrip("-~至到—–")
    if re.fullmatch(r"\d{1,2}", words) and left.precision in {"month", "day"}:
        words = f"{words}月"
    return _parse_single(words, left.first.year if left.precision != "year" else year)


def normalize_date_words(text: str) -> str:
    """Digits for Chinese numerals, one width, no blanks, commas as points, vague endings left out."""
    words = _TIME_OF_DAY.sub("", unicodedata.normalize("NFKC", text).strip())
    words = re.sub(r"\s", "", words)
    words = _TENS.sub(
        lambda found: (
            f"{_CHINESE_DIGITS[found[1]] if found[1] else '1'}{_CHINESE_DIGITS[found[2]] if found[2] else '0'}"
        ),
        words,
    )
    words = "".join(_CHINESE_DIGITS.get(letter, letter) for letter in words)
    words = re.sub(r"(?<=\d),(?=\d)", ".", words).replace("−", "-").replace("―", "—")
    return _VAGUE_ENDINGS.sub("", words) or words


def _parse_single(words: str, year: int | None) -> Period | None:
    words = _VAGUE_ENDINGS.sub("", words)
    if found := _DAY.fullmatch(words):
        return _day(_build_date(words, *(int(part) for part in found.groups() if part and part.isdigit())))
    if (found := _MONTH.fullmatch(words)) and 1 <= int(found[2] or found[4]) <= DECEMBER:
        return _month(int(found[1] or found[3]), int(found[2] or found[4]))
    if (found := _YEAR.fullmatch(words)) and MIN_YEAR <= int(found[1]) <= MAX_YEAR:
        return Period(date(int(found[1]), 1, 1), date(int(found[1]), DECEMBER, 31), "year")
    return None if year is None else _parse_within_year(words, year)


def _parse_within_year(words: str, year: int) -> Period | None:
    if found := _MONTH_DAY.fullmatch(words):
        return _day(_build_date(words, year, int(found[1]), int(found[2])))
    if (found := _BARE_MONTH.fullmatch(words)) and 1 <= int(found[1]) <= DECEMBER:
        return _month(year, int(found[1]))
    return None


def _day(day: date) -> Period:
    return Period(day, day, "day")


def _month(year: int, month: int) -> Period:
    if not MIN_YEAR <= year <= MAX_YEAR:
        raise ValueError(f"年份不合理: {year}")
    following = date(year + month // DECEMBER, month % DECEMBER + 1, 1)
    return Period(date(year, month, 1), following - timedelta(days=1), "month")


def _build_date(words: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"没有这一天: {words!r}") from None
