"""Count and list warned projects; scan for alerts."""

from datetime import timedelta

from services.projects.alerts import repository
from services.projects.alerts.detectors import WARNING_SPECS
from services.projects.alerts.models import ALERTS
from services.projects.alerts.schemas import WarningCount, WarningCounts, WarningItem
from services.projects.changes import repository as changes
from services.projects.projects.schemas import ProjectRow
from shared.alerts import scan as alerts
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Detection, DetectionContext, Detector
from shared.alerts.schemas import ScanResult
from shared.auth import May, Role
from shared.errors import NotFound
from shared.http import Page, PageParams
from shared.rules import Rule, list_rules_in_force
from shared.unit_of_work import ServiceContext, UnitOfWork

RULE_PREFIX = "warning."
UNPUBLISHED_CHANGE_RULE = "change_unpublished"


async def _load_rules(work: UnitOfWork, region: str) -> dict[str, Rule]:
    found = await list_rules_in_force(work.session, work.today, region, RULE_PREFIX)
    by_name = {rule.key.removeprefix(RULE_PREFIX): rule for rule in found}
    return {name: by_name[name] for name in WARNING_SPECS if name in by_name}


async def _find_rule(work: UnitOfWork, region: str, name: str) -> Rule | None:
    return next(
        iter(await list_rules_in_force(work.session, work.today, region, f"{RULE_PREFIX}{name}")), None
    )


def _build_count(name: str, rule: Rule, found: tuple[int, int], rows: str) -> WarningCount:
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


async def count_warnings(work: UnitOfWork, region: str) -> WarningCounts:
    """Every rule with its hits in a region."""
    rules = await _load_rules(work, region)
    hits = await repository.count_warnings(work, region, {name: rule.value for name, rule in rules.items()})
    items = [
        _build_count(name, rule, hits[name], f"/api/v1/projects/warnings/{name}?region={region}")
        for name, rule in rules.items()
    ]
    if (rule := await _find_rule(work, region, UNPUBLISHED_CHANGE_RULE)) is not None:
        count = await changes.count_unpublished(work, May.PROJECT_READ, region)
        address = f"/api/v1/projects/changes?unpublished=true&region={region}"
        items.append(_build_count(UNPUBLISHED_CHANGE_RULE, rule, (count, count), address))
    return WarningCounts(region=region, on=work.today, items=items)


async def list_warned_projects(
    work: UnitOfWork, asked: PageParams, region: str, name: str
) -> Page[WarningItem]:
    """The projects one rule warns of; NotFound without such a rule in force."""
    rules = await _load_rules(work, region)
    if name not in rules:
        raise NotFound(f"没有预警规则 {name}, 现有: {'、'.join(rules)}", f"No warning {name}")
    rule, sign = rules[name], WARNING_SPECS[name]
    found = await repository.list_warned_projects(work, asked, region, name, rule.value)
    items = []
    for project in found.items:
        since = sign.get_start_day(project)
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


def _make_detector(name: str) -> Detector:
    async def watch(look: DetectionContext) -> list[Detection]:
        rows = look.note_truncation(await repository.system_list_warned(look.work, name, look.rule.value))
        return [
            Detection(
                "project",
                str(row.id),
                row.region,
                f"{look.rule.title}: {row.name}",
                f"{WARNING_SPECS[name].detail}: 自 {row.since} 起 {(look.on - row.since).days} 天",
                figures={"起算": str(row.since), "天数": str((look.on - row.since).days)},
                rows=[{"label": row.name, "address": f"/api/v1/projects/{row.id}"}],
            )
            for row in rows
        ]

    return watch


async def _detect_unpublished_changes(look: DetectionContext) -> list[Detection]:
    """Changes decided and not on notice by their day."""
    rows = look.note_truncation(await changes.system_list_unpublished(look.work, MAX_ROWS_PER_SCAN))
    return [
        Detection(
            "change",
            str(row.id),
            row.region,
            f"{look.rule.title}: {row.project_name}",
            f"变更 {row.approved_on} 审定, 应于 {row.republish_by} 前公示, 至今没有公示",
            figures={"审定": str(row.approved_on), "公示期限": str(row.republish_by)},
            rows=[{"label": row.project_name, "address": f"/api/v1/projects/changes/{row.id}"}],
            project_id=row.project_id,
        )
        for row in rows
    ]


DETECTORS: dict[str, Detector] = {
    **{name: _make_detector(name) for name in WARNING_SPECS},
    UNPUBLISHED_CHANGE_RULE: _detect_unpublished_changes,
}


async def scan_alerts(context: ServiceContext) -> ScanResult:
    """Let every warning in force look at the library now."""
    return await alerts.run_detectors(context, ALERTS, RULE_PREFIX, DETECTORS)
