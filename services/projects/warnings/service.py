"""Which projects run late or silent by the rules of the day, who answers for it and until when."""

from datetime import timedelta

from services.projects.changes import repository as changes
from services.projects.library.reads import ProjectRow
from services.projects.warnings import repository
from services.projects.warnings.schemas import WarningCount, WarningCounts, WarningItem
from services.projects.warnings.signs import SIGNS
from shared.errors import NotFound
from shared.pages import Asked, Page
from shared.permissions import May, Role
from shared.rules import Rule, in_force
from shared.work import Work

PREFIX = "warning."
UNPUBLISHED = "change_unpublished"


async def _rules(work: Work, region: str) -> dict[str, Rule]:
    found = await in_force(work.session, work.today, region, PREFIX)
    by_name = {rule.key.removeprefix(PREFIX): rule for rule in found}
    return {name: by_name[name] for name in SIGNS if name in by_name}


async def _rule(work: Work, region: str, name: str) -> Rule | None:
    return next(iter(await in_force(work.session, work.today, region, f"{PREFIX}{name}")), None)


def _count(name: str, rule: Rule, found: tuple[int, int], rows: str) -> WarningCount:
    return WarningCount(
        rule=name,
        title=rule.title,
        basis=rule.basis,
        confirmed=rule.confirmed,
        rule_version=rule.ref,
        owner=rule.value["owner"],
        owner_label=Role(rule.value["owner"]).label,
        days=rule.value["days"],
        count=found[0],
        past_deadline=found[1],
        rows=rows,
    )


async def counts(work: Work, region: str) -> WarningCounts:
    """Every rule with its hits in a region."""
    rules = await _rules(work, region)
    hits = await repository.counts(work, region, {name: rule.value for name, rule in rules.items()})
    items = [
        _count(name, rule, hits[name], f"/api/v1/projects/warnings/{name}?region={region}")
        for name, rule in rules.items()
    ]
    if (rule := await _rule(work, region, UNPUBLISHED)) is not None:
        count = await changes.unpublished(work, May.PROJECT_READ, region)
        address = f"/api/v1/projects/changes?unpublished=true&region={region}"
        items.append(_count(UNPUBLISHED, rule, (count, count), address))
    return WarningCounts(region=region, on=work.today, items=items)


async def listed(work: Work, asked: Asked, region: str, name: str) -> Page[WarningItem]:
    """The projects one rule warns of; NotFound without such a rule in force."""
    rules = await _rules(work, region)
    if name not in rules:
        raise NotFound(f"没有预警规则 {name}, 现有: {'、'.join(rules)}", f"No warning {name}")
    rule, sign = rules[name], SIGNS[name]
    found = await repository.listed(work, asked, region, name, rule.value)
    items = []
    for project in found.items:
        since = sign.day(project)
        items.append(
            WarningItem(
                **ProjectRow.model_validate(project).model_dump(),
                rule=name,
                rule_version=rule.ref,
                since=since,
                waiting_days=(work.today - since).days,
                owner=rule.value["owner"],
                owner_label=Role(rule.value["owner"]).label,
                deadline=since + timedelta(days=rule.value["days"] + rule.value["deadline_days"]),
                detail=sign.detail,
            )
        )
    return Page[WarningItem].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)
