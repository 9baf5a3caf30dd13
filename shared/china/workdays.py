"""Which days are worked: the State Council's holidays with 调休, reckoned in Asia/Shanghai.

    add_workdays(local_date(work.at), 3)               # three working days on
    day(date(2027, 1, 1)).provisional                  # True: the notice for that year is not known here
    is_workday(on, changes=Changes.of(rule.value))     # with the district's own days, or a new year's list

The national days come from the `chinesecalendar` package, which follows the yearly 国务院办公厅 notices. A
year it does not know is reckoned Monday to Friday, and says so.
"""

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
"""Working days that may be counted at once (sixteen years)."""
_FIRST_YEAR, _LAST_YEAR = min(constants.holidays).year, max(constants.holidays).year
_HOLIDAY_NAMES = {one.value: one.chinese for one in constants.Holiday}


class DayKind(LabelledEnum):
    """What a day is by the calendar."""

    WORKDAY = "workday", "工作日"
    WEEKEND = "weekend", "周末"
    HOLIDAY = "holiday", "节假日"
    MADE_UP = "made_up", "调休上班"


@dataclass(frozen=True, slots=True)
class Day:
    """A day: what it is, which holiday it belongs to, and whether the year's list is not known yet."""

    on: date
    kind: DayKind
    name: str = ""
    provisional: bool = False

    @property
    def is_worked(self) -> bool:
        """Whether it is worked."""
        return self.kind in {DayKind.WORKDAY, DayKind.MADE_UP}


@dataclass(frozen=True, slots=True)
class CalendarChanges:
    """Days that a district or a new year's list sets differently: date → (worked, name).

    `years` are those whose list is complete in here, so that nothing in them is provisional.
    """

    days: Mapping[date, tuple[bool, str]] = field(default_factory=dict)
    years: frozenset[int] = frozenset()

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Self:
        """From JSON: one list or several, as holiday-cn publishes them, or a district's own without a year.

        {"year": 2027, "days": [{"date": "2027-01-01", "name": "元旦", "isOffDay": true}]}; a later list wins.
        ValueError for anything else.
        """
        lists = [document] if isinstance(document, Mapping) else list(document)
        days: dict[date, tuple[bool, str]] = {}
        years: set[int] = set()
        try:
            for one in lists:
                for entry in one["days"]:
                    if not isinstance(entry["isOffDay"], bool):
                        raise ValueError("isOffDay 须为 true 或 false")  # noqa: TRY004 - refused input
                    days[date.fromisoformat(entry["date"])] = (
                        not entry["isOffDay"],
                        str(entry.get("name", "")),
                    )
                if "year" in one:
                    years.add(int(one["year"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"假日表的写法不对, 缺少或写错: {error}") from None
        return cls(days, frozenset(years))


NO_CALENDAR_CHANGES = CalendarChanges()


def get_day(on: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> Day:
    """What this day is."""
    national = _national_day(on)
    provisional = national.provisional and on.year not in changes.years
    if on not in changes.days:
        return Day(on, national.kind, national.name, provisional)
    works, name = changes.days[on]
    weekend = on.weekday() >= SATURDAY_INDEX
    if works:
        return Day(on, DayKind.MADE_UP if weekend else DayKind.WORKDAY, name)
    return Day(on, DayKind.HOLIDAY if name or not weekend else DayKind.WEEKEND, name)


def is_workday(on: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> bool:
    """Whether this day is worked."""
    return get_day(on, changes=changes).is_worked


def is_provisional(first: date, last: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> bool:
    """Whether any day from first to last (both counted) is reckoned without its year's list."""
    return any(
        not _FIRST_YEAR <= year <= _LAST_YEAR and year not in changes.years
        for year in range(first.year, last.year + 1)
    )


def add_workdays(start: date, days: int, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> date:
    """The day that many working days after `start` (before it when negative), which itself is not counted.

    Zero: `start`, or the next day that is worked. ValueError beyond sixteen years.
    """
    if abs(days) > MAX_WORKDAYS:
        raise ValueError(f"工作日数过大: {days}")
    step = -ONE_DAY if days < 0 else ONE_DAY
    on, left = start, abs(days)
    while left or not is_workday(on, changes=changes):
        on += step
        left -= left > 0 and is_workday(on, changes=changes)
    return on


def count_workdays(first: date, last: date, *, changes: CalendarChanges = NO_CALENDAR_CHANGES) -> int:
    """How many days are worked from first to last, both counted; 0 when last is before first."""
    return sum(is_workday(on, changes=changes) for on in list_days(first, last))


def list_days(first: date, last: date) -> list[date]:
    """Every day from first to last, both counted."""
    return [first + timedelta(days=at) for at in range((last - first).days + 1)]


def format_month(on: date) -> str:
    """The month a day is in: "2022-03"."""
    return f"{on:%Y-%m}"


def month_bounds(month: str | date) -> tuple[date, date]:
    """The first and last day of a month, given as "2022-03" or any day in it. ValueError for no month."""
    try:
        first = date.fromisoformat(f"{month}-01") if isinstance(month, str) else month.replace(day=1)
    except ValueError:
        raise ValueError(f'月份须写成 "2022-03": {month!r}') from None
    later = first.replace(day=28) + timedelta(days=4)
    return first, later - timedelta(days=later.day)


def list_months(first: date, last: date) -> list[str]:
    """The months from first to last, both counted: ["2022-03", "2022-04"]."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [
        f"{(first.year * 12 + first.month - 1 + at) // 12:04d}-{(first.month - 1 + at) % 12 + 1:02d}"
        for at in range(count)
    ]


def to_local_date(instant: datetime) -> date:
    """The day it is in Asia/Shanghai at an instant. ValueError for a time without zone."""
    return to_local_time(instant).date()


def to_local_time(instant: datetime) -> datetime:
    """The instant on the clock of Asia/Shanghai. ValueError for a time without zone."""
    if instant.tzinfo is None:
        raise ValueError("时间须带时区")
    return instant.astimezone(CHINA_TIME_ZONE)


def day_bounds(first: date, last: date | None = None) -> tuple[datetime, datetime]:
    """The instants (UTC) at which a day, or several, begin and are over: begin ≤ t < over."""
    begin = datetime.combine(first, time(), CHINA_TIME_ZONE)
    over = datetime.combine((last or first) + ONE_DAY, time(), CHINA_TIME_ZONE)
    return begin.astimezone(UTC), over.astimezone(UTC)


@lru_cache(maxsize=10_000)
def _national_day(on: date) -> Day:
    weekend = on.weekday() >= SATURDAY_INDEX
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        return Day(on, DayKind.WEEKEND if weekend else DayKind.WORKDAY, provisional=True)
    if _known_workday(on):
        name = _HOLIDAY_NAMES.get(constants.workdays.get(on, ""), "")
        return Day(on, DayKind.MADE_UP if weekend else DayKind.WORKDAY, name)
    name = _HOLIDAY_NAMES.get(constants.holidays.get(on, ""), "")
    return Day(on, DayKind.HOLIDAY if name else DayKind.WEEKEND, name)
