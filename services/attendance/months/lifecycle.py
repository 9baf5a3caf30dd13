"""States, actions and guards of a month sheet."""

from dataclasses import dataclass
from datetime import date

from services.attendance.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class SheetState(LabelledEnum):
    """月表状态."""

    OPEN = "open", "未签字"
    SIGNED = "signed", "已签字"


class SheetAction(LabelledEnum):
    """月表办理事项."""

    SIGN = "sign", "签字"
    REOPEN = "reopen", "撤销签字"


@dataclass(frozen=True)
class SheetFacts:
    """Inputs of the guards."""

    today: date
    last_day: date
    held_by: str
    """Persons and days that are provisional, in Chinese; empty if none are."""
    reason: str = ""


def month_ended(facts: SheetFacts) -> FieldError | None:
    """当月已经结束."""
    return (
        None
        if facts.today > facts.last_day
        else FieldError("not_over", "当月尚未结束", "The month is not over")
    )


def no_provisional_days(facts: SheetFacts) -> FieldError | None:
    """没有暂定的在岗日(待补传、待审批、待复核)."""
    if not facts.held_by:
        return None
    return FieldError("provisional", f"还有在岗日是暂定的: {facts.held_by}", "Some days are provisional")


S, A = SheetState, SheetAction

# fmt: off
SHEET: Lifecycle[SheetState, SheetAction, SheetFacts] = Lifecycle("month_sheet", "月表", SheetState, S.OPEN, (
    #          action    from      to        who                  needs
    transition(A.SIGN,   S.OPEN,   S.SIGNED, May.PRESENCE_REVIEW, month_ended, no_provisional_days),
    transition(A.REOPEN, S.SIGNED, S.OPEN,   May.PRESENCE_REVIEW, reason_given),
))
# fmt: on
