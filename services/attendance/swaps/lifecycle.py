"""The life of a swap of shifts, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class SwapState(Labelled):
    """换班状态."""

    ASKED = "asked", "待对方同意"
    AGREED = "agreed", "待审批"
    APPROVED = "approved", "已换班"
    DECLINED = "declined", "对方未同意"
    REFUSED = "refused", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"


class SwapAction(Labelled):
    """换班办理事项."""

    AGREE = "agree", "同意换班"
    DECLINE = "decline", "不同意换班"
    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    WITHDRAW = "withdraw", "撤回"


@dataclass(frozen=True)
class SwapFacts:
    """What the guards look at."""

    is_asker: bool
    is_partner: bool
    in_time: bool
    clash: str = ""
    reason: str = ""


def the_partner(facts: SwapFacts) -> Fault | None:
    """由对方本人表态."""
    return None if facts.is_partner else Fault("not_the_partner", "须由对方本人表态", "Only the other may")


def the_asker(facts: SwapFacts) -> Fault | None:
    """由申请人本人撤回."""
    return None if facts.is_asker else Fault("not_the_asker", "须由申请人本人撤回", "Only who asked may")


def not_begun(facts: SwapFacts) -> Fault | None:
    """两个班次都还没有开始、取消或换给他人."""
    if facts.in_time:
        return None
    return Fault("too_late", "班次已开始、取消或换给他人, 不能再换", "A shift has begun or changed")


def no_clash(facts: SwapFacts) -> Fault | None:
    """换班后各人的班次不重叠."""
    return Fault("clash", facts.clash, "The shifts would overlap") if facts.clash else None


def reasoned(facts: SwapFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = SwapState, SwapAction
OPEN = (S.ASKED, S.AGREED)

# fmt: off
SWAP: Lifecycle[SwapState, SwapAction, SwapFacts] = Lifecycle("duty_swap", "换班", SwapState, S.ASKED, (
    #    action      from      to           who                needs
    move(A.AGREE,    S.ASKED,  S.AGREED,    May.LEAVE_REQUEST, the_partner, not_begun),
    move(A.DECLINE,  S.ASKED,  S.DECLINED,  May.LEAVE_REQUEST, the_partner),
    move(A.APPROVE,  S.AGREED, S.APPROVED,  May.TEAM_MANAGE,   not_begun, no_clash, eyes=("person", "partner")),
    move(A.REFUSE,   OPEN,     S.REFUSED,   May.TEAM_MANAGE,   reasoned, eyes=("person", "partner")),
    move(A.WITHDRAW, OPEN,     S.WITHDRAWN, May.LEAVE_REQUEST, the_asker),
))
# fmt: on
