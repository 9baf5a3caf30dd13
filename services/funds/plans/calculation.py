"""Findings of the dated rules on a plan, as pure functions of its lines and the totals of the year."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from services.funds.findings import Effect, Finding, build_finding
from services.funds.percentages import exceeds_percent, format_percent
from services.funds.sources.schemas import FundLevel
from shared.auth import is_region_within
from shared.china import format_wan, format_yuan
from shared.rules import Rule


@dataclass(frozen=True)
class LineFacts:
    """A line with what its project and source are."""

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
    """A source with what is left of it; `available` does not count what this plan itself holds."""

    id: UUID
    document_no: str
    level: str
    amount: int
    available: int
    received_on: date


@dataclass(frozen=True)
class YearTotals:
    """Money of one level given in a year, in 分: all of it, to industry, to management fees."""

    total: int = 0
    industry: int = 0
    fee: int = 0


@dataclass(frozen=True)
class RuleInputs:
    """Everything the rules look at."""

    on: date
    lines: Sequence[LineFacts]
    sources: Mapping[UUID, SourceFacts]
    announced_total: int | None = None
    year: Mapping[str, YearTotals] = field(default_factory=dict)
    """Level → what the year's other decided plans gave."""
    recallable: Mapping[UUID, int] = field(default_factory=dict)
    """Allocation → what of it is neither paid nor applied for."""
    funded_before: Mapping[UUID, int] = field(default_factory=dict)
    library_unavailable: bool = False


TOWN_DIGITS = 9
MAX_NAMED_LINES = 20


def check_management_fee(draft: RuleInputs, rule: Rule) -> list[Finding]:
    """The fee of each level of money, of this plan by itself and of the year with it: neither may be over the limit."""
    found = []
    for level, limit in rule.value["percent"].items():
        lines = [line for line in draft.lines if line.level == level]
        fee = sum(line.amount for line in lines if line.management_fee)
        total = sum(line.amount for line in lines)
        if not fee:
            continue
        given = draft.year.get(level, YearTotals())
        in_year = (given.fee + fee, given.total + total)
        too_much = exceeds_percent(fee, total, limit)
        year_too_much = exceeds_percent(*in_year, limit)
        figures = {
            "项目管理费(万元)": format_wan(fee),
            "本级资金(万元)": format_wan(total),
            "占比%": format_percent(fee, total),
            "全年项目管理费(万元)": format_wan(in_year[0]),
            "全年本级资金(万元)": format_wan(in_year[1]),
            "全年占比%": format_percent(*in_year),
            "上限%": limit,
        }
        message = (
            f"项目管理费占 {format_percent(fee, total)}%, {'超过' if too_much else '不超过'}上限 {limit}%"
            f"; 全年占 {format_percent(*in_year)}%, {'超过' if year_too_much else '不超过'}上限"
        )
        ids = [line.id for line in lines if line.management_fee]
        fine = not (too_much or year_too_much)
        found.append(build_finding(rule, passed=fine, message=message, figures=figures, lines=ids))
    return found or [build_finding(rule, passed=True, message="方案没有项目管理费")]


def check_industry_share(draft: RuleInputs, rule: Rule) -> list[Finding]:
    levels = set(rule.value["levels"])
    lines = [line for line in draft.lines if line.level in levels]
    before = [given for level, given in draft.year.items() if level in levels]
    total = sum(given.total for given in before) + sum(line.amount for line in lines)
    part = sum(given.industry for given in before) + sum(line.amount for line in lines if line.industry)
    floor = rule.value["percent"]
    figures = {
        "产业(万元)": format_wan(part),
        "中央和省级(万元)": format_wan(total),
        "占比%": format_percent(part, total),
    }
    figures |= _format_level_shares(draft, lines, rule.value["levels"]) | _list_industry_reasons(lines)
    if floor is None:
        return [
            build_finding(
                rule,
                passed=True,
                message=f"产业占 {format_percent(part, total)}%, 本年只报告",
                figures=figures,
            )
        ]
    reached = not exceeds_percent(total - part, total, str(100 - int(floor)))
    figures["下限%"] = str(floor)
    message = f"全年中央和省级资金用于产业占 {format_percent(part, total)}%, {'达到' if reached else '未达到'} {floor}%"
    ids = [line.id for line in lines if line.industry]
    return [build_finding(rule, passed=reached, message=message, figures=figures, lines=ids)]


def _format_level_shares(
    draft: RuleInputs, lines: Sequence[LineFacts], levels: Sequence[str]
) -> dict[str, str]:
    """The share of each level of money by itself, this plan and the year's others together."""
    found = {}
    for level in levels:
        before = draft.year.get(level, YearTotals())
        mine = [line for line in lines if line.level == level]
        given = before.total + sum(line.amount for line in mine)
        to_industry = before.industry + sum(line.amount for line in mine if line.industry)
        if given:
            found[f"{FundLevel(level).label}占比%"] = format_percent(to_industry, given)
    return found


