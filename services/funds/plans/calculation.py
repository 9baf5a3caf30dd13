"""Findings of the dated rules on a plan, as pure functions of its lines and the totals of the year."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from services.funds import policy
from services.funds.findings import Effect, EffectRule, RuleFinding, build_finding
from services.funds.percentages import exceeds_percent, format_percent
from services.funds.policy import (
    BreakDownDays,
    IndustryShare,
    KeyVillages,
    ManagementFee,
    ProjectStates,
    RegionBalance,
    TaskCategories,
)
from services.funds.sources.schemas import FundLevel
from shared.auth import is_region_within
from shared.china import format_wan, format_yuan
from shared.rules import Rule, RuleKey

EffectRuleT = TypeVar("EffectRuleT", bound=EffectRule)


@dataclass(frozen=True)
class LineFacts:
    """A plan line with the facts of its project and source; `amount` in 分."""

    id: UUID
    name: str
    amount: int
    source_id: UUID
    project_id: UUID
    level: str
    task: str
    category: str
    industry: bool
    management_fee: bool
    project_state: str | None
    blocked: bool = False
    state_label: str = ""
    readiness: tuple[str, ...] = ()
    region: str = ""
    industry_basis: str = ""
    allocation_id: UUID | None = None


@dataclass(frozen=True)
class SourceFacts:
    """A source with its balance in 分; `available` does not count what this plan itself reserves."""

    id: UUID
    document_no: str
    level: str
    amount: int
    available: int
    received_on: date


@dataclass(frozen=True)
class YearTotals:
    """Money of one level distributed in a year, in 分: total, to industry, to management fees."""

    total: int = 0
    industry: int = 0
    fee: int = 0


@dataclass(frozen=True)
class RuleInputs:
    """Inputs of the plan rules."""

    on: date
    lines: Sequence[LineFacts]
    sources: Mapping[UUID, SourceFacts]
    announced_total: int | None = None
    year: Mapping[str, YearTotals] = field(default_factory=dict)
    """Level → totals of the year's other decided plans."""
    recallable: Mapping[UUID, int] = field(default_factory=dict)
    """Allocation → its amount neither paid nor applied for, in 分."""
    funded_before: Mapping[UUID, int] = field(default_factory=dict)
    library_unavailable: bool = False


TOWN_DIGITS = 9
MAX_NAMED_LINES = 20


def check_management_fee(inputs: RuleInputs, rule: Rule[ManagementFee]) -> list[RuleFinding]:
    """Management fee per level, of this plan alone and of the year with it; both must be within the limit (%)."""
    findings = []
    for level, limit in rule.value.percent.items():
        lines = [line for line in inputs.lines if line.level == level]
        fee = sum(line.amount for line in lines if line.management_fee)
        total = sum(line.amount for line in lines)
        if not fee:
            continue
        earlier = inputs.year.get(level, YearTotals())
        year_fee_and_total = (earlier.fee + fee, earlier.total + total)
        exceeds_limit = exceeds_percent(fee, total, limit)
        year_exceeds_limit = exceeds_percent(*year_fee_and_total, limit)
        figures = {
            "项目管理费(万元)": format_wan(fee),
            "本级资金(万元)": format_wan(total),
            "占比%": format_percent(fee, total),
            "全年项目管理费(万元)": format_wan(year_fee_and_total[0]),
            "全年本级资金(万元)": format_wan(year_fee_and_total[1]),
            "全年占比%": format_percent(*year_fee_and_total),
            "上限%": limit,
        }
        message = (
            f"项目管理费占 {format_percent(fee, total)}%, {'超过' if exceeds_limit else '不超过'}上限 {limit}%"
            f"; 全年占 {format_percent(*year_fee_and_total)}%, {'超过' if year_exceeds_limit else '不超过'}上限"
        )
        ids = [line.id for line in lines if line.management_fee]
        passed = not (exceeds_limit or year_exceeds_limit)
        findings.append(build_finding(rule, passed=passed, message=message, figures=figures, lines=ids))
    return findings or [build_finding(rule, passed=True, message="方案没有项目管理费")]


