"""Lifecycle of a payment: states, actions, guards. Money leaves 未支付 at submission."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum, format_yuan
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class PaymentState(LabelledEnum):
    """支付状态."""

    DRAFT = "draft", "编制中"
    SUBMITTED = "submitted", "待审核"
    REVIEWED = "reviewed", "待批准"
    APPROVED = "approved", "待支付"
    PAID = "paid", "已支付"
    REJECTED = "rejected", "未通过"
    REVERSED = "reversed", "已退回"


class PaymentAction(LabelledEnum):
    """支付办理事项."""

    SUBMIT = "submit", "提交"
    RETURN = "return", "退回修改"
    REVIEW = "review", "审核"
    APPROVE = "approve", "批准"
    PAY = "pay", "登记支付"
    REJECT = "reject", "不予支付"
    REVERSE = "reverse", "全额退回"


@dataclass(frozen=True)
class PaymentFacts:
    """Facts that the guards of a payment check; amounts in 分."""

    amount: int
    unpaid_balance: int
    documents: int
    reason: str = ""
    voucher_no: str = ""
    paid_on: date | None = None
    applied_on: date | None = None
    today: date | None = None
    stops: tuple[FieldError, ...] = ()
    rules: tuple[str, ...] = ()
    listed_total: int | None = None
    """Total of the beneficiary list (一卡通), in 分; None unless the payee kind is HOUSEHOLDS."""
    blocking_findings: str = ""
    """Blocking findings of the screening of the purpose that are not cleared yet, as text."""
    clearance: str = ""
    cleared: bool = False
    """Whether the reviewer cleared a purpose that the screening blocks."""
    confirms_clearance: bool = False
    refunded: int = 0
    voucher_error: FieldError | None = None
    """What is wrong with the voucher number: it was used before."""


def has_documents(facts: PaymentFacts) -> FieldError | None:
    """附有支付凭据材料."""
    return (
        None if facts.documents else FieldError("no_documents", "没有附件材料", "No documents", "/file_ids")
    )


def household_list_matches(facts: PaymentFacts) -> FieldError | None:
    """到户补贴附有一卡通名单, 合计等于申请金额."""
    if facts.listed_total is None or facts.listed_total == facts.amount:
        return None
    detail = f"一卡通名单合计 {format_yuan(facts.listed_total)} 元, 申请 {format_yuan(facts.amount)} 元"
    return FieldError("households_differ", detail, "The list does not add up to the payment", "/amount")


def within_allocation(facts: PaymentFacts) -> FieldError | None:
    """不超过该笔资金安排的未支付余额."""
    if facts.amount <= facts.unpaid_balance:
        return None
    excess = format_yuan(facts.amount - facts.unpaid_balance)
    detail = f"申请 {format_yuan(facts.amount)} 元, 该笔安排只剩 {format_yuan(facts.unpaid_balance)} 元, 超出 {excess} 元"
    english = f"{format_yuan(facts.amount)} is asked, {format_yuan(facts.unpaid_balance)} is left"
    return FieldError("over_allocation", detail, english, "/amount")


def controls_passed(facts: PaymentFacts) -> FieldError | None:
    """支付控制规则没有禁止(检查结果中的 stop)."""
    if not facts.stops:
        return None
    detail = "; ".join(stop.detail for stop in facts.stops)
    return FieldError(
        facts.stops[0].code, detail, "; ".join(stop.detail_en or stop.detail for stop in facts.stops)
    )


def purpose_cleared(facts: PaymentFacts) -> FieldError | None:
    """用途筛查没有发现禁止内容, 或由审核人写明放行理由."""
    if not facts.blocking_findings or facts.clearance.strip():
        return None
    detail = (
        f"用途筛查发现禁止内容: {facts.blocking_findings}; 确可支付的, 由审核人在 clearance 中写明放行理由"
    )
    return FieldError("purpose_blocked", detail, "Blocked by screening: a clearance is needed", "/clearance")


def clearance_confirmed(facts: PaymentFacts) -> FieldError | None:
    """审核人放行了用途筛查发现的, 批准人逐件确认放行."""
    if not facts.cleared or facts.confirms_clearance:
        return None
    detail = "审核人放行了用途筛查发现的禁止内容, 批准时须确认放行(confirms_clearance)"
    return FieldError(
        "clearance_unconfirmed", detail, "The approver confirms the clearance", "/confirms_clearance"
    )


def reason_given(facts: PaymentFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


def voucher_given(facts: PaymentFacts) -> FieldError | None:
    """支付凭证号与支付日期."""
    if not facts.voucher_no or facts.paid_on is None:
        return FieldError(
            "no_voucher", "缺少支付凭证号或支付日期", "Voucher no. and date are needed", "/voucher_no"
        )
    if facts.today is not None and facts.paid_on > facts.today:
        return FieldError("in_the_future", "支付日期不能晚于今天", "paid_on lies in the future", "/paid_on")
    if facts.applied_on is not None and facts.paid_on < facts.applied_on:
        detail = f"支付日期早于申请日期 {facts.applied_on}"
        return FieldError("before_application", detail, "paid before it was applied for", "/paid_on")
    return None


def voucher_unused(facts: PaymentFacts) -> FieldError | None:
    """支付凭证号没有用于其他收款人、其他日期或同一笔安排的另一支付."""
    return facts.voucher_error


def money_is_out(facts: PaymentFacts) -> FieldError | None:
    """还有没有退回的金额."""
    if facts.refunded < facts.amount:
        return None
    return FieldError("nothing_left", "这笔支付已全部退回, 没有可退的款项", "All of it was returned already")


S, A = PaymentState, PaymentAction

# fmt: off
PAYMENT_LIFECYCLE: Lifecycle[PaymentState, PaymentAction, PaymentFacts] = Lifecycle("payment", "支付", PaymentState, S.DRAFT, (
    #          action     from                      to           who                  needs
    transition(A.SUBMIT,  S.DRAFT,                  S.SUBMITTED, May.PAYMENT_SUBMIT,  has_documents, household_list_matches,
               within_allocation, controls_passed),
    transition(A.RETURN,  S.SUBMITTED,              S.DRAFT,     May.PAYMENT_REVIEW,  reason_given),
    transition(A.RETURN,  S.REVIEWED,               S.DRAFT,     May.PAYMENT_APPROVE, reason_given),
    transition(A.REVIEW,  S.SUBMITTED,              S.REVIEWED,  May.PAYMENT_REVIEW,  controls_passed, purpose_cleared,
               four_eyes=("created_by", "submitted_by")),
    transition(A.APPROVE, S.REVIEWED,               S.APPROVED,  May.PAYMENT_APPROVE, controls_passed, clearance_confirmed,
               four_eyes=("created_by", "submitted_by", "reviewed_by", "cleared_by")),
    transition(A.PAY,     S.APPROVED,               S.PAID,      May.PAYMENT_SETTLE,  voucher_given, voucher_unused,
               four_eyes=("created_by", "submitted_by", "approved_by")),
    transition(A.REJECT,  (S.DRAFT, S.SUBMITTED),   S.REJECTED,  May.PAYMENT_REVIEW,  reason_given),
    transition(A.REJECT,  (S.REVIEWED, S.APPROVED), S.REJECTED,  May.PAYMENT_APPROVE, reason_given),
    transition(A.REVERSE, S.PAID,                   S.REVERSED,  May.PAYMENT_SETTLE,  reason_given, money_is_out,
               four_eyes=("created_by", "submitted_by", "approved_by")),
))
# fmt: on
