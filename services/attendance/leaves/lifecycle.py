"""States, actions and guards of a leave. The district's dated rule maps the number of days to an approval chain."""

from dataclasses import dataclass
from datetime import date

from services.attendance.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class LeaveState(LabelledEnum):
    """请假状态."""

    REQUESTED = "requested", "审批中"
    APPROVED = "approved", "已批准"
    REFUSED = "refused", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"
    RETURNED = "returned", "已销假"


class LeaveAction(LabelledEnum):
    """请假办理事项."""

    ENDORSE = "endorse", "同意并上报"
    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    WITHDRAW = "withdraw", "撤回"
    RETURN = "return", "销假"


@dataclass(frozen=True)
class LeaveFacts:
    """Inputs of the guards."""

    step: int
    steps: int
    turn: str
    callers_turn: bool
    today: date
    starts_on: date
    reason: str = ""
    returned_on: date | None = None


def is_callers_turn(facts: LeaveFacts) -> FieldError | None:
    """轮到本人这一级(或其委托人)审批."""
    return (
        None
        if facts.callers_turn
        else FieldError("not_your_turn", f"现在由{facts.turn}审批", "Another's turn")
    )


def next_step_required(facts: LeaveFacts) -> FieldError | None:
    """按请假天数还有上一级要审批."""
    if facts.step + 1 < facts.steps:
        return None
    return FieldError("last_step", "已是最后一级, 请直接批准", "This is the last step")


def last_step_reached(facts: LeaveFacts) -> FieldError | None:
    """按请假天数不再需要上一级审批."""
    if facts.step + 1 >= facts.steps:
        return None
    return FieldError("more_steps", "还须上一级审批, 请同意并上报", "Another step follows")


def leave_not_started(facts: LeaveFacts) -> FieldError | None:
    """尚未开始的假期才能撤回; 已开始的请销假."""
    if facts.today < facts.starts_on:
        return None
    return FieldError("begun", "假期已开始, 请销假", "The leave has begun; return from it")


def return_date_given(facts: LeaveFacts) -> FieldError | None:
    """写明返岗日期, 且不晚于今天、不早于假期开始."""
    if facts.returned_on is None:
        return FieldError("no_date", "须写明返岗日期", "When did you come back?", "/returned_on")
    if not facts.starts_on <= facts.returned_on <= facts.today:
        detail = "返岗日期须在假期开始之后, 且不晚于今天"
        return FieldError("out_of_range", detail, "out of range", "/returned_on")
    return None


S, A = LeaveState, LeaveAction

# fmt: off
LEAVE: Lifecycle[LeaveState, LeaveAction, LeaveFacts] = Lifecycle("leave", "请假", LeaveState, S.REQUESTED, (
    #          action      from         to           who                needs
    transition(A.ENDORSE,  S.REQUESTED, S.REQUESTED, May.LEAVE_APPROVE, is_callers_turn, next_step_required,
                                                                        four_eyes=("person", "endorsed_by")),
    transition(A.APPROVE,  S.REQUESTED, S.APPROVED,  May.LEAVE_APPROVE, is_callers_turn, last_step_reached,
                                                                        four_eyes=("person", "endorsed_by")),
    transition(A.REFUSE,   S.REQUESTED, S.REFUSED,   May.LEAVE_APPROVE, is_callers_turn, reason_given, four_eyes=("person",)),
    transition(A.WITHDRAW, S.REQUESTED, S.WITHDRAWN, May.LEAVE_REQUEST),
    transition(A.WITHDRAW, S.APPROVED,  S.WITHDRAWN, May.LEAVE_REQUEST, leave_not_started),
    transition(A.RETURN,   S.APPROVED,  S.RETURNED,  May.LEAVE_REQUEST, return_date_given),
))
# fmt: on