def check_industry_share(inputs: RuleInputs, rule: Rule[IndustryShare]) -> list[RuleFinding]:
    """Share of central and provincial money spent on industry, of the year's decided plans and this one."""
    levels = set(rule.value.levels)
    lines = [line for line in inputs.lines if line.level in levels]
    earlier = [totals for level, totals in inputs.year.items() if level in levels]
    total = sum(totals.total for totals in earlier) + sum(line.amount for line in lines)
    industry = sum(totals.industry for totals in earlier) + sum(
        line.amount for line in lines if line.industry
    )
    floor = rule.value.percent
    figures = {
        "产业(万元)": format_wan(industry),
        "中央和省级(万元)": format_wan(total),
        "占比%": format_percent(industry, total),
    }
    figures |= _format_level_shares(inputs, lines, rule.value.levels) | _list_industry_reasons(lines)
    if floor is None:
        return [
            build_finding(
                rule,
                passed=True,
                message=f"产业占 {format_percent(industry, total)}%, 本年只报告",
                figures=figures,
            )
        ]
    reached = not exceeds_percent(total - industry, total, str(100 - floor))
    figures["下限%"] = str(floor)
    message = f"全年中央和省级资金用于产业占 {format_percent(industry, total)}%, {'达到' if reached else '未达到'} {floor}%"
    ids = [line.id for line in lines if line.industry]
    return [build_finding(rule, passed=reached, message=message, figures=figures, lines=ids)]


def _format_level_shares(
    inputs: RuleInputs, lines: Sequence[LineFacts], levels: Sequence[FundLevel]
) -> dict[str, str]:
    """Industry share of each level, of this plan and the year's other plans together."""
    shares = {}
    for level in levels:
        earlier = inputs.year.get(level, YearTotals())
        own_lines = [line for line in lines if line.level == level]
        total = earlier.total + sum(line.amount for line in own_lines)
        to_industry = earlier.industry + sum(line.amount for line in own_lines if line.industry)
        if total:
            shares[f"{level.label}占比%"] = format_percent(to_industry, total)
    return shares


def _list_industry_reasons(lines: Sequence[LineFacts]) -> dict[str, str]:
    """Why each project of this plan counts as industry."""
    industry_lines = [line for line in lines if line.industry and line.amount > 0]
    return {
        f"计入 {line.name}": line.industry_basis or "项目库类型" for line in industry_lines[:MAX_NAMED_LINES]
    }


def check_key_villages(inputs: RuleInputs, rule: Rule[KeyVillages]) -> list[RuleFinding]:
    """Share of the money that goes to key villages (重点帮扶村); reported only."""
    villages = rule.value.villages
    if not villages:
        return [build_finding(rule, passed=True, message="尚未维护重点帮扶村名单, 不统计")]
    payouts = [line for line in inputs.lines if line.amount > 0]
    village_lines = [
        line
        for line in payouts
        if any(is_region_within(line.region, village) for village in villages if line.region)
    ]
    village_amount, total = sum(line.amount for line in village_lines), sum(line.amount for line in payouts)
    floor = str(rule.value.percent or 0)
    reached = (
        not exceeds_percent(int(floor) * total, 100 * village_amount, "100")
        if village_amount
        else floor == "0"
    )
    figures = {
        "重点帮扶村(万元)": format_wan(village_amount),
        "占比%": format_percent(village_amount, total),
        "下限%": floor,
    }
    message = (
        f"安排到重点帮扶村 {format_wan(village_amount)} 万元, 占 {format_percent(village_amount, total)}%"
    )
    return [
        build_finding(
            rule, passed=reached, message=message, figures=figures, lines=[line.id for line in village_lines]
        )
    ]


def check_region_balance(inputs: RuleInputs, rule: Rule[RegionBalance]) -> list[RuleFinding]:
    """Money per town; warns if one town has more than the share of the rule."""
    amount_by_town: dict[str, int] = {}
    for line in inputs.lines:
        if line.amount > 0 and line.region[TOWN_DIGITS - 3 : TOWN_DIGITS].strip("0"):
            town = line.region[:TOWN_DIGITS].ljust(12, "0")
            amount_by_town[town] = amount_by_town.get(town, 0) + line.amount
    total, limit = sum(amount_by_town.values()), rule.value.percent
    ranked = sorted(amount_by_town.items(), key=lambda item: -item[1])
    figures = {
        town: f"{format_wan(amount)} 万元, {format_percent(amount, total)}%"
        for town, amount in ranked[:MAX_NAMED_LINES]
    }
    unbalanced = len(amount_by_town) > 1 and exceeds_percent(ranked[0][1], total, limit)
    message = f"安排到 {len(amount_by_town)} 个乡镇" + (f", 其中一个超过 {limit}%" if unbalanced else "")
    ids: list[UUID] = (
        [line.id for line in inputs.lines if unbalanced and is_region_within(line.region, ranked[0][0])]
        if unbalanced
        else []
    )
    return [build_finding(rule, passed=not unbalanced, message=message, figures=figures, lines=ids)]


