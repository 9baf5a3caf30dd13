"""Days, months and periods in every form of cell that counties use."""

import pytest

from shared.spreadsheets import parse_period


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("2023.6-2023.12", "2023-06-01", "2023-12-31"),
        ("2023年6月-12月", "2023-06-01", "2023-12-31"),
        ("2023.1-12", "2023-01-01", "2023-12-31"),
        ("2023-04至2023-08", "2023-04-01", "2023-08-31"),
        ("2023.5—2023.9", "2023-05-01", "2023-09-30"),
        ("2023年3月1日-11月30日", "2023-03-01", "2023-11-30"),
        ("2023年6月底", "2023-06-01", "2023-06-30"),
        ("6月底", "2023-06-01", "2023-06-30"),
        ("6月", "2023-06-01", "2023-06-30"),
        ("2023年", "2023-01-01", "2023-12-31"),
        ("2023，6", "2023-06-01", "2023-06-30"),
        (2023.6, "2023-06-01", "2023-06-30"),
        (2019.0, "2019-01-01", "2019-12-31"),
        ("二〇二〇年八月", "2020-08-01", "2020-08-31"),
        ("二〇二一年十二月", "2021-12-01", "2021-12-31"),
        ("2021/5", "2021-05-01", "2021-05-31"),
        ("20190715", "2019-07-15", "2019-07-15"),
        ("2018.10", "2018-10-01", "2018-10-31"),
        ("2023.12.31", "2023-12-31", "2023-12-31"),
        (45000, "2023-03-15", "2023-03-15"),
    ],
)
def test_a_period_as_people_write_it(cell: object, first: str, last: str) -> None:
    period = parse_period(cell, 2023)
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (2023.1, "1月还是10月"),
        ("长期", "不是日期"),
        ("2023年13月", "看不懂"),
        ("2023-02-30", "没有这一天"),
        (float("nan"), "不是日期"),
        (True, "须为日期"),
    ],
)
def test_what_is_no_period_is_refused_with_the_reason(cell: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_period(cell, 2023)


def test_a_month_without_a_year_is_refused_when_none_is_known() -> None:
    with pytest.raises(ValueError, match="没有写年份"):
        parse_period("6月底")
