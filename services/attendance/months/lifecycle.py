"""The life of a month's sheet, on one screen."""

from dataclasses import dataclass
from datetime import date

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class SheetState(Labelled):
    """月表状态."""

    OPEN = "open", "未签字"
    SIGNED = "signed", "已签字"


class SheetAction(Labelled):
    """月表办理事项."""

    SIGN = "sign", "签字"
    REOPEN = "reopen", "撤销签字"


@dataclass(frozen=True)
class SheetFacts:
    """What the guards look at."""

    today: date
    last: date
    provisional: int
    reason: str = ""


def over(facts: SheetFacts) -> Fault | None:
    """当月已经结束."""
    return None if facts.today > facts.last else Fault("not_over", "当月尚未结束", "The month is not over")


def settled(facts: SheetFacts) -> Fault | None:
    """没有暂定的在岗日(待补传、待审批、待复核)."""
    if not facts.provisional:
        return None
    return Fault("provisional", f"还有 {facts.provisional} 个在岗日是暂定的", "Some days are provisional")


def reasoned(facts: SheetFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = SheetState, SheetAction

# fmt: off
SHEET: Lifecycle[SheetState, SheetAction, SheetFacts] = Lifecycle("month_sheet", "月表", SheetState, S.OPEN, (
    #    action    from      to        who                   needs
    move(A.SIGN,   S.OPEN,   S.SIGNED, May.PRESENCE_REVIEW,  over, settled),
    move(A.REOPEN, S.SIGNED, S.OPEN,   May.PRESENCE_REVIEW,  reasoned),
))
# fmt: on