def evaluate_rules(inputs: RuleInputs, rules: Mapping[str, Rule[Any]]) -> list[RuleFinding]:
    """Findings of every rule in force: failed ones first, then by effect (stop, warn, report)."""
    findings = [
        finding
        for one in CHECKS
        if one.rule.key in rules
        for finding in one.check(inputs, rules[one.rule.key])
    ]
    rank = {Effect.STOP: 0, Effect.WARN: 1, Effect.REPORT: 2}
    return sorted(findings, key=lambda finding: (finding.passed, rank[finding.effect]))


def _check_sources(inputs: RuleInputs, rule: Rule[EffectRule]) -> list[RuleFinding]:
    required: dict[UUID, int] = {}
    for line in inputs.lines:
        required[line.source_id] = required.get(line.source_id, 0) + line.amount
    figures, shortfalls = {}, []
    for source_id, amount in required.items():
        source = inputs.sources[source_id]
        figures[source.document_no] = (
            f"安排 {format_yuan(amount)} 元, 可分配 {format_yuan(source.available)} 元"
        )
        if amount > source.available:
            shortfalls.append(f"{source.document_no} 超出 {format_yuan(amount - source.available)} 元")
    shortfalls += _check_recalls(inputs, figures)
    message = "安排金额均在各来源可分配余额之内" if not shortfalls else "; ".join(shortfalls)
    return [build_finding(rule, passed=not shortfalls, message=message, figures=figures)]


def _check_recalls(inputs: RuleInputs, figures: dict[str, str]) -> list[str]:
    """Amounts recalled above what is neither paid nor applied for, as messages."""
    recalled: dict[UUID, int] = {}
    names: dict[UUID, str] = {}
    for line in inputs.lines:
        if line.amount < 0 and line.allocation_id is not None:
            recalled[line.allocation_id] = recalled.get(line.allocation_id, 0) - line.amount
            names[line.allocation_id] = line.name
    shortfalls = []
    for allocation_id, amount in recalled.items():
        recallable = inputs.recallable.get(allocation_id, 0)
        figures[f"收回 {names[allocation_id]}"] = (
            f"收回 {format_yuan(amount)} 元, 未支付 {format_yuan(recallable)} 元"
        )
        if amount > recallable:
            shortfalls.append(
                f"{names[allocation_id]} 只有 {format_yuan(recallable)} 元可收回, 超出 {format_yuan(amount - recallable)} 元"
            )
    return shortfalls


def _check_announced_total(inputs: RuleInputs, rule: Rule[EffectRule]) -> list[RuleFinding]:
    total = sum(line.amount for line in inputs.lines)
    if inputs.announced_total is None:
        return [
            build_finding(
                rule, passed=True, message="方案未填写总额, 不核对", figures={"明细合计": format_yuan(total)}
            )
        ]
    gap = total - inputs.announced_total
    figures = {
        "明细合计": format_yuan(total),
        "方案总额": format_yuan(inputs.announced_total),
        "差额": format_yuan(gap),
    }
    message = "明细合计与方案总额一致" if not gap else f"明细合计与方案总额相差 {format_yuan(gap)} 元"
    return [build_finding(rule, passed=not gap, message=message, figures=figures)]


def _check_library(inputs: RuleInputs, rule: Rule[ProjectStates]) -> list[RuleFinding]:
    if inputs.library_unavailable:
        return [build_finding(rule, passed=False, message="项目库暂时联系不上, 无法核对项目是否在库")]
    allowed = rule.value.states
    rejected = [
        line
        for line in inputs.lines
        if line.amount > 0 and (line.blocked or line.project_state not in allowed)
    ]
    explanations = "; ".join(f"{line.name}: {_explain_state(line)}" for line in rejected[:5])
    message = (
        "所有项目均在库且未被禁止" if not rejected else f"{len(rejected)} 个项目不能安排资金: {explanations}"
    )
    return [build_finding(rule, passed=not rejected, message=message, lines=[line.id for line in rejected])]


