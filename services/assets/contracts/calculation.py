"""When what is due: pure arithmetic over a contract's terms."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.assets.contracts.schemas import SettlementPeriod

MAX_RECEIVABLES = 1200
"""Receivables of one contract (a hundred years by the month)."""


@dataclass(frozen=True)
class RentStep:
    """From a day on the amount per period is another (递增租金)."""

    starts_on: date
    amount: int


@dataclass(frozen=True)
class ScheduledReceivable:
    """One receivable to be."""

    number: int
    due_on: date
    amount: int


def add_months(day: date, months: int) -> date:
    """The same day some months on, or the month's last day when it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def build_schedule(
    first_due_on: date, ends_on: date, period: SettlementPeriod, amount: int, steps: Sequence[RentStep] = ()
) -> list[ScheduledReceivable]:
    """Every receivable from the first due date to the end of the contract; nothing when no amount is agreed.

    Each due date is reckoned from the first, so the 31st comes back after a short month.
    """
    found: list[ScheduledReceivable] = []
    at = 0
    while len(found) < MAX_RECEIVABLES:
        due_on = add_months(first_due_on, at * period.months)
        if due_on > ends_on:
            break
        agreed = _amount_on(due_on, amount, steps)
        if agreed:
            found.append(ScheduledReceivable(len(found) + 1, due_on, agreed))
        if not period.months:
            break
        at += 1
    return found


def _amount_on(on: date, amount: int, steps: Sequence[RentStep]) -> int:
    reached = [step for step in sorted(steps, key=lambda one: one.starts_on) if step.starts_on <= on]
    return reached[-1].amount if reached else amount
