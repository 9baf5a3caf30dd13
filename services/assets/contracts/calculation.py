"""Payment schedule of a contract. Pure functions; amounts in 分."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.assets.contracts.schemas import SettlementPeriod
from shared.china import add_months

MAX_RECEIVABLES = 1200
"""Maximum receivables of a contract (a hundred years, monthly)."""


@dataclass(frozen=True)
class RentStep:
    """A new amount per period from a day on (递增租金)."""

    starts_on: date
    amount: int


@dataclass(frozen=True)
class ScheduledReceivable:
    """A receivable of the schedule."""

    number: int
    due_on: date
    amount: int


def build_schedule(
    first_due_on: date,
    ends_on: date,
    period: SettlementPeriod,
    amount: int,
    steps: Sequence[RentStep] = (),
    *,
    prorated: bool = False,
) -> list[ScheduledReceivable]:
    """Receivables from the first due date to the end of the contract; empty when no amount is agreed.

    Due dates are computed from the first one, so that the 31st returns after a short month. With `prorated` a last
    period that the contract does not fill counts by its days.
    """
    schedule: list[ScheduledReceivable] = []
    index = 0
    while len(schedule) < MAX_RECEIVABLES:
        due_on = add_months(first_due_on, index * period.months)
        if due_on > ends_on:
            break
        due_amount = _amount_on(due_on, amount, steps)
        if prorated and period.months:
            next_due_on = add_months(first_due_on, (index + 1) * period.months)
            due_amount = prorate(due_amount, due_on, next_due_on, ends_on)
        if due_amount:
            schedule.append(ScheduledReceivable(len(schedule) + 1, due_on, due_amount))
        if not period.months:
            break
        index += 1
    return schedule


def prorate(amount: int, starts_on: date, next_starts_on: date, ends_on: date) -> int:
    """The share of a period's amount in 分 for its days up to `ends_on`, rounded to the nearest 分; all of it when it is filled."""
    days = (next_starts_on - starts_on).days
    used = min((ends_on - starts_on).days + 1, days)
    return amount if used >= days else max(0, (amount * used * 2 + days) // (2 * days))


def _amount_on(on: date, amount: int, steps: Sequence[RentStep]) -> int:
    effective_steps = [
        step for step in sorted(steps, key=lambda step: step.starts_on) if step.starts_on <= on
    ]
    return effective_steps[-1].amount if effective_steps else amount
