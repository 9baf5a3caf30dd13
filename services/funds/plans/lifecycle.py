"""Lifecycle of a distribution plan: states, actions, guards."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class PlanState(LabelledEnum):
    """方案状态."""

    DRAFT = "draft", "编制中"
    SUBMITTED = "submitted", "待审定"
    RETURNED = "returned", "已退回"
    APPROVED = "approved", "已审定"
    NOTICED = "noticed", "公示中"
    ISSUED = "issued", "已下达"
    CANCELLED = "cancelled", "已撤销"


class PlanAction(LabelledEnum):
    """方案办理事项."""

    SUBMIT = "submit", "报审"
    RETURN = "return", "退回"
    APPROVE = "approve", "审定"
    NOTICE = "notice", "公示"
    ISSUE = "issue", "下达"
    CANCEL = "cancel", "撤销"


@dataclass(frozen=True)
class PlanFacts:
    """Facts that the guards of a plan check."""

    lines: int = 0
    stops: tuple[FieldError, ...] = ()
    decision_no: str = ""
    decision_on: date | None = None
    reason: str = ""
    notice_posted: bool = False
    notice_matches: bool = True
    notice: FieldError | None = None


def has_lines(facts: PlanFacts) -> FieldError | None:
    """方案至少有一条明细."""
    return None if facts.lines else FieldError("no_lines", "方案没有明细", "The plan has no lines", "/lines")


def no_stops(facts: PlanFacts) -> FieldError | None:
    """没有一条规则禁止(检查结果中的 stop)."""
    if not facts.stops:
        return None
    detail = "; ".join(stop.detail for stop in facts.stops)
    return FieldError(
        facts.stops[0].code,
        detail,
        "; ".join(stop.detail_en or stop.detail for stop in facts.stops),
        "/lines",
    )


def decision_given(facts: PlanFacts) -> FieldError | None:
    """审定文件的文号与日期."""
    if facts.decision_no and facts.decision_on:
        return None
    return FieldError(
        "no_decision", "缺少审定文件的文号或日期", "Decision document no. and date are needed", "/decision_no"
    )


def reason_given(facts: PlanFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


def has_current_notice(facts: PlanFacts) -> FieldError | None:
    """分配公示已发布, 且内容与方案一致."""
    if not facts.notice_posted:
        return FieldError("no_notice", "资金分配公示尚未发布", "The allocation notice has not been posted")
    if not facts.notice_matches:
        return FieldError(
            "notice_differs", "公示内容与方案不一致, 须撤回重发", "The notice differs from the plan"
        )
    return None


def notice_period_over(facts: PlanFacts) -> FieldError | None:
    """公示期满且没有未处理的异议."""
    return facts.notice


S, A = PlanState, PlanAction

# fmt: off
PLAN_LIFECYCLE: Lifecycle[PlanState, PlanAction, PlanFacts] = Lifecycle("plan", "分配方案", PlanState, S.DRAFT, (
    #          action     from                     to           who               needs
    transition(A.SUBMIT,  (S.DRAFT, S.RETURNED),   S.SUBMITTED, May.PLAN_DRAFT,   has_lines, no_stops),
    transition(A.RETURN,  S.SUBMITTED,             S.RETURNED,  May.PLAN_APPROVE, reason_given),
    transition(A.APPROVE, S.SUBMITTED,             S.APPROVED,  May.PLAN_APPROVE, has_lines, no_stops, decision_given,
               four_eyes=("created_by", "submitted_by")),
    transition(A.NOTICE,  S.APPROVED,              S.NOTICED,   May.FUND_NOTICE,  has_current_notice),
    transition(A.ISSUE,   S.NOTICED,               S.ISSUED,    May.PLAN_ISSUE,   has_current_notice, notice_period_over,
               four_eyes=("created_by", "submitted_by")),
    transition(A.CANCEL,  (S.DRAFT, S.RETURNED),   S.CANCELLED, May.PLAN_DRAFT,   reason_given),
    transition(A.CANCEL,  (S.APPROVED, S.NOTICED), S.CANCELLED, May.PLAN_APPROVE, reason_given),
))
# fmt: on
