"""The life of a make-up, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class MakeUpState(Labelled):
    """补卡状态."""

    REQUESTED = "requested", "待证明"
    WITNESSED = "witnessed", "待审批"
    APPROVED = "approved", "已批准"
    REFUSED = "refused", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"


class MakeUpAction(Labelled):
    """补卡办理事项."""

    WITNESS = "witness", "证明"
    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    WITHDRAW = "withdraw", "撤回"


@dataclass(frozen=True)
class MakeUpFacts:
    """What the guards look at."""

    is_witness: bool
    reason: str = ""


def the_witness(facts: MakeUpFacts) -> Fault | None:
    """由申请中写明的证明人本人证明."""
    return (
        None if facts.is_witness else Fault("not_the_witness", "须由证明人本人证明", "Only the witness may")
    )


def reasoned(facts: MakeUpFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = MakeUpState, MakeUpAction
OPEN = (S.REQUESTED, S.WITNESSED)

# fmt: off
MAKE_UP: Lifecycle[MakeUpState, MakeUpAction, MakeUpFacts] = Lifecycle("make_up", "补卡", MakeUpState, S.REQUESTED, (
    #    action      from         to            who                 needs
    move(A.WITNESS,  S.REQUESTED, S.WITNESSED,  May.PRESENCE_READ,  the_witness, eyes=("person",)),
    move(A.APPROVE,  S.WITNESSED, S.APPROVED,   May.LEAVE_APPROVE,  eyes=("person", "witness")),
    move(A.REFUSE,   OPEN,        S.REFUSED,    May.LEAVE_APPROVE,  reasoned, eyes=("person",)),
    move(A.WITHDRAW, OPEN,        S.WITHDRAWN,  May.LEAVE_REQUEST),
))
# fmt: on
