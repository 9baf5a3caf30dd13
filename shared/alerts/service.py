"""Use cases of alerts: detail, assignment, transitions, summary."""

from datetime import date
from uuid import UUID

from shared.alerts import repository
from shared.alerts.deadlines import ring_after_commit
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
from shared.clients.identity import AccountHandedOver
from shared.errors import Conflict, FieldError, Invalid
from shared.events import Envelope, to_envelope
from shared.events.inbox import EventHandler
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import save_record
from shared.unit_of_work import UnitOfWork


def _build_facts(alert: AlertRow, reason: str, count: int) -> AlertFacts:
    return AlertFacts(reason=reason, resolved=alert.gone, files_needed=alert.files_needed, files=count)


async def get_alert_detail(work: UnitOfWork, alerts: AlertConfig, alert_id: UUID) -> AlertDetail:
    """An alert with the rows behind it and the actions available to the caller."""
    alert = await repository.get_alert(work, alerts, alert_id)
    return AlertDetail(
        **AlertRead.model_validate(alert).model_dump(),
        rows=alert.rows,
        available_actions=available_actions(work, alerts.lifecycle, alert, _build_facts(alert, "-", 1)),
    )


async def list_history(work: UnitOfWork, alerts: AlertConfig, alert_id: UUID) -> list[Envelope]:
    """The events of an alert."""
    alert = await repository.get_alert(work, alerts, alert_id)
    rows = await repository.list_history(work, alert)
    return [to_envelope(work.context.name, row, row.epoch) for row in rows]


async def assign_alert(
    work: UnitOfWork, alerts: AlertConfig, alert_id: UUID, body: AlertAssignment, match: VersionMatch
) -> AlertRow:
    """Set owner and due date; Invalid for a past date, Conflict for a closed alert."""
    alert = await repository.get_alert(work, alerts, alert_id, lock=True)
    work.actor.require(alerts.decide, alert.region)
    match.check_version(alert)
    if alert.state is AlertState.CLOSED:
        raise Conflict("预警已销号", "The alert is closed")
    due_on: date = body.due_on or alert.due_on
    if body.due_on is not None and due_on < work.today:
        error = FieldError("past", "期限不能早于今天", "due_on is past", "/due_on")
        raise Invalid(error.detail, error.detail_en, errors=[error])
    before = {"owner": alert.owner, "due_on": str(alert.due_on)}
    alert.owner, alert.due_on = body.owner, due_on
    reason = f"责任人 {body.owner}, 期限 {due_on}"
    await save_record(work, alert, alerts.moved_event(alert, alert.state), before=before, reason=reason)
    return alert


async def hand_over_alerts(work: UnitOfWork, alerts: AlertConfig, event: AccountHandedOver) -> None:
    """Make the successor the owner of every open alert of an account; each alert's history says so."""
    for alert in await repository.system_list_owned_alerts(work, alerts, event.account):
        before = {"owner": alert.owner}
        alert.owner = event.successor
        reason = f"工作移交: {event.reason}, 责任人改为{event.successor_name}"
        await save_record(work, alert, alerts.moved_event(alert, alert.state), before=before, reason=reason)


def handle_handover(alerts: AlertConfig) -> EventHandler:
    """Handler of `account.handed_over` for a service whose alerts these are."""

    async def handle(work: UnitOfWork, _envelope: Envelope, event: AccountHandedOver) -> None:
        await hand_over_alerts(work, alerts, event)

    return handle


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
    """Answer, send back or close an alert, or preview that. Invalid for a new deadline that is past or no closing."""
    _check_deadline(work, action, body)
    alert = await repository.get_alert(work, alerts, alert_id, lock=True)
    ids = [str(file_id) for file_id in body.file_ids]
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
        event=lambda previous, _target: alerts.moved_event(alert, previous),
    )
    if preview is not None:
        return preview
    if action is AlertAction.ANSWER:
        alert.answered_by, alert.answer = work.actor.id, body.reason
        alert.file_ids = sorted({*alert.file_ids, *ids})
    if action is AlertAction.CLOSE:
        alert.reopen_on = body.due_on
        if body.due_on is not None:
            ring_after_commit(work)
    return alert


def _check_deadline(work: UnitOfWork, action: AlertAction, body: AlertTransitionRequest) -> None:
    if body.due_on is None:
        return
    detail, detail_en = "", ""
    if action is not AlertAction.CLOSE:
        detail, detail_en = "只有销号时可以给出新期限", "only a closing has a new deadline"
    elif body.due_on < work.today:
        detail, detail_en = "期限不能早于今天", "due_on is past"
    if detail:
        raise Invalid(detail, detail_en, errors=[FieldError("deadline", detail, detail_en, "/due_on")])


async def get_alert_summary(work: UnitOfWork, alerts: AlertConfig, region: str) -> AlertSummary:
    """Counts of a region's alerts by rule, kind and severity, with totals."""
    counts = await repository.count_alerts(work, alerts, region, work.today)
    rows = [AlertCount.model_validate(row) for row in counts]
    return AlertSummary(
        region=region,
        undone=sum(row.undone for row in rows),
        done=sum(row.done for row in rows),
        overdue=sum(row.overdue for row in rows),
        rows=rows,
    )
