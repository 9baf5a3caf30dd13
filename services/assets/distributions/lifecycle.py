"""The life of a distribution plan, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.money import yuan
from shared.permissions import May


class PlanState(Labelled):
    """收益分配方案状态."""

    DRAFT = "draft", "编制中"
    DECIDED = "decided", "已决议"
    APPROVED = "approved", "兑付中"
    CLOSED = "closed", "已办结"
    CANCELLED = "cancelled", "已取消"


class PlanAction(Labelled):
    """收益分配办理事项."""

    SUBMIT = "submit", "提交决议"
    RETURN = "return", "退回修改"
    APPROVE = "approve", "审核通过"
    CLOSE = "close", "办结"
    CANCEL = "cancel", "取消"


@dataclass(frozen=True)
class PlanFacts:
    """What the guards look at."""

    total: int = 0
    available: int = 0
    steps_missing: tuple[str, ...] = ()
    notice: Fault | None = None
    unpaid: int = 0
    result_public: bool = False
    listed_wrong: str = ""
    reason: str = ""


def has_lines(facts: PlanFacts) -> Fault | None:
    """方案有分配明细."""
    return None if facts.total else Fault("no_lines", "没有分配明细", "No lines", "/lines")


def decided(facts: PlanFacts) -> Fault | None:
    """四议两公开的前五步都已记录."""
    if not facts.steps_missing:
        return None
    return Fault(
        "steps_missing", "还没有记录: " + "、".join(facts.steps_missing), "Steps are missing", "/steps"
    )


def within_income(facts: PlanFacts) -> Fault | None:
    """分配总额不超过未分配收益."""
    if facts.total <= facts.available:
        return None
    detail = f"方案 {yuan(facts.total)} 元, 未分配收益只有 {yuan(facts.available)} 元"
    return Fault("above_income", detail, "More than there is to distribute", "/lines")


def notice_over(facts: PlanFacts) -> Fault | None:
    """收益分配公示期满, 没有未处理或成立的异议."""
    return facts.notice


def list_agrees(facts: PlanFacts) -> Fault | None:
    """发放名单各用途合计与方案一致."""
    if not facts.listed_wrong:
        return None
    return Fault("list_differs", facts.listed_wrong, "The payout list differs from the plan", "/payouts")


def paid_out(facts: PlanFacts) -> Fault | None:
    """发放名单全部兑付, 实施结果已公开."""
    if facts.unpaid:
        return Fault("unpaid", f"还有 {facts.unpaid} 笔没有兑付", "Payouts are open")
    return (
        None
        if facts.result_public
        else Fault("not_public", "实施结果还没有公开", "The result is not public yet")
    )


def reasoned(facts: PlanFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = PlanState, PlanAction

# fmt: off
PLAN: Lifecycle[PlanState, PlanAction, PlanFacts] = Lifecycle("distribution", "收益分配方案", PlanState, S.DRAFT, (
    #    action     from                  to           who                needs
    move(A.SUBMIT,  S.DRAFT,              S.DECIDED,   May.ASSET_OPERATE, has_lines, decided, within_income),
    move(A.RETURN,  S.DECIDED,            S.DRAFT,     May.ASSET_APPROVE, reasoned),
    move(A.APPROVE, S.DECIDED,            S.APPROVED,  May.ASSET_APPROVE, notice_over, within_income,
         eyes=("created_by", "submitted_by")),
    move(A.CLOSE,   S.APPROVED,           S.CLOSED,    May.ASSET_OPERATE, list_agrees, paid_out),
    move(A.CANCEL,  (S.DRAFT, S.DECIDED), S.CANCELLED, May.ASSET_OPERATE, reasoned),
))
# fmt: on
