"""Payment controls: findings of the dated rules, as pure functions of the facts of one payment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from services.funds import policy
from services.funds.findings import Effect, EffectRule, RuleFinding, build_finding
from services.funds.percentages import format_percent, parse_hundredths
from services.funds.policy import (
    ContractThreshold,
    MonitoredPayees,
    PaymentAdvance,
    PaymentProgress,
    PaymentPurpose,
    ProjectStates,
    Retention,
)
from shared.china import format_yuan, get_day, parse_yuan
from shared.clients.projects import TextScreening
from shared.rules import Rule, RuleKey

MAX_POSITIONS_SHOWN = 20
EffectRuleT = TypeVar("EffectRuleT", bound=EffectRule)


@dataclass(frozen=True)
class PaymentContractFacts:
    """The contract of a payment; `used` and `advances` are the amounts of its other payments, in 分."""

    party: str
    party_code: str
    amount: int
    retention_percent: str
    used: int
    advances: int
    accepted: bool = False
    retained: bool = False
    """The retention has a due day and is not released."""


@dataclass(frozen=True)
class MonitoringAnswer:
    """What the monitoring says of a list of payees: how many it was asked about, positions of those in no monitored household."""

    asked: int = 0
    others: tuple[int, ...] = ()
    unavailable: bool = False


@dataclass(frozen=True)
class PaymentCase:
    """Inputs of the payment controls. `allocated` and `paid` are the project's before this payment, in 分."""

    on: date
    amount: int
    payee_name: str
    payee_code: str
    purpose: str
    advance: bool
    households: bool
    allocated: int
    paid: int
    project_state: str | None
    project_label: str = ""
    blocked: bool = False
    physical_percent: int | None = None
    library_unavailable: bool = False
    contract: PaymentContractFacts | None = None
    screening: TextScreening | None = None
    clearance: str = ""
    same_day: int = 0
    same_day_equal: int = 0
    paid_on: date | None = None
    year: int = 0
    monitoring: MonitoringAnswer | None = None


def evaluate_controls(case: PaymentCase, rules: Mapping[str, Rule[Any]]) -> list[RuleFinding]:
    """Findings of every control in force that applies: failed ones first, then by effect (stop, warn, report)."""
    results = (one.check(case, rules[one.rule.key]) for one in CONTROLS if one.rule.key in rules)
    rank = {Effect.STOP: 0, Effect.WARN: 1, Effect.REPORT: 2}
    findings = [finding for finding in results if finding is not None]
    return sorted(findings, key=lambda finding: (finding.passed, rank[finding.effect]))


def _check_project(case: PaymentCase, rule: Rule[ProjectStates]) -> RuleFinding:
    if case.library_unavailable:
        return build_finding(rule, passed=False, message="项目库暂时联系不上, 无法核对项目")
    if case.project_state is None:
        return build_finding(rule, passed=False, message="项目库中没有这个项目")
    if case.blocked:
        return build_finding(rule, passed=False, message="项目筛查未通过, 不能支付")
    passed = case.project_state in rule.value.states
    message = (
        "项目状态可以支付" if passed else f"项目处于“{case.project_label or case.project_state}”, 不能支付"
    )
    return build_finding(rule, passed=passed, message=message)


def _check_progress(case: PaymentCase, rule: Rule[PaymentProgress]) -> RuleFinding:
    margin, progress = rule.value.margin, case.physical_percent or 0
    ceiling = min(100, progress + margin)
    if case.advance:
        ceiling = max(ceiling, rule.value.advance)
    paid_after = case.paid + case.amount
    passed = paid_after * 100 <= case.allocated * ceiling
    share = format_percent(paid_after, case.allocated)
    figures = {"支付后占比%": share, "形象进度%": str(progress), "允许%": str(ceiling)}
    message = f"支付后占 {share}%, 形象进度 {progress}%, {'不超过' if passed else '超过'}允许的 {ceiling}%"
    return build_finding(rule, passed=passed, message=message, figures=figures)


