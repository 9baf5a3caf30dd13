"""Lifecycle of a performance target: states, actions, guards."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class TargetState(LabelledEnum):
    """绩效目标状态."""

    DRAFT = "draft", "编制中"
    SUBMITTED = "submitted", "待批复"
    APPROVED = "approved", "已批复"
    PUBLISHED = "published", "已公开"
    EVALUATED = "evaluated", "已自评"
    CONFIRMED = "confirmed", "自评已复核"


class TargetAction(LabelledEnum):
    """绩效目标办理事项."""

    SUBMIT = "submit", "报送"
    RETURN = "return", "退回"
    APPROVE = "approve", "批复"
    PUBLISH = "publish", "公开"
    EVALUATE = "evaluate", "自评"
    SEND_BACK = "send_back", "退回自评"
    CONFIRM = "confirm", "复核自评"


@dataclass(frozen=True)
class TargetFacts:
    """Facts that the guards of a target check."""

    form_faults: tuple[FieldError, ...] = ()
    plan_approved: bool = False
    published_on: date | None = None
    published_at: str = ""
    approved_on: date | None = None
    today: date | None = None
    evaluation_faults: tuple[FieldError, ...] = ()
    reason: str = ""


def _join_faults(faults: tuple[FieldError, ...]) -> FieldError | None:
    if not faults:
        return None
    first = faults[0]
    return FieldError(first.code, "; ".join(fault.detail for fault in faults), first.detail_en, first.pointer)


def form_complete(facts: TargetFacts) -> FieldError | None:
    """指标齐全: 有数量指标和满意度指标, 核心指标都有指标值, 权重合计等于规定."""
    return _join_faults(facts.form_faults)


def plan_approved(facts: TargetFacts) -> FieldError | None:
    """所属分配方案已审定(绩效目标与资金同时批复)."""
    if facts.plan_approved:
        return None
    return FieldError(
        "plan_not_approved", "所属分配方案尚未审定, 绩效目标随方案批复", "The plan is not approved yet"
    )


def publication_given(facts: TargetFacts) -> FieldError | None:
    """写明公开日期和公开位置, 日期不早于批复, 不晚于今天."""
    if facts.published_on is None or not facts.published_at.strip():
        return FieldError(
            "not_public", "须写明公开日期和公开位置", "Date and place are needed", "/published_on"
        )
    if facts.today is not None and facts.published_on > facts.today:
        return FieldError("in_the_future", "公开日期不能晚于今天", "lies in the future", "/published_on")
    if facts.approved_on is not None and facts.published_on < facts.approved_on:
        return FieldError(
            "before_approval", f"公开日期早于批复日期 {facts.approved_on}", "before approval", "/published_on"
        )
    return None


def evidence_complete(facts: TargetFacts) -> FieldError | None:
    """每项指标有完成值, 核心指标有佐证材料, 偏差较大的写明原因."""
    return _join_faults(facts.evaluation_faults)


def reason_given(facts: TargetFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


S, A = TargetState, TargetAction

# fmt: off
TARGET_LIFECYCLE: Lifecycle[TargetState, TargetAction, TargetFacts] = Lifecycle("target", "绩效目标", TargetState, S.DRAFT, (
    #          action       from         to           who                needs
    transition(A.SUBMIT,    S.DRAFT,     S.SUBMITTED, May.TARGET_MANAGE, form_complete),
    transition(A.RETURN,    S.SUBMITTED, S.DRAFT,     May.PLAN_APPROVE,  reason_given),
    transition(A.APPROVE,   S.SUBMITTED, S.APPROVED,  May.PLAN_APPROVE,  form_complete, plan_approved,
               four_eyes=("created_by", "submitted_by")),
    transition(A.PUBLISH,   S.APPROVED,  S.PUBLISHED, May.FUND_NOTICE,   publication_given),
    transition(A.EVALUATE,  S.PUBLISHED, S.EVALUATED, May.TARGET_MANAGE, evidence_complete),
    transition(A.SEND_BACK, S.EVALUATED, S.PUBLISHED, May.PLAN_APPROVE,  reason_given),
    transition(A.CONFIRM,   S.EVALUATED, S.CONFIRMED, May.PLAN_APPROVE,  evidence_complete, four_eyes=("evaluated_by",)),
))
# fmt: on
