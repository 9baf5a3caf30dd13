"""Straight-line depreciation by whole months, down to the residual value. Pure functions; amounts in 分."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Depreciation:
    """Depreciation of a value as of one day; amounts in 分."""

    months: int
    total_months: int
    residual: int
    accumulated: int
    net: int


def calculate_straight_line(
    value: int, built_on: date, on: date, *, years: int, residual_percent: int
) -> Depreciation:
    """Depreciation of a value: equal monthly amounts from the month after completion until the residual value remains."""
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
    """Depreciation of a value with dated changes: each change is spread over the months of life that remain on its day.

    A change after the end of life is not depreciated.
    """
    base = calculate_straight_line(value, built_on, on, years=years, residual_percent=residual_percent)
    parts = [base]
    for day, amount in changes:
        months_left = base.total_months - max(_months_between(built_on, day), 0)
        months_passed = min(max(_months_between(day, on), 0), max(months_left, 0))
        parts.append(_depreciate_amount(amount, months_passed, months_left, residual_percent))
    return Depreciation(
        base.months,
        base.total_months,
        sum(part.residual for part in parts),
        sum(part.accumulated for part in parts),
        sum(part.net for part in parts),
    )


def _months_between(since: date, until: date) -> int:
    return (until.year - since.year) * 12 + until.month - since.month


def _depreciate_amount(value: int, months: int, total: int, residual_percent: int) -> Depreciation:
    sign, size = (-1, -value) if value < 0 else (1, value)
    residual = size * residual_percent // 100
    accumulated = (size - residual) * months // total if total > 0 else 0
    return Depreciation(months, total, sign * residual, sign * accumulated, value - sign * accumulated)
