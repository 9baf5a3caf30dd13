"""States, actions and guards of a review."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ReviewState(LabelledEnum):
    """复核状态."""

    OPEN = "open", "待复核"
    ACCEPTED = "accepted", "予以认定"
    REJECTED = "rejected", "不予认定"


class ReviewAction(LabelledEnum):
    """复核办理事项."""

    ACCEPT = "accept", "予以认定"
    REJECT = "reject", "不予认定"
    REOPEN = "reopen", "重新复核"


@dataclass(frozen=True)
class ReviewFacts:
    """Inputs of the guards."""

    reason: str = ""
    imported_by_caller: bool = False


def reason_given(facts: ReviewFacts) -> FieldError | None:
    """写明依据."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明依据", "A reason is needed", "/reason")
    )


def not_own_import(facts: ReviewFacts) -> FieldError | None:
    """打卡记录不是本人导入的."""
    if not facts.imported_by_caller:
        return None
    return FieldError(
        "own_import",
        "当天的打卡记录由本人导入, 须由另一人复核",
        "Who imported the check-ins does not review them",
    )


S, A = ReviewState, ReviewAction

# fmt: off
REVIEW: Lifecycle[ReviewState, ReviewAction, ReviewFacts] = Lifecycle("review", "复核", ReviewState, S.OPEN, (
    #          action    from                      to          who                  needs
    transition(A.ACCEPT, S.OPEN,                   S.ACCEPTED, May.PRESENCE_REVIEW, reason_given, not_own_import, four_eyes=("person",)),
    transition(A.REJECT, S.OPEN,                   S.REJECTED, May.PRESENCE_REVIEW, reason_given, not_own_import, four_eyes=("person",)),
    transition(A.REOPEN, (S.ACCEPTED, S.REJECTED), S.OPEN,     May.PRESENCE_REVIEW, reason_given, not_own_import, four_eyes=("person",)),
))
# fmt: on
