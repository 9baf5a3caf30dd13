"""What the dated rules say of a plan while it is drafted: pure arithmetic over its lines and the year's money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Fault
from shared.labels import Labelled
from shared.money import wan, yuan
from shared.rules import Rule


class Effect(Labelled):
    """规则效力."""

    STOP = "stop", "禁止"
    WARN = "warn", "预警"
    REPORT = "report", "报告"


class Finding(BaseModel):
    """一条规则的检查结果: what it says, with the figures and the lines behind it."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    title: str
    effect: Effect
    passed: bool
    message: str
    figures: dict[str, str] = {}
    lines: list[UUID] = Field([], description="ids of the lines it is about")
    basis: str = ""
    rule: str = Field("", description="key@version of the rule used")
    confirmed: bool = True

    def fault(self) -> Fault:
        """The finding as something missing."""
        return Fault(self.key, self.message, self.message, "/lines")


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
class Draft:
    """Everything the rules look at."""

    on: date
    lines: Sequence[LineFacts]
    sources: Mapping[UUID, SourceFacts]
    announced_total: int | None = None
    year_total: int = 0
    year_industry: int = 0
    year_fee: Mapping[str, int] = field(default_factory=dict)
    year_by_level: Mapping[str, int] = field(default_factory=dict)
    funded_before: Mapping[UUID, int] = field(default_factory=dict)
    library_silent: bool = False


def percent(part: int, whole: int) -> str:
    """A share with two decimals, "0.00" of nothing; rounded half up, in integers."""
    hundredths = (part * 20000 + whole) // (2 * whole) if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def over(part: int, whole: int, limit: str) -> bool:
    """Whether part/whole exceeds a limit given in percent with at most two decimals ("1", "1.50")."""
    left, _, right = limit.partition(".")
    return part * 10000 > whole * int(left + right.ljust(2, "0")[:2])


def examine(draft: Draft, rules: Mapping[str, Rule]) -> list[Finding]:
    """Every rule's finding, the stops first."""
    found = [
        _within_sources(draft, rules["plan.within_source"]),
        _announced_total(draft, rules["plan.announced_total"]),
        _library(draft, rules["plan.library"]),
        *_management_fee(draft, rules["plan.management_fee"]),
        *_industry(draft, rules.get("plan.industry_share")),
        _task(draft, rules["plan.task_category"]),
        _break_down(draft, rules["plan.break_down_days"]),
        _again(draft, rules["plan.same_project"]),
    ]
    rank = {Effect.STOP: 0, Effect.WARN: 1, Effect.REPORT: 2}
    return sorted(found, key=lambda one: (one.passed, rank[one.effect]))


def _finding(
    rule: Rule,
    *,
    passed: bool,
    message: str,
    figures: Mapping[str, str] | None = None,
    lines: Sequence[UUID] = (),
) -> Finding:
    return Finding(
        key=rule.key,
        title=rule.title,
        effect=Effect(rule.value["effect"]),
        passed=passed,
        message=message,
        figures=dict(figures or {}),
        lines=list(lines),
        basis=rule.basis,
        rule=rule.ref,
        confirmed=rule.confirmed,
    )


def _within_sources(draft: Draft, rule: Rule) -> Finding:
    wanted: dict[UUID, int] = {}
    for line in draft.lines:
        wanted[line.source_id] = wanted.get(line.source_id, 0) + line.amount
    figures, short = {}, []
    for source_id, amount in wanted.items():
        source = draft.sources[source_id]
        figures[source.document_no] = f"安排 {yuan(amount)} 元, 可分配 {yuan(source.available)} 元"
        if amount > source.available:
            short.append(f"{source.document_no} 超出 {yuan(amount - source.available)} 元")
    message = "安排金额均在各来源可分配余额之内" if not short else "; ".join(short)
    return _finding(rule, passed=not short, message=message, figures=figures)


def _announced_total(draft: Draft, rule: Rule) -> Finding:
    total = sum(line.amount for line in draft.lines)
    if draft.announced_total is None:
        return _finding(
            rule, passed=True, message="方案未填写总额, 不核对", figures={"明细合计": yuan(total)}
        )
    gap = total - draft.announced_total
    figures = {"明细合计": yuan(total), "方案总额": yuan(draft.announced_total), "差额": yuan(gap)}
    message = "明细合计与方案总额一致" if not gap else f"明细合计与方案总额相差 {yuan(gap)} 元"
    return _finding(rule, passed=not gap, message=message, figures=figures)


