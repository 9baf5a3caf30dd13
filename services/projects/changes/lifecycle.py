"""Lifecycle of a change request."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ChangeState(LabelledEnum):
    """变更申请状态."""

    SUBMITTED = "submitted", "待审定"
    APPROVED = "approved", "已审定, 公示中"
    APPLIED = "applied", "已生效"
    REJECTED = "rejected", "未通过"
    CANCELLED = "cancelled", "已撤回"


class ChangeAction(LabelledEnum):
    """变更办理事项."""

    APPROVE = "approve", "审定变更"
    APPLY = "apply", "变更生效"
    REJECT = "reject", "不予变更"
    CANCEL = "cancel", "撤回变更"


@dataclass(frozen=True)
class ChangeFacts:
    """Input of the guards: fields of the transition request, notice status and blocking findings."""

    decision_no: str = ""
    decision_on: date | None = None
    on: date | None = None
    reason: str = ""
    notice: FieldError | None = None
    findings: tuple[FieldError, ...] = ()


def decision_documented(facts: ChangeFacts) -> FieldError | None:
    """原批准单位的审定文件文号与日期."""
    if not facts.decision_no.strip() or facts.decision_on is None:
        return FieldError("no_decision", "缺少审定文件文号或日期", "The decision is missing", "/decision_no")
    if facts.on is not None and facts.decision_on > facts.on:
        return FieldError("in_the_future", "审定日期晚于办理日期", "decided after this move", "/decision_on")
    return None


def change_notice_over(facts: ChangeFacts) -> FieldError | None:
    """变更公示期满且没有未处理异议."""
    return facts.notice


def screening_passed(facts: ChangeFacts) -> FieldError | None:
    """变更后的内容重新筛查无禁止事项."""
    return facts.findings[0] if facts.findings else None


def reason_given(facts: ChangeFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


S, A = ChangeState, ChangeAction

# fmt: off
CHANGE_LIFECYCLE: Lifecycle[ChangeState, ChangeAction, ChangeFacts] = Lifecycle("change", "变更申请", ChangeState, S.SUBMITTED, (
    #          action     from                       to           permission             guards
    transition(A.APPROVE, S.SUBMITTED,               S.APPROVED,  May.PROJECT_APPROVE,   decision_documented,
               screening_passed, four_eyes=("created_by",)),
    transition(A.APPLY,   S.APPROVED,                S.APPLIED,   May.PROJECT_APPROVE,   change_notice_over,
               screening_passed, four_eyes=("created_by",)),
    transition(A.REJECT,  (S.SUBMITTED, S.APPROVED), S.REJECTED,  May.PROJECT_APPROVE,   reason_given),
    transition(A.CANCEL,  (S.SUBMITTED, S.APPROVED), S.CANCELLED, May.PROJECT_IMPLEMENT, reason_given),
))
# fmt: on
