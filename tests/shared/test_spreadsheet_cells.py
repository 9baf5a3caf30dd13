"""Cells as people fill them: dates, months, instants, numbers, yes and no."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shared.spreadsheets import DAY, INSTANT, MONTH, NUMBER, YES_NO, Cell, Column, build_workbook, read_sheet


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2022-03-01", date(2022, 3, 1)),
        ("2022/3/1", date(2022, 3, 1)),
        ("2022.3.1", date(2022, 3, 1)),
        ("2022年3月1日", date(2022, 3, 1)),
        ("\uff12\uff10\uff12\uff12-03-01", date(2022, 3, 1)),
        ("20220301", date(2022, 3, 1)),
        (20220301.0, date(2022, 3, 1)),
        ("2022-03-01 00:00:00", date(2022, 3, 1)),
        (44621.0, date(2022, 3, 1)),
        (datetime(2022, 3, 1, 8), date(2022, 3, 1)),  # noqa: DTZ001 - as a cell has it
        ("3月1日", None),
        (12.0, None),
        (True, None),
        (float("nan"), None),
        ("2022-13-01", None),
    ],
)
def test_dates_as_people_write_them(cell: Cell, value: date | None) -> None:
    column = Column("on", "日期", DAY)
    if value:
        assert column.read_cell(cell) == value
    else:
        with pytest.raises(ValueError, match=r"日期|没有这一天"):
            column.read_cell(cell)


def test_months_instants_numbers_and_yes() -> None:
    assert Column("m", "月份", MONTH).read_cell("2022年10月") == date(2022, 10, 1)
    assert Column("m", "月份", MONTH).read_cell(202203.0) == date(2022, 3, 1)
    with pytest.raises(ValueError, match="月份"):
        Column("m", "月份", MONTH).read_cell(2022.1)
    at = Column("at", "时间", INSTANT)
    assert at.read_cell("2022-03-01 08:30") == datetime(2022, 3, 1, 0, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="没有这个时间"):
        at.read_cell("2022-03-01 25:00")
    moment = datetime(2022, 3, 1, 0, 30, 5, tzinfo=UTC)
    assert read_sheet(build_workbook([at], [{"at": moment}]), [at]).rows[0].values == {"at": moment}
    assert Column("n", "数", NUMBER).read_cell("12.5%") == Decimal("0.125")
    wrongs: tuple[Cell, ...] = ("1,2", "1e5", "NaN", True, float("inf"))
    for wrong in wrongs:
        with pytest.raises(ValueError, match="数字"):
            Column("n", "数", NUMBER).read_cell(wrong)
    assert [Column("y", "是否", YES_NO).read_cell(cell) for cell in ("是", "√", "否", 0.0)] == [
        True,
        True,
        False,
        False,
    ]