def _list_industry_reasons(lines: Sequence[LineFacts]) -> dict[str, str]:
    """Why each project of this plan counts as industry."""
    counted = [line for line in lines if line.industry and line.amount > 0]
    return {f"计入 {line.name}": line.industry_basis or "项目库类型" for line in counted[:MAX_NAMED_LINES]}


def check_key_villages(draft: RuleInputs, rule: Rule) -> list[Finding]:
    """How much goes to the villages the policy tilts to; only reported."""
    named: Sequence[str] = rule.value["villages"]
    if not named:
        return [build_finding(rule, passed=True, message="尚未维护重点帮扶村名单, 不统计")]
    given = [line for line in draft.lines if line.amount > 0]
    mine = [
        line
        for line in given
        if any(is_region_within(line.region, village) for village in named if line.region)
    ]
    part, total = sum(line.amount for line in mine), sum(line.amount for line in given)
    floor = str(rule.value.get("percent") or "0")
    reached = not exceeds_percent(int(floor) * total, 100 * part, "100") if part else floor == "0"
    figures = {"重点帮扶村(万元)": format_wan(part), "占比%": format_percent(part, total), "下限%": floor}
    message = f"安排到重点帮扶村 {format_wan(part)} 万元, 占 {format_percent(part, total)}%"
    return [
        build_finding(
            rule, passed=reached, message=message, figures=figures, lines=[line.id for line in mine]
        )
    ]


def check_region_balance(draft: RuleInputs, rule: Rule) -> list[Finding]:
    """How the money lies between towns; warns when one has more than the rule's share of it."""
    towns: dict[str, int] = {}
    for line in draft.lines:
        if line.amount > 0 and line.region[TOWN_DIGITS - 3 : TOWN_DIGITS].strip("0"):
            town = line.region[:TOWN_DIGITS].ljust(12, "0")
            towns[town] = towns.get(town, 0) + line.amount
    total, limit = sum(towns.values()), str(rule.value["percent"])
    most = sorted(towns.items(), key=lambda one: -one[1])
    figures = {
        town: f"{format_wan(amount)} 万元, {format_percent(amount, total)}%"
        for town, amount in most[:MAX_NAMED_LINES]
    }
    heavy = len(towns) > 1 and exceeds_percent(most[0][1], total, limit)
    message = f"安排到 {len(towns)} 个乡镇" + (f", 其中一个超过 {limit}%" if heavy else "")
    ids: list[UUID] = (
        [line.id for line in draft.lines if heavy and is_region_within(line.region, most[0][0])]
        if heavy
        else []
    )
    return [build_finding(rule, passed=not heavy, message=message, figures=figures, lines=ids)]


def evaluate_rules(draft: RuleInputs, rules: Mapping[str, Rule]) -> list[Finding]:
    """The finding of every rule that was in force, the stops first."""
    found = [one for key, check in CHECKS.items() if key in rules for one in check(draft, rules[key])]
    rank = {Effect.STOP: 0, Effect.WARN: 1, Effect.REPORT: 2}
    return sorted(found, key=lambda one: (one.passed, rank[one.effect]))


def _check_sources(draft: RuleInputs, rule: Rule) -> list[Finding]:
    wanted: dict[UUID, int] = {}
    for line in draft.lines:
        wanted[line.source_id] = wanted.get(line.source_id, 0) + line.amount
    figures, short = {}, []
    for source_id, amount in wanted.items():
        source = draft.sources[source_id]
        figures[source.document_no] = (
            f"安排 {format_yuan(amount)} 元, 可分配 {format_yuan(source.available)} 元"
        )
        if amount > source.available:
            short.append(f"{source.document_no} 超出 {format_yuan(amount - source.available)} 元")
    short += _check_recalls(draft, figures)
    message = "安排金额均在各来源可分配余额之内" if not short else "; ".join(short)
    return [build_finding(rule, passed=not short, message=message, figures=figures)]


def _check_recalls(draft: RuleInputs, figures: dict[str, str]) -> list[str]:
    """What would be taken back above what is neither paid nor applied for."""
    wanted: dict[UUID, int] = {}
    names: dict[UUID, str] = {}
    for line in draft.lines:
        if line.amount < 0 and line.allocation_id is not None:
            wanted[line.allocation_id] = wanted.get(line.allocation_id, 0) - line.amount
            names[line.allocation_id] = line.name
    short = []
    for allocation_id, amount in wanted.items():
        left = draft.recallable.get(allocation_id, 0)
        figures[f"收回 {names[allocation_id]}"] = (
            f"收回 {format_yuan(amount)} 元, 未支付 {format_yuan(left)} 元"
        )
        if amount > left:
            short.append(
                f"{names[allocation_id]} 只有 {format_yuan(left)} 元可收回, 超出 {format_yuan(amount - left)} 元"
            )
    return short


