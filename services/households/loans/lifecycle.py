"""Lifecycle of a small loan: lent, extended once, put to another use, paid back, or paid by the county's fund."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class LoanState(LabelledEnum):
    """贷款状态."""

    LENT = "lent", "在贷"
    EXTENDED = "extended", "已展期"
    MISUSED = "misused", "改变用途"
    SETTLED = "settled", "已结清"
    COMPENSATED = "compensated", "风险补偿金代偿"


class LoanAction(LabelledEnum):
    """贷款办理事项."""

    EXTEND = "extend", "展期"
    REPORT_MISUSE = "report_misuse", "登记改变用途"
    CORRECT_USE = "correct_use", "用途已纠正"
    SETTLE = "settle", "结清"
    COMPENSATE = "compensate", "风险补偿金代偿"


@dataclass(frozen=True)
class LoanFacts:
    """Facts that the guards check. `extensions` are those that the rule still allows."""

    on: date | None = None
    due_on: date | None = None
    new_due_on: date | None = None
    latest_due_on: date | None = None
    extensions: int = 0
    settled_on: date | None = None
    lent_on: date | None = None
    reason: str = ""


def may_extend(facts: LoanFacts) -> FieldError | None:
    """还可以展期, 新的到期日晚于原到期日, 不超过最长期限."""
    if not facts.extensions:
        return FieldError("no_extension", "已展期过, 不能再展期", "It was extended before", "/due_on")
    new, due = facts.new_due_on, facts.due_on
    if new and due and facts.latest_due_on and due < new <= facts.latest_due_on:
        return None
    return FieldError(
        "bad_due_on",
        "须填写新的到期日: 晚于原到期日, 展期不超过规定的最长期限",
        "Bad new due date",
        "/due_on",
    )


def reason_given(facts: LoanFacts) -> FieldError | None:
    """写明依据或情况."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明依据或情况", "A reason is needed", "/reason")


def settled_in_time(facts: LoanFacts) -> FieldError | None:
    """写明结清日期: 不早于放款, 不晚于今天."""
    settled, lent = facts.settled_on, facts.lent_on
    if settled and lent and facts.on and lent <= settled <= facts.on:
        return None
    return FieldError(
        "no_settled_on", "须填写结清日期: 不早于放款日, 不晚于今天", "No day of settlement", "/settled_on"
    )


def is_overdue(facts: LoanFacts) -> FieldError | None:
    """贷款已逾期."""
    if facts.due_on and facts.on and facts.due_on < facts.on:
        return None
    return FieldError("not_overdue", "没有逾期的贷款不能代偿", "The loan is not overdue", "/due_on")


S, A = LoanState, LoanAction
OPEN_STATES = (S.LENT, S.EXTENDED, S.MISUSED)
"""Money is still out."""
MAY = May.HELP_ENTER

# fmt: off
LOAN: Lifecycle[LoanState, LoanAction, LoanFacts] = Lifecycle("small loan", "小额信贷", LoanState, S.LENT, (
    #          action           from                     to             who  needs
    transition(A.EXTEND,        S.LENT,                  S.EXTENDED,    MAY, may_extend, reason_given),
    transition(A.REPORT_MISUSE, (S.LENT, S.EXTENDED),    S.MISUSED,     MAY, reason_given),
    transition(A.CORRECT_USE,   S.MISUSED,               S.LENT,        MAY, reason_given),
    transition(A.SETTLE,        OPEN_STATES,             S.SETTLED,     MAY, settled_in_time),
    transition(A.COMPENSATE,    OPEN_STATES,             S.COMPENSATED, MAY, is_overdue, reason_given),
))
# fmt: on
