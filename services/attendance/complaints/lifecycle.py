"""The life of a complaint, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class ComplaintState(Labelled):
    """投诉状态."""

    OPEN = "open", "待答复"
    ANSWERED = "answered", "已答复"


class ComplaintAction(Labelled):
    """投诉办理事项."""

    ANSWER = "answer", "答复"


@dataclass(frozen=True)
class ComplaintFacts:
    """What the guards look at."""

    reason: str = ""


def said(facts: ComplaintFacts) -> Fault | None:
    """写明答复."""
    return (
        None if facts.reason.strip() else Fault("no_answer", "须写明答复", "An answer is needed", "/reason")
    )


S, A = ComplaintState, ComplaintAction

# fmt: off
COMPLAINT: Lifecycle[ComplaintState, ComplaintAction, ComplaintFacts] = Lifecycle(
    "complaint", "投诉", ComplaintState, S.OPEN, (
    #    action    from    to          who                   needs
    move(A.ANSWER, S.OPEN, S.ANSWERED, May.COMPLAINT_HANDLE, said, eyes=("person",)),
))
# fmt: on
