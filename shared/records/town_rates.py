"""Rates of a county's towns and their average, beside which the rate of one of them stands."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa

from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS, TOWN_DIGITS = 6, 9


def is_county(region: str) -> bool:
    """Whether a code is a county's or a district's."""
    return region[COUNTY_DIGITS - 2 : COUNTY_DIGITS] != "00" and not region[COUNTY_DIGITS:].strip("0")


def town_head(work: UnitOfWork, column: Any, region: str) -> sa.ColumnElement[str]:  # noqa: ANN401 - any column
    """By what a summary groups its rows: the town in a county, else nothing that tells them apart."""
    digits = TOWN_DIGITS if is_county(region) else 2
    return work.context.mergers.current_head(column, digits, region)


def average_rate(region: str, parts: Iterable[tuple[str, int, int]]) -> str | None:
    """The mean of the towns' rates in percent, rounded half up: each town counts once, whatever its size.

    `parts` are (`town_head`, part, whole). Towns without anything to count are left out; None where none is left, and for
    any region but a county.
    """
    if not is_county(region):
        return None
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for head, part, whole in parts:
        if head[COUNTY_DIGITS:].strip("0"):
            sums[head][0] += part
            sums[head][1] += whole
    rates = [Decimal(100 * part) / whole for part, whole in sums.values() if whole]
    return (
        str((sum(rates, Decimal(0)) / len(rates)).quantize(Decimal("0.1"), ROUND_HALF_UP)) if rates else None
    )