def _check_announced_total(draft: RuleInputs, rule: Rule) -> list[Finding]:
    total = sum(line.amount for line in draft.lines)
    if draft.announced_total is None:
        return [
            build_finding(
                rule, passed=True, message="方案未填写总额, 不核对", figures={"明细合计": format_yuan(total)}
            )
        ]
    gap = total - draft.announced_total
    figures = {
        "明细合计": format_yuan(total),
        "方案总额": format_yuan(draft.announced_total),
        "差额": format_yuan(gap),
    }
    message = "明细合计与方案总额一致" if not gap else f"明细合计与方案总额相差 {format_yuan(gap)} 元"
    return [build_finding(rule, passed=not gap, message=message, figures=figures)]


def _check_library(draft: RuleInputs, rule: Rule) -> list[Finding]:
    if draft.library_unavailable:
        return [build_finding(rule, passed=False, message="项目库暂时联系不上, 无法核对项目是否在库")]
    allowed = set(rule.value["states"])
    bad = [
        line
        for line in draft.lines
        if line.amount > 0 and (line.blocked or line.project_state not in allowed)
    ]
    words = "; ".join(f"{line.name}: {_explain_state(line)}" for line in bad[:5])
    message = "所有项目均在库且未被禁止" if not bad else f"{len(bad)} 个项目不能安排资金: {words}"
    return [build_finding(rule, passed=not bad, message=message, lines=[line.id for line in bad])]


def _explain_state(line: LineFacts) -> str:
    if line.project_state is None:
        return "项目库中没有这个项目"
    return "筛查未通过" if line.blocked else f"处于“{line.state_label or line.project_state}”"


def _check_readiness(draft: RuleInputs, rule: Rule) -> list[Finding]:
    unready = [line for line in draft.lines if line.amount > 0 and line.readiness]
    figures = {line.name: "; ".join(line.readiness) for line in unready[:MAX_NAMED_LINES]}
    message = "项目库没有提示条件不成熟的项目"
    if draft.library_unavailable:
        message = "项目库暂时联系不上, 没有核对项目条件"
    elif unready:
        message = f"{len(unready)} 个项目条件尚不成熟: " + "、".join(line.name for line in unready[:5])
    return [
        build_finding(
            rule,
            passed=not unready and not draft.library_unavailable,
            message=message,
            figures=figures,
            lines=[line.id for line in unready],
        )
    ]


def _check_task_category(draft: RuleInputs, rule: Rule) -> list[Finding]:
    allowed: Mapping[str, Sequence[str]] = rule.value["categories"]
    bad = [
        line
        for line in draft.lines
        if line.category and line.task in allowed and not line.category.startswith(tuple(allowed[line.task]))
    ]
    message = (
        "项目类型与资金任务相符"
        if not bad
        else "项目类型与资金任务不符: " + "、".join(b.name for b in bad[:5])
    )
    return [build_finding(rule, passed=not bad, message=message, lines=[line.id for line in bad])]


def _check_break_down_days(draft: RuleInputs, rule: Rule) -> list[Finding]:
    days = int(rule.value["days"])
    late = {
        source.document_no: str((draft.on - source.received_on).days)
        for source in draft.sources.values()
        if draft.on > source.received_on + timedelta(days=days)
    }
    message = f"收到指标后 {days} 日内分解" if not late else f"收到指标已超过 {days} 日: {'、'.join(late)}"
    return [build_finding(rule, passed=not late, message=message, figures=late)]


def _check_repeated_funding(draft: RuleInputs, rule: Rule) -> list[Finding]:
    again = [line for line in draft.lines if line.amount > 0 and draft.funded_before.get(line.project_id)]
    figures = {line.name: format_yuan(draft.funded_before[line.project_id]) for line in again}
    message = "没有项目在此前已获安排" if not again else "部分项目此前已获安排, 请核对是否重复"
    return [
        build_finding(
            rule, passed=not again, message=message, figures=figures, lines=[line.id for line in again]
        )
    ]


# fmt: off
CHECKS: Mapping[str, Callable[[RuleInputs, Rule], list[Finding]]] = {
    "plan.within_source":   _check_sources,
    "plan.announced_total": _check_announced_total,
    "plan.library":         _check_library,
    "plan.readiness":       _check_readiness,
    "plan.management_fee":  check_management_fee,
    "plan.industry_share":  check_industry_share,
    "plan.key_villages":    check_key_villages,
    "plan.region_balance":  check_region_balance,
    "plan.task_category":   _check_task_category,
    "plan.break_down_days": _check_break_down_days,
    "plan.same_project":    _check_repeated_funding,
}
# fmt: on
"""Rule key → its check; a rule that was not in force yet says nothing."""
