"""States, actions and guards of a swap of duty shifts."""

from dataclasses import dataclass

from services.attendance.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class SwapState(LabelledEnum):
    """换班状态."""

    ASKED = "asked", "待对方同意"
    AGREED = "agreed", "待审批"
    APPROVED = "approved", "已换班"
    DECLINED = "declined", "对方未同意"
    REFUSED = "refused", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"


class SwapAction(LabelledEnum):
    """换班办理事项."""

    AGREE = "agree", "同意换班"
    DECLINE = "decline", "不同意换班"
    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    WITHDRAW = "withdraw", "撤回"


@dataclass(frozen=True)
class SwapFacts:
    """Inputs of the guards."""

    is_asker: bool
    is_partner: bool
    in_time: bool
    clash: str = ""
    reason: str = ""


def caller_is_partner(facts: SwapFacts) -> FieldError | None:
    """由对方本人表态."""
    return (
        None if facts.is_partner else FieldError("not_the_partner", "须由对方本人表态", "Only the other may")
    )


def caller_is_asker(facts: SwapFacts) -> FieldError | None:
    """由申请人本人撤回."""
    return None if facts.is_asker else FieldError("not_the_asker", "须由申请人本人撤回", "Only who asked may")


def shifts_not_started(facts: SwapFacts) -> FieldError | None:
    """两个班次都还没有开始、取消或换给他人."""
    if facts.in_time:
        return None
    return FieldError("too_late", "班次已开始、取消或换给他人, 不能再换", "A shift has begun or changed")


def no_shift_clash(facts: SwapFacts) -> FieldError | None:
    """换班后各人的班次不重叠."""
    return FieldError("clash", facts.clash, "The shifts would overlap") if facts.clash else None


S, A = SwapState, SwapAction
OPEN_STATES = (S.ASKED, S.AGREED)

# fmt: off
SWAP: Lifecycle[SwapState, SwapAction, SwapFacts] = Lifecycle("duty_swap", "换班", SwapState, S.ASKED, (
    #          action      from         to           who                needs
    transition(A.AGREE,    S.ASKED,     S.AGREED,    May.LEAVE_REQUEST, caller_is_partner, shifts_not_started),
    transition(A.DECLINE,  S.ASKED,     S.DECLINED,  May.LEAVE_REQUEST, caller_is_partner),
    transition(A.APPROVE,  S.AGREED,    S.APPROVED,  May.TEAM_MANAGE,   shifts_not_started, no_shift_clash,
                                                                        four_eyes=("person", "partner")),
    transition(A.REFUSE,   OPEN_STATES, S.REFUSED,   May.TEAM_MANAGE,   reason_given, four_eyes=("person", "partner")),
    transition(A.WITHDRAW, OPEN_STATES, S.WITHDRAWN, May.LEAVE_REQUEST, caller_is_asker),
))
# fmt: on
