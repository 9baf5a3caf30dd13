"""Count and list warned projects; scan for alerts."""

from datetime import timedelta
from typing import Any

from services.projects.alerts import repository
from services.projects.alerts.detectors import WARNING_SPECS, PaymentGapRule, WarningRule
from services.projects.alerts.models import ALERTS
from services.projects.alerts.schemas import WarningCount, WarningCounts, WarningItem
from services.projects.changes import repository as changes
from services.projects.projects.schemas import ProjectRow
from shared.alerts import scan as alert_scan
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Detection, DetectionContext, Detector
from shared.alerts.schemas import ScanResult
from shared.auth import May
from shared.errors import NotFound
from shared.http import Page, PageParams
from shared.rules import Rule
from shared.unit_of_work import ServiceContext, UnitOfWork

RULE_PREFIX = "warning."
UNPUBLISHED_CHANGE_RULE = "change_unpublished"


async def _load_rules(work: UnitOfWork, region: str) -> dict[str, Rule[WarningRule]]:
    rules = await work.get_rules((one.rule for one in DETECTORS), region=region)
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
    """Count the projects of a region per warning rule in force."""
    rules = await _load_rules(work, region)
    unpublished = rules.pop(UNPUBLISHED_CHANGE_RULE, None)
    counts = await repository.count_warnings(work, region, {name: rule.value for name, rule in rules.items()})
    items = [
        _build_count(name, rule, counts[name], f"/api/v1/projects/warnings/{name}?region={region}")
        for name, rule in rules.items()
    ]
    if unpublished is not None:
        count = await changes.count_unpublished(work, May.PROJECT_READ, region)
        address = f"/api/v1/projects/changes?unpublished=true&region={region}"
        items.append(_build_count(UNPUBLISHED_CHANGE_RULE, unpublished, (count, count), address))
    return WarningCounts(region=region, on=work.today, items=items)


async def list_warned_projects(
    work: UnitOfWork, params: PageParams, region: str, name: str
) -> Page[WarningItem]:
    """Return the projects that match a warning rule; raise NotFound when no such rule is in force."""
    rules = await _load_rules(work, region)
    rules.pop(UNPUBLISHED_CHANGE_RULE, None)
    if name not in rules:
        raise NotFound(f"没有预警规则 {name}, 现有: {'、'.join(rules)}", f"No warning {name}")
    rule, spec = rules[name], WARNING_SPECS[name]
    page = await repository.list_warned_projects(work, params, region, name, rule.value)
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


def _build_detector(name: str) -> Detector[Any]:
    async def detect(context: DetectionContext[WarningRule]) -> list[Detection]:
        rows = context.note_truncation(
            await repository.system_list_warned(context.work, name, context.rule.value)
        )
        return [
            Detection(
                "project",
                str(row.id),
                row.region,
                f"{context.rule.title}: {row.name}",
                f"{WARNING_SPECS[name].detail}: 自 {row.since} 起 {(context.on - row.since).days} 天",
                figures={"起算": str(row.since), "天数": str((context.on - row.since).days)},
                rows=[{"label": row.name, "address": f"/api/v1/projects/{row.id}"}],
            )
            for row in rows
        ]

    shape = PaymentGapRule if name == "behind_payment" else WarningRule
    return Detector(f"{RULE_PREFIX}{name}", shape, detect)


async def _detect_unpublished_changes(context: DetectionContext[WarningRule]) -> list[Detection]:
    """Detect approved changes that were not published by their deadline."""
    rows = context.note_truncation(await changes.system_list_unpublished(context.work, MAX_ROWS_PER_SCAN))
    return [
        Detection(
            "change",
            str(row.id),
            row.region,
            f"{context.rule.title}: {row.project_name}",
            f"变更 {row.approved_on} 审定, 应于 {row.republish_by} 前公示, 至今没有公示",
            figures={"审定": str(row.approved_on), "公示期限": str(row.republish_by)},
            rows=[{"label": row.project_name, "address": f"/api/v1/projects/changes/{row.id}"}],
            project_id=row.project_id,
        )
        for row in rows
    ]


DETECTORS: tuple[Detector[Any], ...] = (
    *(_build_detector(name) for name in WARNING_SPECS),
    Detector(f"{RULE_PREFIX}{UNPUBLISHED_CHANGE_RULE}", WarningRule, _detect_unpublished_changes),
)


async def scan_alerts(context: ServiceContext) -> ScanResult:
    """Run all warning detectors now and store the resulting alerts."""
    return await alert_scan.run_detectors(context, ALERTS, DETECTORS)
