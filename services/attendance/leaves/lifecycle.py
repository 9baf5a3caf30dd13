"""The life of a leave, on one screen. How many must agree is the district's dated matrix (days → chain)."""

from dataclasses import dataclass
from datetime import date

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class LeaveState(Labelled):
    """请假状态."""

    REQUESTED = "requested", "审批中"
    APPROVED = "approved", "已批准"
    REFUSED = "refused", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"
    RETURNED = "returned", "已销假"


class LeaveAction(Labelled):
    """请假办理事项."""

    ENDORSE = "endorse", "同意并上报"
    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    WITHDRAW = "withdraw", "撤回"
    RETURN = "return", "销假"


@dataclass(frozen=True)
class LeaveFacts:
    """What the guards look at."""

    step: int
    steps: int
    turn: str
    mine: bool
    today: date
    starts_on: date
    reason: str = ""
    returned_on: date | None = None


def your_turn(facts: LeaveFacts) -> Fault | None:
    """轮到本人这一级(或其委托人)审批."""
    return None if facts.mine else Fault("not_your_turn", f"现在由{facts.turn}审批", "Another's turn")


def more_to_ask(facts: LeaveFacts) -> Fault | None:
    """按请假天数还有上一级要审批."""
    if facts.step + 1 < facts.steps:
        return None
    return Fault("last_step", "已是最后一级, 请直接批准", "This is the last step")


def nobody_left(facts: LeaveFacts) -> Fault | None:
    """按请假天数不再需要上一级审批."""
    if facts.step + 1 >= facts.steps:
        return None
    return Fault("more_steps", "还须上一级审批, 请同意并上报", "Another step follows")


def reasoned(facts: LeaveFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


def not_begun(facts: LeaveFacts) -> Fault | None:
    """尚未开始的假期才能撤回; 已开始的请销假."""
    if facts.today < facts.starts_on:
        return None
    return Fault("begun", "假期已开始, 请销假", "The leave has begun; return from it")


def came_back(facts: LeaveFacts) -> Fault | None:
    """写明返岗日期, 且不晚于今天、不早于假期开始."""
    if facts.returned_on is None:
        return Fault("no_date", "须写明返岗日期", "When did you come back?", "/returned_on")
    if not facts.starts_on <= facts.returned_on <= facts.today:
        detail = "返岗日期须在假期开始之后, 且不晚于今天"
        return Fault("out_of_range", detail, "out of range", "/returned_on")
    return None


S, A = LeaveState, LeaveAction

# fmt: off
LEAVE: Lifecycle[LeaveState, LeaveAction, LeaveFacts] = Lifecycle("leave", "请假", LeaveState, S.REQUESTED, (
    #    action      from         to            who                 needs
    move(A.ENDORSE,  S.REQUESTED, S.REQUESTED,  May.LEAVE_APPROVE,  your_turn, more_to_ask,
         eyes=("person", "endorsed_by")),
    move(A.APPROVE,  S.REQUESTED, S.APPROVED,   May.LEAVE_APPROVE,  your_turn, nobody_left,
         eyes=("person", "endorsed_by")),
    move(A.REFUSE,   S.REQUESTED, S.REFUSED,    May.LEAVE_APPROVE,  your_turn, reasoned, eyes=("person",)),
    move(A.WITHDRAW, S.REQUESTED, S.WITHDRAWN,  May.LEAVE_REQUEST),
    move(A.WITHDRAW, S.APPROVED,  S.WITHDRAWN,  May.LEAVE_REQUEST,  not_begun),
    move(A.RETURN,   S.APPROVED,  S.RETURNED,   May.LEAVE_REQUEST,  came_back),
))
# fmt: on
