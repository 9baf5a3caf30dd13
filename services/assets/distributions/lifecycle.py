"""Lifecycle of distribution plans."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum, format_yuan
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class DistributionState(LabelledEnum):
    """收益分配方案状态."""

    DRAFT = "draft", "编制中"
    DECIDED = "decided", "已决议"
    APPROVED = "approved", "兑付中"
    CLOSED = "closed", "已办结"
    CANCELLED = "cancelled", "已取消"


class DistributionAction(LabelledEnum):
    """收益分配办理事项."""

    SUBMIT = "submit", "提交决议"
    RETURN = "return", "退回修改"
    APPROVE = "approve", "审核通过"
    CLOSE = "close", "办结"
    CANCEL = "cancel", "取消"


@dataclass(frozen=True)
class DistributionFacts:
    """Facts that the guards check."""

    total: int = 0
    available: int = 0
    """Income of the owner, in 分, that no other decided plan distributes."""
    owner: str = ""
    missing_steps: tuple[str, ...] = ()
    notice_error: FieldError | None = None
    unpaid_count: int = 0
    is_result_public: bool = False
    list_mismatch: str = ""
    reason: str = ""


def has_lines(facts: DistributionFacts) -> FieldError | None:
    """方案有分配明细."""
    return None if facts.total else FieldError("no_lines", "没有分配明细", "No lines", "/lines")


def decision_steps_recorded(facts: DistributionFacts) -> FieldError | None:
    """四议两公开的前五步都已记录."""
    if not facts.missing_steps:
        return None
    return FieldError(
        "steps_missing", "还没有记录: " + "、".join(facts.missing_steps), "Steps are missing", "/steps"
    )


def within_income(facts: DistributionFacts) -> FieldError | None:
    """分配总额不超过该所有权人的未分配收益, 其他已决议的方案已扣除."""
    if facts.total <= facts.available:
        return None
    detail = (
        f"方案 {format_yuan(facts.total)} 元, {facts.owner}的未分配收益只有 {format_yuan(facts.available)} 元"
        "(已扣除其他已决议的方案)"
    )
    return FieldError("above_income", detail, "More than there is to distribute", "/lines")


def notice_period_over(facts: DistributionFacts) -> FieldError | None:
    """收益分配公示期满, 没有未处理或成立的异议."""
    return facts.notice_error


def payout_list_matches_plan(facts: DistributionFacts) -> FieldError | None:
    """发放名单各用途合计与方案一致."""
    if not facts.list_mismatch:
        return None
    return FieldError(
        "list_differs", facts.list_mismatch, "The payout list differs from the plan", "/payouts"
    )


def fully_paid_and_published(facts: DistributionFacts) -> FieldError | None:
    """发放名单全部兑付, 实施结果已公开."""
    if facts.unpaid_count:
        return FieldError("unpaid", f"还有 {facts.unpaid_count} 笔没有兑付", "Payouts are open")
    return (
        None
        if facts.is_result_public
        else FieldError("not_public", "实施结果还没有公开", "The result is not public yet")
    )


S, A = DistributionState, DistributionAction

# fmt: off
DISTRIBUTION: Lifecycle[DistributionState, DistributionAction, DistributionFacts] = Lifecycle(
    "distribution", "收益分配方案", DistributionState, S.DRAFT, (
    #          action     from                  to           who                needs
    transition(A.SUBMIT,  S.DRAFT,              S.DECIDED,   May.ASSET_OPERATE, has_lines, decision_steps_recorded, within_income),
    transition(A.RETURN,  S.DECIDED,            S.DRAFT,     May.ASSET_APPROVE, reason_given),
    transition(A.APPROVE, S.DECIDED,            S.APPROVED,  May.ASSET_APPROVE, notice_period_over, within_income,
        four_eyes=("created_by", "submitted_by")),
    transition(A.CLOSE,   S.APPROVED,           S.CLOSED,    May.ASSET_OPERATE, payout_list_matches_plan, fully_paid_and_published),
    transition(A.CANCEL,  (S.DRAFT, S.DECIDED), S.CANCELLED, May.ASSET_OPERATE, reason_given),
))
# fmt: on
