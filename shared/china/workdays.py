"""Working days in China: national holidays with 调休, computed in Asia/Shanghai.

    add_workdays(to_local_date(work.at), 3)                     # three working days later
    get_day(date(2027, 1, 1)).provisional                       # True: the list of that year is not known yet
    is_workday(on, changes=CalendarChanges.from_json(value))    # with the district's own days or a new year's list

National days come from the package `chinesecalendar`, which follows the yearly notices of 国务院办公厅. In a year it
does not contain, Monday to Friday count as working days and the result is provisional.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from chinese_calendar import constants
from chinese_calendar import is_workday as _known_workday

from shared.china.labels import LabelledEnum

CHINA_TIME_ZONE = ZoneInfo("Asia/Shanghai")
ONE_DAY = timedelta(days=1)
SATURDAY_INDEX = 5
MAX_WORKDAYS = 4_000
"""Limit of `add_workdays` in working days (sixteen years)."""
_FIRST_YEAR, _LAST_YEAR = min(constants.holidays).year, max(constants.holidays).year
_HOLIDAY_NAMES = {holiday.value: holiday.chinese for holiday in constants.Holiday}


class DayKind(LabelledEnum):
    """Kind of a day in the calendar."""

    WORKDAY = "workday", "工作日"
    WEEKEND = "weekend", "周末"
    HOLIDAY = "holiday", "节假日"
    MADE_UP = "made_up", "调休上班"


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day: kind, name of its holiday, and whether the list of its year is not known yet."""

    on: date
    kind: DayKind
    name: str = ""
    provisional: bool = False

    @property
    def is_worked(self) -> bool:
        """Whether it is a working day."""
        return self.kind in {DayKind.WORKDAY, DayKind.MADE_UP}


@dataclass(frozen=True, slots=True)
class CalendarChanges:
    """Days that differ from the national calendar: date → (is a working day, name).

    `years` are those whose list is complete here, so that none of their days is provisional.
    """

    days: Mapping[date, tuple[bool, str]] = field(default_factory=dict)
    years: frozenset[int] = frozenset()

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Self:
        """Parse one or several lists in the format of holiday-cn; a list without a year adds single days.

        {"year": 2027, "days": [{"date": "2027-01-01", "name": "元旦", "isOffDay": true}]}; later lists take precedence.
        Raises ValueError for another format.
        """
        lists = [document] if isinstance(document, Mapping) else list(document)
        days: dict[date, tuple[bool, str]] = {}
        years: set[int] = set()
        try:
            for day_list in lists:
                for entry in day_list["days"]:
                    if not isinstance(entry["isOffDay"], bool):
                        raise ValueError("isOffDay 须为 true 或 false")  # noqa: TRY004 - refused input
                    days[date.fromisoformat(entry["date"])] = (
                        not entry["isOffDay"],
                        str(entry.get("name", "")),
                    )
                if "year" in day_list:
                    years.add(int(day_list["year"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"假日表的写法不对, 缺少或写错: {error}") from None
        return cls(days, frozenset(years))


NO_CALENDAR_CHANGES = CalendarChanges()


def get_day(on: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> Day:
    """The calendar day, by `changes` and the national calendar."""
    national = _national_day(on)
    provisional = national.provisional and on.year not in changes.years
    if on not in changes.days:
        return Day(on, national.kind, national.name, provisional)
    is_worked, name = changes.days[on]
    is_weekend = on.weekday() >= SATURDAY_INDEX
    if is_worked:
        return Day(on, DayKind.MADE_UP if is_weekend else DayKind.WORKDAY, name)
    return Day(on, DayKind.HOLIDAY if name or not is_weekend else DayKind.WEEKEND, name)


def is_workday(on: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> bool:
    """Whether a day is a working day."""
    return get_day(on, changes=changes).is_worked


def is_provisional(first: date, last: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> bool:
    """Whether the list of any year from `first` to `last` (inclusive) is not known."""
    return any(
        not _FIRST_YEAR <= year <= _LAST_YEAR and year not in changes.years
        for year in range(first.year, last.year + 1)
    )


def add_workdays(start: date, days: int, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> date:
    """The day `days` working days after `start` (before it if negative); `start` is not counted.

    With 0: `start`, or the next working day. Raises ValueError beyond `MAX_WORKDAYS`.
    """
    if abs(days) > MAX_WORKDAYS:
        raise ValueError(f"工作日数过大: {days}")
    step = -ONE_DAY if days < 0 else ONE_DAY
    on, remaining = start, abs(days)
    while remaining or not is_workday(on, changes=changes):
        on += step
        remaining -= remaining > 0 and is_workday(on, changes=changes)
    return on


def count_workdays(first: date, last: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> int:
    """Number of working days from `first` to `last`, inclusive; 0 when `last` is earlier."""
    return sum(is_workday(on, changes=changes) for on in list_days(first, last))


def list_days(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, inclusive."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month when it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def format_month(on: date) -> str:
    """The month of a day as text: "2022-03"."""
    return f"{on:%Y-%m}"


def month_bounds(month: str | date) -> tuple[date, date]:
    """First and last day of a month, given as "2022-03" or any of its days; ValueError for invalid text."""
    try:
        first = date.fromisoformat(f"{month}-01") if isinstance(month, str) else month.replace(day=1)
    except ValueError:
        raise ValueError(f'月份须写成 "2022-03": {month!r}') from None
    in_next_month = first.replace(day=28) + timedelta(days=4)
    return first, in_next_month - timedelta(days=in_next_month.day)


def list_months(first: date, last: date) -> list[str]:
    """All months from `first` to `last`, inclusive: ["2022-03", "2022-04"]."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [
        f"{(first.year * 12 + first.month - 1 + offset) // 12:04d}-{(first.month - 1 + offset) % 12 + 1:02d}"
        for offset in range(count)
    ]


def to_local_date(instant: datetime) -> date:
    """The date of an instant in Asia/Shanghai; ValueError without time zone."""
    return to_local_time(instant).date()


def to_local_time(instant: datetime) -> datetime:
    """The instant in Asia/Shanghai; ValueError without time zone."""
    if instant.tzinfo is None:
        raise ValueError("时间须带时区")
    return instant.astimezone(CHINA_TIME_ZONE)


def day_bounds(first: date, last: date | None = None) -> tuple[datetime, datetime]:
    """UTC bounds of one day or of the days to `last`: begin ≤ t < end."""
    begin = datetime.combine(first, time(), CHINA_TIME_ZONE)
    end = datetime.combine((last or first) + ONE_DAY, time(), CHINA_TIME_ZONE)
    return begin.astimezone(UTC), end.astimezone(UTC)


@lru_cache(maxsize=10_000)
def _national_day(on: date) -> Day:
    is_weekend = on.weekday() >= SATURDAY_INDEX
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        return Day(on, DayKind.WEEKEND if is_weekend else DayKind.WORKDAY, provisional=True)
    if _known_workday(on):
        name = _HOLIDAY_NAMES.get(constants.workdays.get(on, ""), "")
        return Day(on, DayKind.MADE_UP if is_weekend else DayKind.WORKDAY, name)
    name = _HOLIDAY_NAMES.get(constants.holidays.get(on, ""), "")
    return Day(on, DayKind.HOLIDAY if name else DayKind.WEEKEND, name)
