"""The alerts of this service. The rules are in rules/warnings.json, what makes a project late in alerts/rules.py."""

from collections.abc import Sequence
from typing import Any

from services.projects.alerts import repository
from services.projects.alerts.rules import WARNING_SPECS, PaymentGapRule, WarningRule
from services.projects.changes import repository as changes
from services.projects.changes.models import NOTICE_SUBJECT_KIND
from shared.alerts.detection import (
    MAX_ROWS_PER_SCAN,
    Detection,
    DetectionContext,
    Detector,
    LogRow,
    Subjects,
    WindowAlertRule,
    build_notice_detections,
    collect_ids,
    is_among,
    touched_by,
)
from shared.clients.projects import (
    ChangeMoved,
    EvaluationMoved,
    ProjectChanged,
    ProjectEvaluated,
    ProjectFunded,
    ProjectMoved,
    ProjectProgressed,
    ProjectRolledOver,
)
from shared.notices import repository as notices
from shared.notices.service import NoticePosted
from shared.unit_of_work import UnitOfWork

RULE_PREFIX = "warning."
UNPUBLISHED_CHANGE_RULE = "change_unpublished"
PROJECT_TOPICS = (
    ProjectMoved.topic,
    ProjectChanged.topic,
    ProjectFunded.topic,
    ProjectProgressed.topic,
    ProjectRolledOver.topic,
    ProjectEvaluated.topic,
    EvaluationMoved.topic,
)


def _build_detector(name: str) -> Detector[Any]:
    async def detect(context: DetectionContext[WarningRule]) -> list[Detection]:
        rows = context.note_truncation(
            await repository.system_list_warned(context.work, name, context.rule.value, context.subjects)
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
    return Detector(f"{RULE_PREFIX}{name}", shape, detect, PROJECT_TOPICS, touched_by("project_id"))


async def _find_changes(_work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The changes that moved, and those that a notice was posted about."""
    noticed = {
        row.subject
        for row in rows
        if row.type == NoticePosted.topic and row.after["subject_kind"] == NOTICE_SUBJECT_KIND
    }
    return collect_ids(rows, "change_id") | noticed


async def _detect_unpublished_changes(context: DetectionContext[WarningRule]) -> list[Detection]:
    """Detect approved changes that were not published by their deadline."""
    among = is_among(changes.CHANGE_TABLE.c.id, context.subjects)
    rows = context.note_truncation(
        await changes.system_list_unpublished(context.work, MAX_ROWS_PER_SCAN, among)
    )
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


async def _detect_notices_entered_afterwards(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Detect public notices that were entered after their first day."""
    since = context.rule.value.get_window_start(context.on)
    rows = await notices.system_list_entered_afterwards(
        context.work, since, MAX_ROWS_PER_SCAN, context.subjects
    )
    return build_notice_detections(context, rows, "/api/v1/projects")


DETECTORS: tuple[Detector[Any], ...] = (
    *(_build_detector(name) for name in WARNING_SPECS),
    Detector(
        f"{RULE_PREFIX}{UNPUBLISHED_CHANGE_RULE}",
        WarningRule,
        _detect_unpublished_changes,
        (ChangeMoved.topic, NoticePosted.topic),
        _find_changes,
    ),
    Detector(
        "evidence.notice_afterwards",
        WindowAlertRule,
        _detect_notices_entered_afterwards,
        (NoticePosted.topic,),
        touched_by("notice_id"),
    ),
)
