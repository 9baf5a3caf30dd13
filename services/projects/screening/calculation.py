"""Structured rule conditions and percentage ceilings (pure functions)."""

import re
from collections.abc import Iterator
from decimal import Decimal

from services.projects.screening.lexicon import FoldedText
from services.projects.screening.rules import UNLIMITED_SCOPE, RuleCondition, ScreeningRule, ShareLimit
from services.projects.screening.schemas import ScreeningFinding, ScreeningSubject
from shared.china import FEN_PER_YUAN

_PERCENT_PATTERN = re.compile(
    r"(\d+(?:\.\d+)?)(?:%|个百分点)|百分之([零一二三四五六七八九十百]+)(?:点([零一二三四五六七八九]+))?"
)
_CHINESE_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")}
CEILING_REACH_CHARS = 8
_AMOUNT_PATTERN = re.compile(r"(\d+(?:\.\d+)?)(亿元|万元|元)")
_PART_PATTERN = re.compile(r"(?:用|为|约|共|计|共计|支出|经费){0,2}(\d+(?:\.\d+)?)(亿元|万元|元)")
_TOTAL_PATTERN = re.compile(r"(?:投资|总额|资金|概算|预算|合计|造价)(?:为|约|共|共计|是)?$")
_YUAN = {"元": 1, "万元": 10_000, "亿元": 100_000_000}


def find_share_above_ceiling(
    text: FoldedText, start: int, end: int, share: ShareLimit
) -> tuple[int, int] | None:
    """Return the span of the first percentage, or of the amount beside a total, that exceeds its ceiling, or None."""
    left, right = text.get_sentence_bounds(start, end)
    for low, high, percent in find_percentages(text.text, left, right):
        if percent > _find_ceiling(text.text[max(left, low - CEILING_REACH_CHARS) : low], share):
            return low, high
    part = _PART_PATTERN.match(text.text, end, right)
    if part is None:
        return None
    for total in _AMOUNT_PATTERN.finditer(text.text, left, right):
        if _TOTAL_PATTERN.search(text.text, left, total.start()) and (whole := _to_yuan(total)):
            percent = _to_yuan(part) * 100 / whole
            if share.over < percent < 100:  # noqa: PLR2004 - a part of the whole
                return part.span()
    return None


def _to_yuan(amount: re.Match[str]) -> Decimal:
    return Decimal(amount[1]) * _YUAN[amount[2]]


def find_percentages(text: str, left: int, right: int) -> Iterator[tuple[int, int, Decimal]]:
    """Yield spans and values of percentages written as 5%, 3.5% or 百分之五."""
    for match in _PERCENT_PATTERN.finditer(text, left, right):
        value = Decimal(match[1]) if match[1] else _parse_chinese_number(match[2], match[3])
        yield match.start(), match.end(), value


def _find_ceiling(before: str, share: ShareLimit) -> Decimal:
    last_offset, found_ceiling = -1, share.over
    for word, ceiling in share.ceilings.items():
        offset = before.rfind(word)
        if offset > last_offset:
            last_offset, found_ceiling = offset, ceiling
    return found_ceiling


def _parse_chinese_number(integer: str, fraction: str | None) -> Decimal:
    """百分之十二 → 12, 百分之三点五 → 3.5."""
    if integer.startswith("百"):
        return Decimal(100)
    tens, ten, ones = integer.rpartition("十")
    value = (_CHINESE_DIGITS.get(tens[-1:], 1) if ten else 0) * 10 + _CHINESE_DIGITS.get(ones[-1:], 0)
    decimals = "".join(str(_CHINESE_DIGITS[char]) for char in fraction or "")
    return Decimal(f"{value}.{decimals or 0}")


def covers_subject(rule: ScreeningRule, subject: ScreeningSubject) -> bool:
    """Return whether the scope of the rule covers the subject; a rule for certain funds or years skips subjects without them."""
    scope = rule.scope
    if scope == UNLIMITED_SCOPE:
        return True
    if scope.fund_types and subject.fund_type not in scope.fund_types:
        return False
    if scope.years_from is not None and (subject.year is None or subject.year < scope.years_from):
        return False
    if scope.years_to is not None and (subject.year is None or subject.year > scope.years_to):
        return False
    if scope.categories and not matches_category(subject.category, scope.categories):
        return False
    return not matches_category(subject.category, scope.except_categories)


def matches_category(category: str | None, categories: tuple[str, ...]) -> bool:
    """Return whether a category, given by code or name, is one of `categories` or below one of them."""
    if not category:
        return False
    return any(
        category == listed
        or category.startswith(f"{listed}.")
        or (not listed[0].isdigit() and listed in category)
        for listed in categories
    )


def meets_conditions(rule: ScreeningRule, subject: ScreeningSubject) -> bool:
    """Return whether the subject meets every condition of the rule."""
    return all(_meets_condition(condition, subject) for condition in rule.conditions)


def build_condition_finding(rule: ScreeningRule) -> ScreeningFinding:
    """Build the finding of a rule that has conditions only, hence no matched words."""
    return ScreeningFinding(
        family=rule.family,
        rule=rule.id,
        rule_version=rule.version,
        item=rule.item,
        basis=str(rule.basis),
        severity=rule.severity,
        matches=[],
        explanation=rule.explanation,
        advice=rule.advice,
    )


def _meets_condition(condition: RuleCondition, subject: ScreeningSubject) -> bool:  # noqa: PLR0911 - one answer per test
    if condition.field == "share":
        percent = compute_share(subject, condition.words)
        return percent is not None and condition.limit is not None and percent > condition.limit
    value = getattr(subject, condition.field)
    match condition.test:
        case "missing":
            return value is None or value is False or (isinstance(value, str) and not value.strip())
        case "above":
            return (
                value is not None and condition.limit is not None and value > condition.limit * FEN_PER_YUAN
            )
        case "in" if condition.field == "category":
            return matches_category(value, condition.values)
        case "in":
            return value is not None and str(value) in condition.values
        case "not_in" if condition.field == "category":
            return value is not None and not matches_category(value, condition.values)
        case _:
            return value is not None and str(value) not in condition.values


def compute_share(subject: ScreeningSubject, words: tuple[str, ...]) -> Decimal | None:
    """Return the percentage of the amount (or of all cost items) spent on items named with one of the words; None when unknown."""
    total = subject.amount or sum(item.amount for item in subject.cost_items)
    if not total or not subject.cost_items:
        return None
    part = sum(item.amount for item in subject.cost_items if any(word in item.name for word in words))
    return Decimal(part) * 100 / Decimal(total)
