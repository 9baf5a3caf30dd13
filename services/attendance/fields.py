"""Field types, query types and date checks used by several features."""

from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, Field

from shared.china import OptionalRegionCode, RegionCode
from shared.errors import FieldError, Invalid

MAX_SPAN_DAYS = 400
DISTRICT_DIGITS = 6
"""Digits of a 12-digit region code that name its district."""
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
MONTH_PATTERN = r"^20\d\d-(0[1-9]|1[0-2])$"


def _check_day_range(on: date) -> date:
    if not FIRST_DAY <= on <= LAST_DAY:
        raise ValueError(f"日期须在 {FIRST_DAY} 至 {LAST_DAY} 之间")
    return on


Day = Annotated[date, AfterValidator(_check_day_range)]
"""A date from 2000-01-01 to 2100-12-31."""
Region = Annotated[RegionCode, Field(description="12位区划代码")]
Person = Annotated[
    str, Field(min_length=1, max_length=64, description="账号编号", json_schema_extra={"x-type": "account"})
]
PersonName = Annotated[str, Field(min_length=2, max_length=50)]
Month = Annotated[str, Field(pattern=MONTH_PATTERN, description="月份, 如 2024-05")]
RegionQuery = Annotated[OptionalRegionCode, Query(description="12位区划代码; 空为全部可见")]
RequiredRegionQuery = Annotated[RegionCode, Query(description="12位区划代码")]
PersonQuery = Annotated[str, Query(max_length=64, description="账号编号")]
MonthQuery = Annotated[str, Query(pattern=MONTH_PATTERN, description="月份, 如 2024-05")]
YearQuery = Annotated[int, Query(ge=2000, le=2100)]


def get_district(region: str) -> str:
    """Returns the code of the district that a region belongs to."""
    return region[:DISTRICT_DIGITS].ljust(12, "0")


def require_order(first: date, last: date | None, pointer: str = "/ends_on") -> None:
    """Raises Invalid if the last day is before the first; a missing last day passes."""
    if last is not None and last < first:
        raise Invalid(
            "结束日期早于开始日期",
            "It ends before it starts",
            errors=[FieldError("before_start", "结束日期早于开始日期", "before the start", pointer)],
        )


def require_span_limit(first: date, last: date, pointer: str = "/ends_on") -> None:
    """Raises Invalid if the days are out of order or more than MAX_SPAN_DAYS apart."""
    require_order(first, last, pointer)
    if (last - first).days > MAX_SPAN_DAYS:
        detail = f"起止日期相隔不能超过 {MAX_SPAN_DAYS} 天"
        raise Invalid(detail, "Too long", errors=[FieldError("too_long", detail, "too long", pointer)])


def require_not_future(on: date, today: date, pointer: str) -> None:
    """Raises Invalid if the day is after today."""
    if on > today:
        raise Invalid(
            "日期不能晚于今天",
            "The date lies in the future",
            errors=[FieldError("in_the_future", "日期不能晚于今天", "in the future", pointer)],
        )