def _check_payee(case: PaymentCase, rule: Rule[EffectRule]) -> RuleFinding | None:
    contract = case.contract
    if contract is None:
        return None
    matches = case.payee_name == contract.party and (
        not contract.party_code or case.payee_code == contract.party_code
    )
    if matches:
        return build_finding(rule, passed=True, message="收款人与合同乙方一致")
    if case.payee_name != contract.party:
        return build_finding(rule, passed=False, message=f"收款人不是合同乙方 {contract.party}")
    code = case.payee_code or "没有填写"
    message = f"收款人的统一社会信用代码{code}, 合同乙方为 {contract.party_code}"
    return build_finding(rule, passed=False, message=message)


def _check_contract_ceiling(case: PaymentCase, rule: Rule[EffectRule]) -> RuleFinding | None:
    contract = case.contract
    if contract is None:
        return None
    remaining = contract.amount - contract.used
    figures = {
        "合同金额": format_yuan(contract.amount),
        "已申请或支付": format_yuan(contract.used),
        "剩余": format_yuan(remaining),
    }
    within = case.amount <= remaining
    message = "合同金额之内"
    if not within:
        excess, total, used = (
            format_yuan(part) for part in (case.amount - remaining, contract.amount, contract.used)
        )
        message = f"超过合同金额 {excess} 元: 合同 {total} 元, 已申请或支付 {used} 元"
    return build_finding(rule, passed=within, message=message, figures=figures)


def _check_contract_required(case: PaymentCase, rule: Rule[ContractThreshold]) -> RuleFinding | None:
    if case.contract is not None:
        return None
    needed = case.amount >= parse_yuan(rule.value.minimum) and not case.households
    message = f"支付 {format_yuan(case.amount)} 元, 没有登记合同" if needed else "不需要合同"
    return build_finding(rule, passed=not needed, message=message)


def _check_retention(case: PaymentCase, rule: Rule[Retention]) -> RuleFinding | None:
    contract = case.contract
    if contract is None or contract.retention_percent in {"", "0"}:
        return None
    if contract.accepted and not contract.retained:
        return None
    retained = contract.amount * parse_hundredths(contract.retention_percent) // 10000
    payable = contract.amount - retained
    passed = contract.used + case.amount <= payable
    figures = {"质保金%": contract.retention_percent, "质保金返还前可付": format_yuan(payable)}
    message = "已预留质保金" if passed else f"质保金返还前最多支付 {format_yuan(payable)} 元"
    return build_finding(rule, passed=passed, message=message, figures=figures)


def _check_advance(case: PaymentCase, rule: Rule[PaymentAdvance]) -> RuleFinding | None:
    contract = case.contract
    if contract is None or not case.advance:
        return None
    ceiling = rule.value.percent
    total = contract.advances + case.amount
    passed = total * 100 <= contract.amount * ceiling
    share = format_percent(total, contract.amount)
    return build_finding(
        rule, passed=passed, message=f"预付款占合同 {share}%, 上限 {ceiling}%", figures={"预付款%": share}
    )


def _check_purpose(case: PaymentCase, rule: Rule[PaymentPurpose]) -> RuleFinding:
    checked_text = case.purpose
    for word in rule.value.but:
        checked_text = checked_text.replace(word, " ")
    hits = [word for word in rule.value.words if word in checked_text]
    message = "用途没有禁止内容" if not hits else "用途含有禁止内容: " + "、".join(hits)
    return build_finding(
        rule, passed=not hits, message=message, figures={"命中": "、".join(hits)} if hits else {}
    )


def _check_screening(case: PaymentCase, rule: Rule[EffectRule]) -> RuleFinding | None:
    """Finding of the screening of the purpose: BLOCK needs the reviewer's clearance, REVIEW is reported only."""
    screening = case.screening
    if screening is None:
        if case.library_unavailable:
            return build_finding(rule, passed=False, message="项目库暂时联系不上, 没有筛查用途")
        return None
    figures = {finding.explanation: finding.advice for finding in screening.findings}
    explanations = "; ".join(figures)
    if screening.verdict == "clear":
        return build_finding(rule, passed=True, message="用途筛查未发现问题")
    if screening.verdict != "block":
        finding = build_finding(
            rule, passed=False, message=f"用途须人工确认: {explanations}", figures=figures
        )
        return finding.model_copy(update={"effect": Effect.REPORT})
    if case.clearance:
        message = f"用途筛查发现禁止内容, 审核人已放行: {case.clearance}"
        return build_finding(rule, passed=True, message=message, figures=figures)
    message = f"用途筛查发现禁止内容, 审核人写明理由才能放行: {explanations}"
    return build_finding(rule, passed=False, message=message, figures=figures)


