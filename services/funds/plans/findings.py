"""What the dated rules say of a plan while it is drafted: pure arithmetic over its lines and the year's money."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from services.funds.checking.finding import Effect, Finding, finding, over, percent
from services.funds.plans.draft import Draft, LineFacts, SourceFacts
from services.funds.plans.shares import MOST_NAMED, industry, key_villages, management_fee, region_balance
from shared.money import yuan
from shared.rules import Rule

__all__ = ["Draft", "Effect", "Finding", "LineFacts", "SourceFacts", "examine", "over", "percent"]


def examine(draft: Draft, rules: Mapping[str, Rule]) -> list[Finding]:
    """The finding of every rule that was in force, the stops first."""
    found = [one for key, check in CHECKS.items() if key in rules for one in check(draft, rules[key])]
    rank = {Effect.STOP: 0, Effect.WARN: 1, Effect.REPORT: 2}
    return sorted(found, key=lambda one: (one.passed, rank[one.effect]))


def _within_sources(draft: Draft, rule: Rule) -> list[Finding]:
    wanted: dict[UUID, int] = {}
    for line in draft.lines:
        wanted[line.source_id] = wanted.get(line.source_id, 0) + line.amount
    figures, short = {}, []
    for source_id, amount in wanted.items():
        source = draft.sources[source_id]
        figures[source.document_no] = f"安排 {yuan(amount)} 元, 可分配 {yuan(source.available)} 元"
        if amount > source.available:
            short.append(f"{source.document_no} 超出 {yuan(amount - source.available)} 元")
    short += _recalls(draft, figures)
    message = "安排金额均在各来源可分配余额之内" if not short else "; ".join(short)
    return [finding(rule, passed=not short, message=message, figures=figures)]


def _recalls(draft: Draft, figures: dict[str, str]) -> list[str]:
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
        figures[f"收回 {names[allocation_id]}"] = f"收回 {yuan(amount)} 元, 未支付 {yuan(left)} 元"
        if amount > left:
            short.append(f"{names[allocation_id]} 只有 {yuan(left)} 元可收回, 超出 {yuan(amount - left)} 元")
    return short


def _announced_total(draft: Draft, rule: Rule) -> list[Finding]:
    total = sum(line.amount for line in draft.lines)
    if draft.announced_total is None:
        return [
            finding(rule, passed=True, message="方案未填写总额, 不核对", figures={"明细合计": yuan(total)})
        ]
    gap = total - draft.announced_total
    figures = {"明细合计": yuan(total), "方案总额": yuan(draft.announced_total), "差额": yuan(gap)}
    message = "明细合计与方案总额一致" if not gap else f"明细合计与方案总额相差 {yuan(gap)} 元"
    return [finding(rule, passed=not gap, message=message, figures=figures)]


def _library(draft: Draft, rule: Rule) -> list[Finding]:
    if draft.library_silent:
        return [finding(rule, passed=False, message="项目库暂时联系不上, 无法核对项目是否在库")]
    allowed = set(rule.value["states"])
    bad = [
        line
        for line in draft.lines
        if line.amount > 0 and (line.blocked or line.project_state not in allowed)
    ]
    words = "; ".join(f"{line.name}: {_why(line)}" for line in bad[:5])
    message = "所有项目均在库且未被禁止" if not bad else f"{len(bad)} 个项目不能安排资金: {words}"
    return [finding(rule, passed=not bad, message=message, lines=[line.id for line in bad])]


def _why(line: LineFacts) -> str:
    if line.project_state is None:
        return "项目库中没有这个项目"
    return "筛查未通过" if line.blocked else f"处于“{line.state_label or line.project_state}”"


def _readiness(draft: Draft, rule: Rule) -> list[Finding]:
    unready = [line for line in draft.lines if line.amount > 0 and line.readiness]
    figures = {line.name: "; ".join(line.readiness) for line in unready[:MOST_NAMED]}
    message = "项目库没有提示条件不成熟的项目"
    if draft.library_silent:
        message = "项目库暂时联系不上, 没有核对项目条件"
    elif unready:
        message = f"{len(unready)} 个项目条件尚不成熟: " + "、".join(line.name for line in unready[:5])
    return [
        finding(
            rule,
            passed=not unready and not draft.library_silent,
            message=message,
            figures=figures,
            lines=[line.id for line in unready],
        )
    ]


def _task(draft: Draft, rule: Rule) -> list[Finding]:
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
    return [finding(rule, passed=not bad, message=message, lines=[line.id for line in bad])]


def _break_down(draft: Draft, rule: Rule) -> list[Finding]:
    days = int(rule.value["days"])
    late = {
        source.document_no: str((draft.on - source.received_on).days)
        for source in draft.sources.values()
        if draft.on > source.received_on + timedelta(days=days)
    }
    message = f"收到指标后 {days} 日内分解" if not late else f"收到指标已超过 {days} 日: {'、'.join(late)}"
    return [finding(rule, passed=not late, message=message, figures=late)]


def _again(draft: Draft, rule: Rule) -> list[Finding]:
    again = [line for line in draft.lines if line.amount > 0 and draft.funded_before.get(line.project_id)]
    figures = {line.name: yuan(draft.funded_before[line.project_id]) for line in again}
    message = "没有项目在此前已获安排" if not again else "部分项目此前已获安排, 请核对是否重复"
    return [
        finding(rule, passed=not again, message=message, figures=figures, lines=[line.id for line in again])
    ]


# fmt: off
CHECKS: Mapping[str, Callable[[Draft, Rule], list[Finding]]] = {
    "plan.within_source":   _within_sources,
    "plan.announced_total": _announced_total,
    "plan.library":         _library,
    "plan.readiness":       _readiness,
    "plan.management_fee":  management_fee,
    "plan.industry_share":  industry,
    "plan.key_villages":    key_villages,
    "plan.region_balance":  region_balance,
    "plan.task_category":   _task,
    "plan.break_down_days": _break_down,
    "plan.same_project":    _again,
}
# fmt: on
"""Rule key → its check; a rule that was not in force yet says nothing."""
