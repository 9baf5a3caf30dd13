"""The life of a change request, on one screen."""

from dataclasses import dataclass
from datetime import date

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class ChangeState(Labelled):
    """变更申请状态."""

    SUBMITTED = "submitted", "待审定"
    APPROVED = "approved", "已审定, 公示中"
    APPLIED = "applied", "已生效"
    REJECTED = "rejected", "未通过"
    CANCELLED = "cancelled", "已撤回"


class ChangeAction(Labelled):
    """变更办理事项."""

    APPROVE = "approve", "审定变更"
    APPLY = "apply", "变更生效"
    REJECT = "reject", "不予变更"
    CANCEL = "cancel", "撤回变更"


@dataclass(frozen=True)
class ChangeFacts:
    """What the guards look at."""

    decision_no: str = ""
    decision_on: date | None = None
    on: date | None = None
    reason: str = ""
    notice: Fault | None = None
    findings: tuple[Fault, ...] = ()


def decided(facts: ChangeFacts) -> Fault | None:
    """原批准单位的审定文件文号与日期."""
    if not facts.decision_no.strip() or facts.decision_on is None:
        return Fault("no_decision", "缺少审定文件文号或日期", "The decision is missing", "/decision_no")
    if facts.on is not None and facts.decision_on > facts.on:
        return Fault("in_the_future", "审定日期晚于办理日期", "decided after this move", "/decision_on")
    return None


def noticed_again(facts: ChangeFacts) -> Fault | None:
    """变更公示期满且没有未处理异议."""
    return facts.notice


def screening_clean(facts: ChangeFacts) -> Fault | None:
    """变更后的内容重新筛查无禁止事项."""
    return facts.findings[0] if facts.findings else None


def reasoned(facts: ChangeFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = ChangeState, ChangeAction

# fmt: off
CHANGE: Lifecycle[ChangeState, ChangeAction, ChangeFacts] = Lifecycle("change", "变更申请", ChangeState, S.SUBMITTED, (
    #    action     from                        to           who                    needs
    move(A.APPROVE, S.SUBMITTED,                S.APPROVED,  May.PROJECT_APPROVE,   decided, screening_clean,
         eyes=("created_by",)),
    move(A.APPLY,   S.APPROVED,                 S.APPLIED,   May.PROJECT_APPROVE,   noticed_again, screening_clean,
         eyes=("created_by",)),
    move(A.REJECT,  (S.SUBMITTED, S.APPROVED),  S.REJECTED,  May.PROJECT_APPROVE,   reasoned),
    move(A.CANCEL,  (S.SUBMITTED, S.APPROVED),  S.CANCELLED, May.PROJECT_IMPLEMENT, reasoned),
))
# fmt: on
