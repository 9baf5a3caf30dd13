"""Count and list warned projects from their alerts; scan for alerts."""

from datetime import timedelta

from services.projects.alerts import repository
from services.projects.alerts.detectors import DETECTORS, RULE_PREFIX, UNPUBLISHED_CHANGE_RULE
from services.projects.alerts.models import ALERTS
from services.projects.alerts.rules import WARNING_SPECS, WarningRule
from services.projects.alerts.schemas import WarningCount, WarningCounts, WarningItem
from services.projects.projects.schemas import ProjectRow
from shared.alerts import scan as alert_scan
from shared.alerts.schemas import ScanResult
from shared.errors import NotFound
from shared.http import Page, PageParams
from shared.rules import Rule
from shared.unit_of_work import ServiceContext, UnitOfWork


async def _load_rules(work: UnitOfWork, region: str) -> dict[str, Rule[WarningRule]]:
    keys = (one.rule for one in DETECTORS if one.rule.key.startswith(RULE_PREFIX))
    rules = await work.get_rules(keys, region=region)
    return {key.removeprefix(RULE_PREFIX): rule for key, rule in rules.items()}


def _build_count(name: str, rule: Rule[WarningRule], counts: tuple[int, int], rows: str) -> WarningCount:
    return WarningCount(
        rule=name,
        title=rule.title,
        basis=rule.basis,
        confirmed=rule.confirmed,
        rule_version=rule.ref,
        owner=rule.value.owner,
        owner_label=rule.value.owner.label,
        days=rule.value.days,
        count=counts[0],
        past_deadline=counts[1],
        rows=rows,
    )


async def count_warnings(work: UnitOfWork, region: str) -> WarningCounts:
    """Count the projects of a region that have standing alerts, per warning rule in force."""
    rules = await _load_rules(work, region)
    unpublished = rules.pop(UNPUBLISHED_CHANGE_RULE, None)
    counts = await repository.count_warnings(
        work, region, {name: (rule.key, rule.value) for name, rule in rules.items()}
    )
    items = [
        _build_count(name, rule, counts[name], f"/api/v1/projects/warnings/{name}?region={region}")
        for name, rule in rules.items()
    ]
    if unpublished is not None:
        count = await repository.count_alerts(work, region, unpublished.key)
        address = f"/api/v1/projects/changes?unpublished=true&region={region}"
        items.append(_build_count(UNPUBLISHED_CHANGE_RULE, unpublished, (count, count), address))
    return WarningCounts(region=region, on=work.today, items=items)


async def list_warned_projects(
    work: UnitOfWork, params: PageParams, region: str, name: str
) -> Page[WarningItem]:
    """Return the projects that a rule has standing alerts about; raise NotFound when no such rule is in force."""
    rules = await _load_rules(work, region)
    rules.pop(UNPUBLISHED_CHANGE_RULE, None)
    if name not in rules:
        raise NotFound(f"没有预警规则 {name}, 现有: {'、'.join(rules)}", f"No warning {name}")
    rule, spec = rules[name], WARNING_SPECS[name]
    page = await repository.list_warned_projects(work, params, region, name, rule.key)
    items = []
    for project in page.items:
        since = spec.get_start_day(project)
        items.append(
            WarningItem(
                **ProjectRow.model_validate(project).model_dump(),
                rule=name,
                rule_version=rule.ref,
                since=since,
                waiting_days=(work.today - since).days,
                owner=rule.value.owner,
                owner_label=rule.value.owner.label,
                deadline=since + timedelta(days=rule.value.days + rule.value.deadline_days),
                detail=spec.detail,
            )
        )
    return Page[WarningItem].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


async def scan_alerts(context: ServiceContext, rest: float = 0) -> ScanResult:
    """Run all detectors now and update the alerts; after each it rests `rest` times as long as it took."""
    return await alert_scan.run_detectors(context, ALERTS, DETECTORS, rest)
