"""Straight-line depreciation: pure arithmetic, by whole months, never below the residual value."""

from collections.abc import Iterable
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


def calculate_straight_line(
    value: int, built_on: date, on: date, *, years: int, residual_percent: int
) -> Depreciation:
    """From the month after it was built, an equal share each month until the residual value is left."""
    total = years * 12
    return _depreciate_amount(
        value, min(max(_months_between(built_on, on), 0), total), total, residual_percent
    )


def calculate_with_changes(
    value: int,
    changes: Iterable[tuple[date, int]],
    built_on: date,
    on: date,
    *,
    years: int,
    residual_percent: int,
) -> Depreciation:
    """The same for a value that changed on some days: each change is spread over what was left of the life that day.

    A change after the life's end stays in the value as it is.
    """
    first = calculate_straight_line(value, built_on, on, years=years, residual_percent=residual_percent)
    found = [first]
    for day, amount in changes:
        left = first.total_months - max(_months_between(built_on, day), 0)
        passed = min(max(_months_between(day, on), 0), max(left, 0))
        found.append(_depreciate_amount(amount, passed, left, residual_percent))
    return Depreciation(
        first.months,
        first.total_months,
        sum(one.residual for one in found),
        sum(one.accumulated for one in found),
        sum(one.net for one in found),
    )


def _months_between(since: date, until: date) -> int:
    return (until.year - since.year) * 12 + until.month - since.month


def _depreciate_amount(value: int, months: int, total: int, residual_percent: int) -> Depreciation:
    sign, size = (-1, -value) if value < 0 else (1, value)
    residual = size * residual_percent // 100
    accumulated = (size - residual) * months // total if total > 0 else 0
    return Depreciation(months, total, sign * residual, sign * accumulated, value - sign * accumulated)
