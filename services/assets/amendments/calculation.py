"""What an amendment does to the receivables of a contract. Pure functions; amounts in 分."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.assets.contracts.calculation import ScheduledReceivable
from services.assets.contracts.schemas import SettlementPeriod
from shared.china import add_months, format_yuan
from shared.errors import FieldError


class Owed(Protocol):
    """A receivable as it stands: what is due on a day, received and waived of it."""

    number: int
    due_on: date
    amount: int
    received: int
    waived: int
    void: bool


@dataclass(frozen=True)
class Rescheduled:
    """New amounts by due day of receivables that stay, due days of those that fall away, and those that are added."""

    changed: Mapping[date, int]
    dropped: frozenset[date]
    added: tuple[ScheduledReceivable, ...]


def find_waiver_error(receivables: Sequence[Owed], waivers: Mapping[int, int]) -> FieldError | None:
    """The first waiver, by position in the list, of a receivable that is unknown, void or owes less than that."""
    known = {receivable.number: receivable for receivable in receivables if not receivable.void}
    for index, (number, amount) in enumerate(waivers.items()):
        pointer = f"/waivers/{index}"
        if number not in known:
            detail = f"合同没有第 {number} 期应收, 或已作废"
            return FieldError("no_such_receivable", detail, "No such receivable", f"{pointer}/number")
        unpaid = known[number].amount - known[number].received
        if amount > unpaid:
            detail = f"第 {number} 期未收 {format_yuan(unpaid)} 元, 不能减免 {format_yuan(amount)} 元"
            return FieldError("above_debt", detail, "More than is owed", f"{pointer}/amount")
    return None


def reschedule(
    receivables: Sequence[Owed],
    schedule: Sequence[ScheduledReceivable],
    effective_on: date,
    period: SettlementPeriod,
) -> Rescheduled | FieldError:
    """Compare the receivables of the periods that end after a day with the new schedule.

    Earlier periods stay as they are. An error where money was received for more than the new amount, or waived.
    """

    def is_concerned(due_on: date) -> bool:
        return due_on >= effective_on or bool(
            period.months and add_months(due_on, period.months) > effective_on
        )

    wanted = {one.due_on: one for one in schedule if is_concerned(one.due_on)}
    standing = {one.due_on: one for one in receivables if not one.void and is_concerned(one.due_on)}
    changed: dict[date, int] = {}
    for due_on, receivable in standing.items():
        amount = (wanted[due_on].amount if due_on in wanted else 0) - receivable.waived
        if amount < receivable.received:
            detail = (
                f"{due_on} 的应收已收 {format_yuan(receivable.received)} 元、"
                f"减免 {format_yuan(receivable.waived)} 元, 变更后不够; 请从下一期起变更, 或先冲销"
            )
            return FieldError("settled", detail, "Money was received for it", "/effective_on")
        if due_on in wanted and amount != receivable.amount:
            changed[due_on] = amount
    numbers = max((one.number for one in receivables), default=0)
    added = [one for due_on, one in wanted.items() if due_on not in standing]
    return Rescheduled(
        changed,
        frozenset(standing) - frozenset(wanted),
        tuple(
            ScheduledReceivable(numbers + index, one.due_on, one.amount) for index, one in enumerate(added, 1)
        ),
    )
