"""Straight-line depreciation by whole months, down to the residual value. Pure functions; amounts in 分.

The value of an asset has parts where it was merged or split: each keeps its own start and the depreciation it came with.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from shared.china import parse_yuan, split_proportionally


class Change(NamedTuple):
    """A dated change of a value in 分, with the service years from completion that it renews the life to."""

    day: date
    amount: int
    service_years: int | None = None


@dataclass(frozen=True)
class Depreciation:
    """Depreciation of a value as of one day; amounts in 分."""

    months: int
    total_months: int
    residual: int
    accumulated: int
    net: int


@dataclass(frozen=True)
class ValuePart:
    """A part of an asset's value: from `since` on it is depreciated from `accumulated`; `built_on` and `years` give its end.

    Without `built_on` or `years` it is not depreciated further.
    """

    value: int
    since: date
    built_on: date | None
    years: int | None
    accumulated: int = 0


@dataclass(frozen=True)
class BookedValue:
    """Depreciation of each part on one day, and the lowest net value, in 分, that the asset had after any change until then."""

    parts: tuple[Depreciation, ...]
    values: tuple[int, ...]
    lowest: int

    @property
    def total(self) -> Depreciation:
        """The sum of the parts, with the months of the first."""
        first = self.parts[0]
        return Depreciation(
            first.months,
            first.total_months,
            sum(part.residual for part in self.parts),
            sum(part.accumulated for part in self.parts),
            sum(part.net for part in self.parts),
        )


class _PartState:
    """A part while it is depreciated from change to change; `accumulated` is exact and is rounded down when it is read."""

    def __init__(self, part: ValuePart, residual_percent: int) -> None:
        self.part, self.residual_percent = part, residual_percent
        self.value, self.since, self.accumulated = part.value, part.since, Fraction(part.accumulated)

    @property
    def total_months(self) -> int:
        """Months from completion to the end of life; 0 where it is not depreciated."""
        return (self.part.years or 0) * 12 if self.part.built_on is not None else 0

    @property
    def months_left(self) -> int:
        """Months of life from `since` on."""
        if self.part.built_on is None:
            return 0
        return max(self.total_months - max(_months_between(self.part.built_on, self.since), 0), 0)

    @property
    def residual(self) -> int:
        """What remains at the end: a share of the value, but no more than the net value and never below zero."""
        share = max(self.value, 0) * self.residual_percent // 100
        return max(0, min(share, self.value - int(self.accumulated)))

    def advance(self, to: date) -> None:
        """Depreciate until a day in equal monthly amounts; what is accumulated never falls."""
        if to <= self.since:
            return
        left = self.months_left
        passed = min(max(_months_between(self.since, to), 0), left)
        if left and passed:
            depreciable = max(Fraction(0), self.value - self.accumulated - self.residual)
            self.accumulated += depreciable * passed / left
        self.since = to

    def renew(self, years: int | None) -> None:
        """Depreciate over other service years from now on; a part that is not depreciated stays so."""
        if years is not None and self.part.years is not None:
            self.part = replace(self.part, years=years)

    def read(self) -> Depreciation:
        """Depreciation so far."""
        accumulated = int(self.accumulated)
        months = self.total_months - self.months_left
        return Depreciation(months, self.total_months, self.residual, accumulated, self.value - accumulated)


def calculate_value(
    parts: Sequence[ValuePart], changes: Iterable[Change], on: date, *, residual_percent: int
) -> BookedValue:
    """Depreciation on a day of parts with dated changes: a change is shared by net value and spread over the months left.

    A change after the end of life is not depreciated unless it renews the life. A residual is never above the net value that is left.
    """
    states = [_PartState(part, residual_percent) for part in parts]
    lowest = sum(part.value - part.accumulated for part in parts)
    for day, amount, service_years in sorted(changes, key=lambda change: change.day):
        if day > on:
            break
        for state in states:
            state.advance(day)
        for state, share in zip(states, _share_change(states, amount), strict=True):
            state.value += share
            state.renew(service_years)
        lowest = min(lowest, sum(state.value - int(state.accumulated) for state in states))
    for state in states:
        state.advance(on)
    return BookedValue(
        tuple(state.read() for state in states), tuple(state.value for state in states), lowest
    )


def _share_change(states: Sequence[_PartState], amount: int) -> list[int]:
    """Shares of a change in proportion to the net values, to the values where nothing is left."""
    if len(states) == 1:
        return [amount]
    nets = [max(0, state.value - int(state.accumulated)) for state in states]
    values = [max(0, state.value) for state in states]
    weights = nets if any(nets) else values if any(values) else [1] * len(states)
    return split_proportionally(amount, weights)


def calculate_straight_line(
    value: int, built_on: date, on: date, *, years: int, residual_percent: int
) -> Depreciation:
    """Depreciation of a value: equal monthly amounts from the month after completion until the residual value remains."""
    part = ValuePart(value, built_on, built_on, years)
    return calculate_value([part], (), on, residual_percent=residual_percent).total


def split_parts(
    parts: Sequence[ValuePart], accumulated: Sequence[int], values: Sequence[int], on: date
) -> list[list[ValuePart]]:
    """Parts of each successor of a split: values and accumulated depreciation (分, on the day of the split) add up exactly.

    `values` are the successors' values; their sum is that of the parts.
    """
    shares_by_part = split_within([part.value for part in parts], values)
    successors: list[list[ValuePart]] = [[] for _ in values]
    for part, shares, spent in zip(parts, shares_by_part, accumulated, strict=True):
        spent_shares = split_proportionally(spent, shares) if any(shares) else [0] * len(shares)
        for successor, share, spent_share in zip(successors, shares, spent_shares, strict=True):
            if share:
                successor.append(ValuePart(share, on, part.built_on, part.years, spent_share))
    return successors


def split_within(amounts: Sequence[int], capacities: Sequence[int]) -> list[list[int]]:
    """Split each amount over the capacities in proportion to what is left of them; no column exceeds its capacity.

    ValueError when the amounts add up to more than the capacities.
    """
    left = list(capacities)
    if sum(amounts) > sum(left):
        raise ValueError("各项合计超过总额")
    rows = []
    for amount in amounts:
        shares = split_proportionally(amount, left) if amount else [0] * len(left)
        left = [rest - share for rest, share in zip(left, shares, strict=True)]
        rows.append(shares)
    return rows


def _months_between(since: date, until: date) -> int:
    return (until.year - since.year) * 12 + until.month - since.month


def split_by_allocation(thread: Mapping[str, Any], value: int) -> list[dict[str, Any]]:
    """Split a value in 分 over the fund sources of a project in proportion to their net allocations; the parts add up exactly."""
    amount_by_source: defaultdict[str, int] = defaultdict(int)
    for allocation in thread["allocations"]:
        amount_by_source[allocation["source_id"]] += _net_allocation(allocation, thread["payments"])
    sources = [source for source in thread["sources"] if amount_by_source[source["id"]] > 0]
    if not sources:
        return []
    amounts = split_proportionally(value, [amount_by_source[source["id"]] for source in sources])
    return [
        {
            "level": source["level"],
            "fund": source["fund"],
            "document_no": source["document_no"],
            "amount": amount,
        }
        for source, amount in zip(sources, amounts, strict=True)
        if amount
    ]


def _net_allocation(allocation: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> int:
    """Net amount of an allocation in 分: recalls are deducted, and so are refunds that were not paid out again."""
    allocated, paid = (
        parse_yuan(allocation["figures"]["allocated"]),
        parse_yuan(allocation["figures"]["paid"]),
    )
    refunded = sum(
        parse_yuan(payment["refunded"])
        for payment in payments
        if payment["allocation_id"] == allocation["id"]
    )
    return max(paid, allocated - refunded) if refunded else allocated
