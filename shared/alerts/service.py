"""Handling an alert: owned by somebody, answered in time with what it takes, closed by another person."""

from datetime import date
from uuid import UUID

from shared.alerts import repository
from shared.alerts.lifecycle import AlertAction, AlertFacts, AlertState
from shared.alerts.models import AlertConfig, AlertRow
from shared.alerts.schemas import (
    AlertAssignment,
    AlertCount,
    AlertDetail,
    AlertRead,
    AlertSummary,
    AlertTransitionRequest,
)
from shared.errors import Conflict, FieldError, Invalid
from shared.events import Envelope, to_envelope
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.unit_of_work import UnitOfWork


def _build_facts(alert: AlertRow, reason: str, count: int) -> AlertFacts:
    return AlertFacts(reason=reason, resolved=alert.gone, files_needed=alert.files_needed, files=count)


async def get_alert_detail(work: UnitOfWork, alerts: AlertConfig, alert_id: UUID) -> AlertDetail:
    """An alert with the rows behind it and what the caller could do."""
    alert = await repository.get_alert(work, alerts, alert_id)
    return AlertDetail(
        **AlertRead.model_validate(alert).model_dump(),
        rows=alert.rows,
        available_actions=available_actions(work, alerts.lifecycle, alert, _build_facts(alert, "-", 1)),
    )


async def list_history(work: UnitOfWork, alerts: AlertConfig, alert_id: UUID) -> list[Envelope]:
    """Everything that happened to an alert."""
    alert = await repository.get_alert(work, alerts, alert_id)
    return [to_envelope(work.context.name, row) for row in await repository.list_history(work, alert)]


async def assign_alert(
    work: UnitOfWork, alerts: AlertConfig, alert_id: UUID, body: AlertAssignment, match: VersionMatch
) -> AlertRow:
    """Make somebody responsible, by a day that is not past. Conflict for a closed alert."""
    alert = await repository.get_alert(work, alerts, alert_id, lock=True)
    work.actor.require(alerts.decide, alert.region)
    match.check_version(alert)
    if alert.state is AlertState.CLOSED:
        raise Conflict("预警已销号", "The alert is closed")
    due: date = body.due_on or alert.due_on
    if body.due_on is not None and due < work.today:
        fault = FieldError("past", "期限不能早于今天", "due_on is past", "/due_on")
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    before = {"owner": alert.owner, "due_on": str(alert.due_on)}
    alert.owner, alert.due_on = body.owner, due
    alert.version += 1
    alert.updated_at = work.at
    work.session.add(alert)
    reason = f"责任人 {body.owner}, 期限 {due}"
    await work.publish(alerts.moved_event(alert, alert.state), alert, before=before, reason=reason)
    return alert


async def transition_alert(
    work: UnitOfWork,
    alerts: AlertConfig,
    alert_id: UUID,
    action: AlertAction,
    body: AlertTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | AlertRow:
    """Answer, send back or close."""
    alert = await repository.get_alert(work, alerts, alert_id, lock=True)
    ids = [str(one) for one in body.file_ids]
    await uploads.require_files(work, ids)
    preview = await apply_transition(
        work,
        alerts.lifecycle,
        alert,
        action,
        _build_facts(alert, body.reason, len(ids)),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: alerts.moved_event(alert, was),
    )
    if preview is not None:
        return preview
    if action is AlertAction.ANSWER:
        alert.answered_by, alert.answer = work.actor.id, body.reason
        alert.file_ids = sorted({*alert.file_ids, *ids})
    return alert


async def get_alert_summary(work: UnitOfWork, alerts: AlertConfig, region: str) -> AlertSummary:
    """How many alerts of each rule and light a region has."""
    found = await repository.count_alerts(work, alerts, region, work.today)
    rows = [AlertCount.model_validate(row) for row in found]
    return AlertSummary(
        region=region,
        undone=sum(row.undone for row in rows),
        done=sum(row.done for row in rows),
        overdue=sum(row.overdue for row in rows),
        rows=rows,
    )