def _explain_state(line: LineFacts) -> str:
    if line.project_state is None:
        return "项目库中没有这个项目"
    return "筛查未通过" if line.blocked else f"处于“{line.state_label or line.project_state}”"


def _check_readiness(inputs: RuleInputs, rule: Rule[EffectRule]) -> list[RuleFinding]:
    unready = [line for line in inputs.lines if line.amount > 0 and line.readiness]
    figures = {line.name: "; ".join(line.readiness) for line in unready[:MAX_NAMED_LINES]}
    message = "项目库没有提示条件不成熟的项目"
    if inputs.library_unavailable:
        message = "项目库暂时联系不上, 没有核对项目条件"
    elif unready:
        message = f"{len(unready)} 个项目条件尚不成熟: " + "、".join(line.name for line in unready[:5])
    return [
        build_finding(
            rule,
            passed=not unready and not inputs.library_unavailable,
            message=message,
            figures=figures,
            lines=[line.id for line in unready],
        )
    ]


def _check_task_category(inputs: RuleInputs, rule: Rule[TaskCategories]) -> list[RuleFinding]:
    allowed: Mapping[str, Sequence[str]] = {
        task.value: codes for task, codes in rule.value.categories.items()
    }
    mismatched = [
        line
        for line in inputs.lines
        if line.category and line.task in allowed and not line.category.startswith(tuple(allowed[line.task]))
    ]
    message = (
        "项目类型与资金任务相符"
        if not mismatched
        else "项目类型与资金任务不符: " + "、".join(line.name for line in mismatched[:5])
    )
    return [
        build_finding(rule, passed=not mismatched, message=message, lines=[line.id for line in mismatched])
    ]


def _check_break_down_days(inputs: RuleInputs, rule: Rule[BreakDownDays]) -> list[RuleFinding]:
    days = rule.value.days
    late = {
        source.document_no: str((inputs.on - source.received_on).days)
        for source in inputs.sources.values()
        if inputs.on > source.received_on + timedelta(days=days)
    }
    message = f"收到指标后 {days} 日内分解" if not late else f"收到指标已超过 {days} 日: {'、'.join(late)}"
    return [build_finding(rule, passed=not late, message=message, figures=late)]


def _check_repeated_funding(inputs: RuleInputs, rule: Rule[EffectRule]) -> list[RuleFinding]:
    repeated = [
        line for line in inputs.lines if line.amount > 0 and inputs.funded_before.get(line.project_id)
    ]
    figures = {line.name: format_yuan(inputs.funded_before[line.project_id]) for line in repeated}
    message = "没有项目在此前已获安排" if not repeated else "部分项目此前已获安排, 请核对是否重复"
    return [
        build_finding(
            rule, passed=not repeated, message=message, figures=figures, lines=[line.id for line in repeated]
        )
    ]


@dataclass(frozen=True)
class PlanCheck(Generic[EffectRuleT]):
    """A rule and the function that checks it."""

    rule: RuleKey[EffectRuleT]
    check: Callable[[RuleInputs, Rule[EffectRuleT]], list[RuleFinding]]


# fmt: off
CHECKS: tuple[PlanCheck[Any], ...] = (
    PlanCheck(policy.PLAN_WITHIN_SOURCE,   _check_sources),
    PlanCheck(policy.PLAN_ANNOUNCED_TOTAL, _check_announced_total),
    PlanCheck(policy.PLAN_LIBRARY,         _check_library),
    PlanCheck(policy.PLAN_READINESS,       _check_readiness),
    PlanCheck(policy.PLAN_MANAGEMENT_FEE,  check_management_fee),
    PlanCheck(policy.PLAN_INDUSTRY_SHARE,  check_industry_share),
    PlanCheck(policy.PLAN_KEY_VILLAGES,    check_key_villages),
    PlanCheck(policy.PLAN_REGION_BALANCE,  check_region_balance),
    PlanCheck(policy.PLAN_TASK_CATEGORY,   _check_task_category),
    PlanCheck(policy.PLAN_BREAK_DOWN_DAYS, _check_break_down_days),
    PlanCheck(policy.PLAN_SAME_PROJECT,    _check_repeated_funding),
)
# fmt: on
"""A rule that is not in force on the day yields no finding."""
