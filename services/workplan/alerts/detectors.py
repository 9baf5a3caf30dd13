"""The alerts of this service: what each looks for among the targets. The rules are in rules/alerts.json."""

from datetime import date, timedelta

from services.workplan.alerts.repository import TARGETS, list_targets
from services.workplan.targets.events import (
    WorkActualDecided,
    WorkActualReported,
    WorkTargetExplained,
    WorkTargetSet,
)
from services.workplan.targets.models import WorkTarget
from services.workplan.targets.schemas import ActualSource, Light
from services.workplan.targets.service import get_light
from shared.alerts.detection import (
    AlertRule,
    AlertRuleT,
    DaysAlertRule,
    Detection,
    DetectionContext,
    Detector,
    touched_by,
)
from shared.alerts.lifecycle import AlertSeverity

TOPICS = (WorkTargetSet.topic, WorkActualReported.topic, WorkActualDecided.topic, WorkTargetExplained.topic)
SEVERITIES = {Light.YELLOW: AlertSeverity.YELLOW, Light.RED: AlertSeverity.RED}
MONTHS_PER_QUARTER = 3


def find_quarter_end(on: date) -> date:
    """The last day of the quarter before the one of a day."""
    first_month = (on.month - 1) // MONTHS_PER_QUARTER * MONTHS_PER_QUARTER + 1
    return on.replace(month=first_month, day=1) - timedelta(days=1)


def _build_detection(
    context: DetectionContext[AlertRuleT],
    target: WorkTarget,
    message: str,
    severity: AlertSeverity | None = None,
) -> Detection:
    return Detection(
        "work_target",
        str(target.id),
        target.region,
        f"{context.rule.title}: 第 {target.item_number} 项 {target.name}",
        message,
        severity,
        figures={"目标": target.value, "已完成": target.reached or "", "截至": str(target.reached_on or "")},
    )


async def detect_behind(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Targets of this year below the milestone of the last quarter that is over."""
    targets = await list_targets(context.work, context.subjects, TARGETS.c.year == context.on.year)
    context.note_truncation(targets)
    found = []
    for target in targets:
        severity = SEVERITIES.get(await get_light(context.work, target))
        if severity is not None:
            explained = f"说明: {target.explanation}" if target.explanation else "还没有说明原因"
            found.append(_build_detection(context, target, f"落后于序时进度, {explained}", severity))
    return found


async def detect_unreported(context: DetectionContext[DaysAlertRule]) -> list[Detection]:
    """Targets that people report, without a confirmed actual of the last quarter's end some days after it."""
    ended = find_quarter_end(context.on - timedelta(days=context.rule.value.days))
    targets = await list_targets(
        context.work,
        context.subjects,
        TARGETS.c.year == ended.year,
        TARGETS.c.source != ActualSource.COMPUTED,
        TARGETS.c.created_at <= context.work.at - timedelta(days=context.rule.value.days),
        (TARGETS.c.reached_on.is_(None)) | (TARGETS.c.reached_on < ended),
    )
    context.note_truncation(targets)
    return [_build_detection(context, target, f"没有截至 {ended} 的已核实进度") for target in targets]


DETECTORS = (
    Detector("workplan.behind", AlertRule, detect_behind, TOPICS, touched_by("target_id")),
    Detector("workplan.unreported", DaysAlertRule, detect_unreported, TOPICS, touched_by("target_id")),
)