def _library(draft: Draft, rule: Rule) -> Finding:
    if draft.library_silent:
        return _finding(rule, passed=False, message="项目库暂时联系不上, 无法核对项目是否在库")
    allowed = set(rule.value["states"])
    bad = [
        line
        for line in draft.lines
        if line.amount > 0 and (line.blocked or line.project_state not in allowed)
    ]
    words = "; ".join(f"{line.name}: {_why(line)}" for line in bad[:5])
    message = "所有项目均在库且未被禁止" if not bad else f"{len(bad)} 个项目不能安排资金: {words}"
    return _finding(rule, passed=not bad, message=message, lines=[line.id for line in bad])


def _why(line: LineFacts) -> str:
    if line.project_state is None:
        return "项目库中没有这个项目"
    return "筛查未通过" if line.blocked else f"状态 {line.project_state}"


def _management_fee(draft: Draft, rule: Rule) -> list[Finding]:
    found = []
    for level, limit in rule.value["percent"].items():
        lines = [line for line in draft.lines if line.level == level]
        fee = sum(line.amount for line in lines if line.management_fee)
        total = sum(line.amount for line in lines)
        if not fee:
            continue
        too_much = over(fee, total, limit)
        figures = {
            "项目管理费(万元)": wan(fee),
            "本级资金(万元)": wan(total),
            "占比%": percent(fee, total),
            "上限%": limit,
        }
        message = f"项目管理费占 {percent(fee, total)}%, {'超过' if too_much else '不超过'}上限 {limit}%"
        ids = [line.id for line in lines if line.management_fee]
        found.append(_finding(rule, passed=not too_much, message=message, figures=figures, lines=ids))
    return found or [_finding(rule, passed=True, message="方案没有项目管理费")]


def _industry(draft: Draft, rule: Rule | None) -> list[Finding]:
    if rule is None:
        return []
    levels = set(rule.value["levels"])
    lines = [line for line in draft.lines if line.level in levels]
    total = draft.year_total + sum(line.amount for line in lines)
    part = draft.year_industry + sum(line.amount for line in lines if line.industry)
    floor = rule.value["percent"]
    figures = {"产业(万元)": wan(part), "中央和省级(万元)": wan(total), "占比%": percent(part, total)}
    if floor is None:
        return [
            _finding(
                rule, passed=True, message=f"产业占 {percent(part, total)}%, 本年只报告", figures=figures
            )
        ]
    reached = not over(total - part, total, str(100 - int(floor)))
    figures["下限%"] = str(floor)
    message = (
        f"全年中央和省级资金用于产业占 {percent(part, total)}%, {'达到' if reached else '未达到'} {floor}%"
    )
    ids = [line.id for line in lines if line.industry]
    return [_finding(rule, passed=reached, message=message, figures=figures, lines=ids)]


def _task(draft: Draft, rule: Rule) -> Finding:
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
    return _finding(rule, passed=not bad, message=message, lines=[line.id for line in bad])


def _break_down(draft: Draft, rule: Rule) -> Finding:
    days = int(rule.value["days"])
    late = {
        source.document_no: str((draft.on - source.received_on).days)
        for source in draft.sources.values()
        if draft.on > source.received_on + timedelta(days=days)
    }
    message = f"收到指标后 {days} 日内分解" if not late else f"收到指标已超过 {days} 日: {'、'.join(late)}"
    return _finding(rule, passed=not late, message=message, figures=late)


def _again(draft: Draft, rule: Rule) -> Finding:
    again = [line for line in draft.lines if line.amount > 0 and draft.funded_before.get(line.project_id)]
    figures = {line.name: yuan(draft.funded_before[line.project_id]) for line in again}
    message = "没有项目在此前已获安排" if not again else "部分项目此前已获安排, 请核对是否重复"
    return _finding(
        rule, passed=not again, message=message, figures=figures, lines=[line.id for line in again]
    )
