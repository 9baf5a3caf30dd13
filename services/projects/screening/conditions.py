"""The structured side of a rule: which projects it covers, and comparisons with their fields."""

from decimal import Decimal

from services.projects.screening.rules import EVERYTHING, Condition, Rule
from services.projects.screening.schemas import Finding, ScreeningSubject
from shared.money import FEN_PER_YUAN


def covers(rule: Rule, subject: ScreeningSubject) -> bool:
    """Whether the rule looks at this project at all; a rule for some funds or years passes over a project without them."""
    scope = rule.scope
    if scope == EVERYTHING:
        return True
    if scope.fund_types and subject.fund_type not in scope.fund_types:
        return False
    if scope.years_from is not None and (subject.year is None or subject.year < scope.years_from):
        return False
    if scope.years_to is not None and (subject.year is None or subject.year > scope.years_to):
        return False
    if scope.categories and not within(subject.category, scope.categories):
        return False
    return not within(subject.category, scope.except_categories)


def within(category: str | None, wanted: tuple[str, ...]) -> bool:
    """Whether a category, given by code or by name, is one of these or below one of them."""
    if not category:
        return False
    return any(
        category == one or category.startswith(f"{one}.") or (not one[0].isdigit() and one in category)
        for one in wanted
    )


def hold(rule: Rule, subject: ScreeningSubject) -> bool:
    """Whether every condition of the rule is met."""
    return all(_met(condition, subject) for condition in rule.conditions)


def finding(rule: Rule) -> Finding:
    """The finding of a rule that has conditions only: there are no words to show."""
    return Finding(
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


def _met(condition: Condition, subject: ScreeningSubject) -> bool:  # noqa: PLR0911 - one answer per test
    if condition.field == "share":
        percent = share(subject, condition.words)
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
            return within(value, condition.values)
        case "in":
            return value is not None and str(value) in condition.values
        case "not_in" if condition.field == "category":
            return value is not None and not within(value, condition.values)
        case _:
            return value is not None and str(value) not in condition.values


def share(subject: ScreeningSubject, words: tuple[str, ...]) -> Decimal | None:
    """Per cent of the amount (or of all cost items) that goes to items named with one of the words; None when unknown."""
    total = subject.amount or sum(item.amount for item in subject.cost_items)
    if not total or not subject.cost_items:
        return None
    part = sum(item.amount for item in subject.cost_items if any(word in item.name for word in words))
    return Decimal(part) * 100 / Decimal(total)
