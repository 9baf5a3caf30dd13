"""Working days follow the published notices, unknown years say so, and a day begins in Asia/Shanghai."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.china import (
    CalendarChanges,
    DayKind,
    add_workdays,
    count_workdays,
    day_bounds,
    format_month,
    get_day,
    is_provisional,
    is_workday,
    list_days,
    list_months,
    month_bounds,
    to_local_date,
)

dates_strategy = st.dates(date(2005, 1, 1), date(2035, 12, 31))

# 国办发明电〔2021〕11号, the notice for 2022
HOLIDAYS_2022 = {
    "元旦": ("2022-01-01", "2022-01-03"),
    "春节": ("2022-01-31", "2022-02-06"),
    "清明": ("2022-04-03", "2022-04-05"),
    "劳动节": ("2022-04-30", "2022-05-04"),
    "端午": ("2022-06-03", "2022-06-05"),
    "中秋": ("2022-09-10", "2022-09-12"),
    "国庆节": ("2022-10-01", "2022-10-07"),
}
MAKE_UP_WORKDAYS_2022 = [
    "2022-01-29",
    "2022-01-30",
    "2022-04-02",
    "2022-04-24",
    "2022-05-07",
    "2022-10-08",
    "2022-10-09",
]


def test_every_day_of_2022_is_as_the_notice_says() -> None:
    off = {
        on: name
        for name, (first, last) in HOLIDAYS_2022.items()
        for on in list_days(date.fromisoformat(first), date.fromisoformat(last))
    }
    made_up = {date.fromisoformat(text) for text in MAKE_UP_WORKDAYS_2022}
    for on in list_days(date(2022, 1, 1), date(2022, 12, 31)):
        found = get_day(on)
        assert found.is_worked == (on in made_up or (on.weekday() < 5 and on not in off)), on
        assert not found.provisional
        if on in off:
            assert (found.kind, found.name) == (DayKind.HOLIDAY, off[on])
        elif on in made_up:
            assert found.kind == DayKind.MADE_UP
    assert count_workdays(date(2022, 1, 1), date(2022, 12, 31)) == 249


def test_a_deadline_jumps_over_the_holidays_and_counts_the_made_up_days() -> None:
    assert add_workdays(date(2022, 9, 30), 1) == date(2022, 10, 8)
    assert add_workdays(date(2022, 9, 30), 3) == date(2022, 10, 10)
    assert add_workdays(date(2022, 10, 10), -3) == date(2022, 9, 30)
    assert add_workdays(date(2022, 10, 1), 0) == date(2022, 10, 8)
    assert add_workdays(date(2022, 10, 8), 0) == date(2022, 10, 8)


@given(dates_strategy, st.integers(1, 60))
def test_going_on_and_counting_agree(start: date, count: int) -> None:
    end = add_workdays(start, count)
    assert is_workday(end)
    assert count_workdays(start + timedelta(days=1), end) == count
    back = add_workdays(start, -count)
    assert count_workdays(back, start - timedelta(days=1)) == count


def test_a_year_without_a_list_is_reckoned_by_weekday_and_says_so() -> None:
    assert is_workday(date(2040, 1, 2))
    assert get_day(date(2040, 1, 2)).provisional
    assert not is_workday(date(2040, 1, 1))
    assert is_provisional(date(2022, 12, 1), date(2040, 1, 1))
    assert not is_provisional(date(2022, 1, 1), date(2023, 12, 31))
    assert add_workdays(date(2039, 12, 30), 2) == date(2040, 1, 3)


def test_a_new_years_list_makes_it_certain() -> None:
    changes = CalendarChanges.from_json(
        {
            "year": 2040,
            "days": [
                {"date": "2040-01-02", "name": "元旦", "isOffDay": True},
                {"date": "2040-01-07", "name": "元旦", "isOffDay": False},
            ],
        }
    )
    assert get_day(date(2040, 1, 2), changes=changes).kind == DayKind.HOLIDAY
    assert get_day(date(2040, 1, 7), changes=changes).kind == DayKind.MADE_UP
    assert not get_day(date(2040, 1, 3), changes=changes).provisional
    assert not is_provisional(date(2040, 1, 1), date(2040, 12, 31), changes=changes)
    assert add_workdays(date(2040, 1, 6), 1, changes=changes) == date(2040, 1, 7)


def test_a_districts_own_days_win_and_leave_the_year_provisional() -> None:
    own = {"days": [{"date": "2022-03-01", "name": "春耕动员", "isOffDay": False}]}
    rest = {"days": [{"date": "2022-03-01", "isOffDay": True}, {"date": "2041-03-01", "isOffDay": True}]}
    changes = CalendarChanges.from_json([own, rest])
    assert not is_workday(date(2022, 3, 1), changes=changes)
    assert get_day(date(2041, 3, 4), changes=changes).provisional


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"days": [{}]},
        {"days": [{"date": "2022-13-01", "isOffDay": True}]},
        {"days": [{"date": "2022-03-01", "isOffDay": "false"}]},
        {"days": ["2022-03-01"]},
        {"days": 3},
        [3],
        {"year": None, "days": []},
    ],
)
def test_a_list_that_is_none_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        CalendarChanges.from_json(document)


def test_too_many_days_are_refused_instead_of_counted_for_ever() -> None:
    with pytest.raises(ValueError, match="工作日数"):
        add_workdays(date(2022, 1, 1), 10**9)
    everything_off = CalendarChanges.from_json({"days": []})
    assert add_workdays(date(2022, 1, 1), 4000, changes=everything_off).year >= 2037


def test_the_day_begins_in_shanghai() -> None:
    assert to_local_date(datetime(2022, 2, 28, 16, tzinfo=UTC)) == date(2022, 3, 1)
    assert to_local_date(datetime(2022, 2, 28, 15, 59, tzinfo=UTC)) == date(2022, 2, 28)
    begin, over = day_bounds(date(2022, 3, 1))
    assert (begin, over) == (datetime(2022, 2, 28, 16, tzinfo=UTC), datetime(2022, 3, 1, 16, tzinfo=UTC))
    assert day_bounds(date(2022, 3, 1), date(2022, 3, 31))[1] == datetime(2022, 3, 31, 16, tzinfo=UTC)
    with pytest.raises(ValueError, match="时区"):
        to_local_date(datetime(2022, 3, 1))  # noqa: DTZ001 - the very mistake


@given(st.integers(-600_000_000, 4_000_000_000))
def test_every_instant_is_in_the_span_of_its_day(seconds: int) -> None:
    instant = datetime.fromtimestamp(seconds, UTC)
    begin, over = day_bounds(to_local_date(instant))
    assert begin <= instant < over


@given(dates_strategy)
def test_months(on: date) -> None:
    first, last = month_bounds(format_month(on))
    assert month_bounds(on) == (first, last)
    assert first.day == 1
    assert first <= on <= last
    assert (last + timedelta(days=1)).day == 1
    assert list_months(first, last) == [format_month(on)]


def test_months_over_a_year_and_no_months() -> None:
    assert list_months(date(2021, 11, 30), date(2022, 2, 1)) == [
        "2021-11",
        "2021-12",
        "2022-01",
        "2022-02",
    ]
    assert list_months(date(2022, 2, 1), date(2022, 1, 1)) == []
    assert month_bounds("2024-02")[1] == date(2024, 2, 29)
    for wrong in ("2022-13", "2022-3", "2022", "", "2022-03-01"):
        with pytest.raises(ValueError, match="月份"):
            month_bounds(wrong)
