"""Straight-line depreciation: pure arithmetic, by whole months, never below the residual value."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Depreciation:
    """What is left of a value on a day, in 分."""

    months: int
    total_months: int
    residual: int
    accumulated: int
    net: int


def straight_line(value: int, built_on: date, on: date, *, years: int, residual_percent: int) -> Depreciation:
    """From the month after it was built, an equal share each month until the residual value is left."""
    total = years * 12
    passed = (on.year - built_on.year) * 12 + on.month - built_on.month
    months = min(max(passed, 0), total)
    residual = value * residual_percent // 100
    accumulated = (value - residual) * months // total
    return Depreciation(months, total, residual, accumulated, value - accumulated)
