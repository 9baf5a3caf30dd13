"""Lifecycle of entries of the deposit book."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class DepositState(LabelledEnum):
    """保证金记账状态."""

    ENTERED = "entered", "待确认"
    CONFIRMED = "confirmed", "已入账"
    WITHDRAWN = "withdrawn", "已撤回"
    REVERSED = "reversed", "已冲销"


class DepositAction(LabelledEnum):
    """保证金办理事项."""

    CONFIRM = "confirm", "确认入账"
    WITHDRAW = "withdraw", "撤回"
    REVERSE = "reverse", "冲销"


@dataclass(frozen=True)
class DepositFacts:
    """Facts that the guards check."""

    error: FieldError | None = None
    """Why the book would not hold after the step."""
    reason: str = ""


def book_holds(facts: DepositFacts) -> FieldError | None:
    """收取不超过合同约定; 退还、抵扣和冲销后任何一天余额不为负."""
    return facts.error


S, A = DepositState, DepositAction

# fmt: off
DEPOSIT: Lifecycle[DepositState, DepositAction, DepositFacts] = Lifecycle(
    "deposit entry", "保证金记账", DepositState, S.ENTERED, (
    #          action      from         to           who                needs
    transition(A.CONFIRM,  S.ENTERED,   S.CONFIRMED, May.ASSET_OPERATE, book_holds, four_eyes=("created_by",)),
    transition(A.WITHDRAW, S.ENTERED,   S.WITHDRAWN, May.ASSET_OPERATE, reason_given),
    transition(A.REVERSE,  S.CONFIRMED, S.REVERSED,  May.ASSET_OPERATE, reason_given, book_holds,
        four_eyes=("confirmed_by",)),
))
# fmt: on
