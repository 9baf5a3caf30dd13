"""Lifecycle of a rule proposal."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ProposalState(LabelledEnum):
    """规则修改的状态."""

    PROPOSED = "proposed", "待确认"
    CONFIRMED = "confirmed", "已确认"
    REJECTED = "rejected", "已否决"


class ProposalAction(LabelledEnum):
    """规则修改的办理事项."""

    CONFIRM = "confirm", "确认"
    REJECT = "reject", "否决"


@dataclass(frozen=True)
class ProposalFacts:
    """Input of the guards."""

    reason: str = ""


def reason_given(facts: ProposalFacts) -> FieldError | None:
    """写明理由."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = ProposalState, ProposalAction
# fmt: off
PROPOSAL_LIFECYCLE: Lifecycle[ProposalState, ProposalAction, ProposalFacts] = Lifecycle(
    "rule proposal", "安全规则修改", ProposalState, S.PROPOSED, (
        #    action      from         to            who                   needs
        transition(A.CONFIRM, S.PROPOSED, S.CONFIRMED, May.SECURITY_MANAGE, four_eyes=("created_by",)),
        transition(A.REJECT,  S.PROPOSED, S.REJECTED,  May.SECURITY_MANAGE, reason_given),
    ))
# fmt: on
