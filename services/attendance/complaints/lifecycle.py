"""States, actions and guards of a complaint."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ComplaintState(LabelledEnum):
    """投诉状态."""

    OPEN = "open", "待答复"
    ANSWERED = "answered", "已答复"


class ComplaintAction(LabelledEnum):
    """投诉办理事项."""

    ANSWER = "answer", "答复"


@dataclass(frozen=True)
class ComplaintFacts:
    """Inputs of the guards."""

    reason: str = ""


def answer_given(facts: ComplaintFacts) -> FieldError | None:
    """写明答复."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_answer", "须写明答复", "An answer is needed", "/reason")
    )


S, A = ComplaintState, ComplaintAction

# fmt: off
COMPLAINT: Lifecycle[ComplaintState, ComplaintAction, ComplaintFacts] = Lifecycle(
    "complaint", "投诉", ComplaintState, S.OPEN, (
    #          action    from    to          who                   needs
    transition(A.ANSWER, S.OPEN, S.ANSWERED, May.COMPLAINT_HANDLE, answer_given, four_eyes=("person",)),
))
# fmt: on
