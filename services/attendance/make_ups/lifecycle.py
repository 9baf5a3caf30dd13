"""States, actions and guards of a make-up request."""

from dataclasses import dataclass

from services.attendance.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class MakeUpState(LabelledEnum):
    """补卡状态."""

    REQUESTED = "requested", "待证明"
    WITNESSED = "witnessed", "待审批"
    APPROVED = "approved", "已批准"
    REFUSED = "refused", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"


class MakeUpAction(LabelledEnum):
    """补卡办理事项."""

    WITNESS = "witness", "证明"
    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    WITHDRAW = "withdraw", "撤回"


@dataclass(frozen=True)
class MakeUpFacts:
    """Inputs of the guards."""

    is_witness: bool
    reason: str = ""


def caller_is_witness(facts: MakeUpFacts) -> FieldError | None:
    """由申请中写明的证明人本人证明."""
    return (
        None
        if facts.is_witness
        else FieldError("not_the_witness", "须由证明人本人证明", "Only the witness may")
    )


S, A = MakeUpState, MakeUpAction
OPEN_STATES = (S.REQUESTED, S.WITNESSED)

# fmt: off
MAKE_UP: Lifecycle[MakeUpState, MakeUpAction, MakeUpFacts] = Lifecycle("make_up", "补卡", MakeUpState, S.REQUESTED, (
    #          action      from         to           who                needs
    transition(A.WITNESS,  S.REQUESTED, S.WITNESSED, May.PRESENCE_READ, caller_is_witness, four_eyes=("person",)),
    transition(A.APPROVE,  S.WITNESSED, S.APPROVED,  May.LEAVE_APPROVE, four_eyes=("person", "witness")),
    transition(A.REFUSE,   OPEN_STATES, S.REFUSED,   May.LEAVE_APPROVE, reason_given, four_eyes=("person",)),
    transition(A.WITHDRAW, OPEN_STATES, S.WITHDRAWN, May.LEAVE_REQUEST),
))
# fmt: on
