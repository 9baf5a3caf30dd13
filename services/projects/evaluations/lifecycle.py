"""Lifecycle of a project evaluation."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class EvaluationState(LabelledEnum):
    """项目评价状态."""

    SUBMITTED = "submitted", "已自评, 待复核"
    REVIEWED = "reviewed", "已复核"
    RETURNED = "returned", "退回重评"


class EvaluationAction(LabelledEnum):
    """项目评价办理事项."""

    SUBMIT = "submit", "重新自评"
    REVIEW = "review", "复核"
    RETURN = "return", "退回"


@dataclass(frozen=True)
class EvaluationFacts:
    """Input of the guards: items without points and fields of the transition request."""

    unscored: tuple[FieldError, ...] = ()
    reason: str = ""
    opinion: str = ""


def all_items_scored(facts: EvaluationFacts) -> FieldError | None:
    """评分表每一项都有得分: 有数据的按数据计算, 其余由评分人给分并说明依据."""
    if not facts.unscored:
        return None
    first = facts.unscored[0]
    return FieldError(
        first.code, "；".join(error.detail for error in facts.unscored), first.detail_en, first.pointer
    )


def opinion_given(facts: EvaluationFacts) -> FieldError | None:
    """写明复核意见."""
    if facts.opinion.strip():
        return None
    return FieldError("no_opinion", "须写明复核意见", "An opinion is needed", "/opinion")


def reason_given(facts: EvaluationFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


S, A = EvaluationState, EvaluationAction

# fmt: off
EVALUATION_LIFECYCLE: Lifecycle[EvaluationState, EvaluationAction, EvaluationFacts] = Lifecycle(
    "evaluation", "项目评价", EvaluationState, S.SUBMITTED, (
    #          action    from                       to           permission             guards
    transition(A.SUBMIT, S.RETURNED,                S.SUBMITTED, May.PROJECT_IMPLEMENT, all_items_scored),
    transition(A.REVIEW, S.SUBMITTED,               S.REVIEWED,  May.PROJECT_ACCEPT,    all_items_scored,
               opinion_given, four_eyes=("submitted_by",)),
    transition(A.RETURN, (S.SUBMITTED, S.REVIEWED), S.RETURNED,  May.PROJECT_ACCEPT,    reason_given),
))
# fmt: on