def _check_same_day(case: PaymentCase, rule: Rule[EffectRule]) -> RuleFinding:
    if case.same_day_equal:
        message = "同一收款人当日有同额支付, 请核对是否重复"
    elif case.same_day:
        message = f"同一收款人当日另有 {case.same_day} 笔支付, 请核对是否拆分"
    else:
        message = "当日没有同一收款人的其他支付"
    return build_finding(
        rule, passed=not case.same_day, message=message, figures={"当日笔数": str(case.same_day)}
    )


def describe_pay_day(on: date, year: int) -> str:
    """What is unusual about the day of a payment out of the money of a fiscal year; empty if nothing is."""
    if on.year < year:
        return f"支付日期 {on} 早于资金年度 {year}"
    day = get_day(on)
    if day.is_worked:
        return ""
    return f"支付日期 {on} 是{day.name or day.kind.label}, 国库和银行不办理支付, 请核对日期"


def _check_pay_day(case: PaymentCase, rule: Rule[EffectRule]) -> RuleFinding | None:
    if case.paid_on is None:
        return None
    message = describe_pay_day(case.paid_on, case.year)
    return build_finding(rule, passed=not message, message=message or "支付日期是工作日")


def is_for_monitored(purpose: str, rule: Rule[MonitoredPayees]) -> bool:
    """Whether the rule says that a payment of this purpose goes to monitored households only."""
    return any(word in purpose for word in rule.value.words)


def _check_monitored(case: PaymentCase, rule: Rule[MonitoredPayees]) -> RuleFinding | None:
    """Finding of payees in no monitored household; it tells positions of the list, no class and no cause."""
    answer = case.monitoring
    if answer is None:
        return None
    if answer.unavailable:
        return build_finding(rule, passed=False, message="防返贫监测暂时联系不上, 没有核对收款人, 请稍后再办")
    if not answer.others:
        return build_finding(rule, passed=True, message=f"名单中 {answer.asked} 人都是监测户成员")
    shown = "、".join(str(position) for position in answer.others[:MAX_POSITIONS_SHOWN])
    more = " 等" if len(answer.others) > MAX_POSITIONS_SHOWN else ""
    return build_finding(
        rule,
        passed=False,
        message=f"名单中第 {shown} 户{more}不是监测户成员, 请核对",
        figures={"名单人数": str(answer.asked), "不是监测户": str(len(answer.others))},
    )


@dataclass(frozen=True)
class PaymentControl(Generic[EffectRuleT]):
    """A rule and the function that checks it; the function returns None if it does not apply to the payment."""

    rule: RuleKey[EffectRuleT]
    check: Callable[[PaymentCase, Rule[EffectRuleT]], RuleFinding | None]


# fmt: off
CONTROLS: tuple[PaymentControl[Any], ...] = (
    PaymentControl(policy.PAYMENT_PROJECT,         _check_project),
    PaymentControl(policy.PAYMENT_PROGRESS,        _check_progress),
    PaymentControl(policy.PAYMENT_PAYEE,           _check_payee),
    PaymentControl(policy.PAYMENT_CONTRACT,        _check_contract_ceiling),
    PaymentControl(policy.PAYMENT_CONTRACT_NEEDED, _check_contract_required),
    PaymentControl(policy.PAYMENT_RETENTION,       _check_retention),
    PaymentControl(policy.PAYMENT_ADVANCE,         _check_advance),
    PaymentControl(policy.PAYMENT_PURPOSE,         _check_purpose),
    PaymentControl(policy.PAYMENT_SCREENING,       _check_screening),
    PaymentControl(policy.PAYMENT_SAME_DAY,        _check_same_day),
    PaymentControl(policy.PAYMENT_PAY_DAY,         _check_pay_day),
    PaymentControl(policy.PAYMENT_MONITORED,       _check_monitored),
)
# fmt: on
