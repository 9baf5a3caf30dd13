"""The life of a project's evaluation, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class EvaluationState(Labelled):
    """项目评价状态."""

    SUBMITTED = "submitted", "已自评, 待复核"
    REVIEWED = "reviewed", "已复核"
    RETURNED = "returned", "退回重评"


class EvaluationAction(Labelled):
    """项目评价办理事项."""

    SUBMIT = "submit", "重新自评"
    REVIEW = "review", "复核"
    RETURN = "return", "退回"


@dataclass(frozen=True)
class EvaluationFacts:
    """What the guards look at."""

    unscored: tuple[Fault, ...] = ()
    reason: str = ""
    opinion: str = ""


def scored(facts: EvaluationFacts) -> Fault | None:
    """评分表每一项都有得分: 有数据的按数据计算, 其余由评分人给分并说明依据."""
    if not facts.unscored:
        return None
    first = facts.unscored[0]
    return Fault(first.code, "；".join(one.detail for one in facts.unscored), first.detail_en, first.pointer)


def opinion_given(facts: EvaluationFacts) -> Fault | None:
    """写明复核意见."""
    if facts.opinion.strip():
        return None
    return Fault("no_opinion", "须写明复核意见", "An opinion is needed", "/opinion")


def reasoned(facts: EvaluationFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = EvaluationState, EvaluationAction

# fmt: off
EVALUATION: Lifecycle[EvaluationState, EvaluationAction, EvaluationFacts] = Lifecycle(
    "evaluation", "项目评价", EvaluationState, S.SUBMITTED, (
    #    action    from                       to           who                    needs
    move(A.SUBMIT, S.RETURNED,                S.SUBMITTED, May.PROJECT_IMPLEMENT, scored),
    move(A.REVIEW, S.SUBMITTED,               S.REVIEWED,  May.PROJECT_ACCEPT,    scored, opinion_given,
         eyes=("submitted_by",)),
    move(A.RETURN, (S.SUBMITTED, S.REVIEWED), S.RETURNED,  May.PROJECT_ACCEPT,    reasoned),
))
# fmt: on
