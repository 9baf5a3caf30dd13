"""Shares of a plan and of its year: management fee, industry, key villages, the balance between towns."""

from collections.abc import Sequence
from uuid import UUID

from services.funds.checking.finding import Finding, finding, over, percent
from services.funds.plans.draft import Draft, Given, LineFacts
from services.funds.sources.kinds import Level
from shared.access import inside
from shared.money import wan
from shared.rules import Rule

TOWN_DIGITS = 9
MOST_NAMED = 20


def management_fee(draft: Draft, rule: Rule) -> list[Finding]:
    """The fee of each level of money, of this plan by itself and of the year with it: neither may be over the limit."""
    found = []
    for level, limit in rule.value["percent"].items():
        lines = [line for line in draft.lines if line.level == level]
        fee = sum(line.amount for line in lines if line.management_fee)
        total = sum(line.amount for line in lines)
        if not fee:
            continue
        given = draft.year.get(level, Given())
        in_year = (given.fee + fee, given.total + total)
        too_much = over(fee, total, limit)
        year_too_much = over(*in_year, limit)
        figures = {
            "项目管理费(万元)": wan(fee),
            "本级资金(万元)": wan(total),
            "占比%": percent(fee, total),
            "全年项目管理费(万元)": wan(in_year[0]),
            "全年本级资金(万元)": wan(in_year[1]),
            "全年占比%": percent(*in_year),
            "上限%": limit,
        }
        message = (
            f"项目管理费占 {percent(fee, total)}%, {'超过' if too_much else '不超过'}上限 {limit}%"
            f"; 全年占 {percent(*in_year)}%, {'超过' if year_too_much else '不超过'}上限"
        )
        ids = [line.id for line in lines if line.management_fee]
        fine = not (too_much or year_too_much)
        found.append(finding(rule, passed=fine, message=message, figures=figures, lines=ids))
    return found or [finding(rule, passed=True, message="方案没有项目管理费")]


def industry(draft: Draft, rule: Rule) -> list[Finding]:
    levels = set(rule.value["levels"])
    lines = [line for line in draft.lines if line.level in levels]
    before = [given for level, given in draft.year.items() if level in levels]
    total = sum(given.total for given in before) + sum(line.amount for line in lines)
    part = sum(given.industry for given in before) + sum(line.amount for line in lines if line.industry)
    floor = rule.value["percent"]
    figures = {"产业(万元)": wan(part), "中央和省级(万元)": wan(total), "占比%": percent(part, total)}
    figures |= _by_level(draft, lines, rule.value["levels"]) | _counted(lines)
    if floor is None:
        return [
            finding(rule, passed=True, message=f"产业占 {percent(part, total)}%, 本年只报告", figures=figures)
        ]
    reached = not over(total - part, total, str(100 - int(floor)))
    figures["下限%"] = str(floor)
    message = (
        f"全年中央和省级资金用于产业占 {percent(part, total)}%, {'达到' if reached else '未达到'} {floor}%"
    )
    ids = [line.id for line in lines if line.industry]
    return [finding(rule, passed=reached, message=message, figures=figures, lines=ids)]


def _by_level(draft: Draft, lines: Sequence[LineFacts], levels: Sequence[str]) -> dict[str, str]:
    """The share of each level of money by itself, this plan and the year's others together."""
    found = {}
    for level in levels:
        before = draft.year.get(level, Given())
        mine = [line for line in lines if line.level == level]
        given = before.total + sum(line.amount for line in mine)
        to_industry = before.industry + sum(line.amount for line in mine if line.industry)
        if given:
            found[f"{Level(level).label}占比%"] = percent(to_industry, given)
    return found


def _counted(lines: Sequence[LineFacts]) -> dict[str, str]:
    """Why each project of this plan counts as industry."""
    counted = [line for line in lines if line.industry and line.amount > 0]
    return {f"计入 {line.name}": line.industry_basis or "项目库类型" for line in counted[:MOST_NAMED]}


def key_villages(draft: Draft, rule: Rule) -> list[Finding]:
    """How much goes to the villages the policy tilts to; only reported."""
    named: Sequence[str] = rule.value["villages"]
    if not named:
        return [finding(rule, passed=True, message="尚未维护重点帮扶村名单, 不统计")]
    given = [line for line in draft.lines if line.amount > 0]
    mine = [line for line in given if any(inside(line.region, village) for village in named if line.region)]
    part, total = sum(line.amount for line in mine), sum(line.amount for line in given)
    floor = str(rule.value.get("percent") or "0")
    reached = not over(int(floor) * total, 100 * part, "100") if part else floor == "0"
    figures = {"重点帮扶村(万元)": wan(part), "占比%": percent(part, total), "下限%": floor}
    message = f"安排到重点帮扶村 {wan(part)} 万元, 占 {percent(part, total)}%"
    return [finding(rule, passed=reached, message=message, figures=figures, lines=[line.id for line in mine])]


def region_balance(draft: Draft, rule: Rule) -> list[Finding]:
    """How the money lies between towns; warns when one has more than the rule's share of it."""
    towns: dict[str, int] = {}
    for line in draft.lines:
        if line.amount > 0 and line.region[TOWN_DIGITS - 3 : TOWN_DIGITS].strip("0"):
            town = line.region[:TOWN_DIGITS].ljust(12, "0")
            towns[town] = towns.get(town, 0) + line.amount
    total, limit = sum(towns.values()), str(rule.value["percent"])
    most = sorted(towns.items(), key=lambda one: -one[1])
    figures = {town: f"{wan(amount)} 万元, {percent(amount, total)}%" for town, amount in most[:MOST_NAMED]}
    heavy = len(towns) > 1 and over(most[0][1], total, limit)
    message = f"安排到 {len(towns)} 个乡镇" + (f", 其中一个超过 {limit}%" if heavy else "")
    ids: list[UUID] = (
        [line.id for line in draft.lines if heavy and inside(line.region, most[0][0])] if heavy else []
    )
    return [finding(rule, passed=not heavy, message=message, figures=figures, lines=ids)]
