"""Handling an alert: owned by somebody, answered in time with what it takes, closed by another person."""

from datetime import date
from uuid import UUID

from services.funds.alerts import repository
from services.funds.alerts.lifecycle import ALERT, AlertAction, AlertFacts, AlertState
from services.funds.alerts.models import Alert
from services.funds.alerts.schemas import (
    AlertAct,
    AlertCount,
    AlertDetail,
    AlertRead,
    AlertSummary,
    Assignment,
)
from shared import files
from shared.contracts.funds import AlertMoved
from shared.errors import Conflict, Fault, Invalid
from shared.events import Envelope
from shared.http import Match
from shared.log import envelope
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work


def moved(alert: Alert, was: AlertState) -> AlertMoved:
    """The event of an alert that changed."""
    return AlertMoved(alert_id=alert.id, rule=alert.rule, was=was, now=alert.state)


def _facts(alert: Alert, body: AlertAct) -> AlertFacts:
    return AlertFacts(reason=body.reason, files_needed=alert.files_needed, files=len(body.file_ids))


async def detail(work: Work, alert_id: UUID) -> AlertDetail:
    """An alert with the rows behind it and what the caller could do."""
    alert = await repository.get(work, alert_id)
    facts = AlertFacts(reason="-", files_needed=alert.files_needed, files=1)
    return AlertDetail(
        **AlertRead.model_validate(alert).model_dump(),
        rows=alert.rows,
        available_actions=offers(work, ALERT, alert, facts),
    )


async def history(work: Work, alert_id: UUID) -> list[Envelope]:
    """Everything that happened to an alert."""
    alert = await repository.get(work, alert_id)
    return [envelope(work.context.name, row) for row in await repository.history(work, alert)]


async def assign(work: Work, alert_id: UUID, body: Assignment, match: Match) -> Alert:
    """Make somebody responsible, by a day that is not past. Conflict for a closed alert."""
    alert = await repository.get(work, alert_id, lock=True)
    work.actor.require(May.FUND_ALERT, alert.region)
    match.check(alert)
    if alert.state is AlertState.CLOSED:
        raise Conflict("预警已销号", "The alert is closed")
    due: date = body.due_on or alert.due_on
    if body.due_on is not None and due < work.today:
        fault = Fault("past", "期限不能早于今天", "due_on is past", "/due_on")
        raise Invalid(fault.detail, fault.detail_en, faults=[fault])
    before = {"owner": alert.owner, "due_on": str(alert.due_on)}
    alert.owner, alert.due_on = body.owner, due
    alert.version += 1
    alert.updated_at = work.at
    work.session.add(alert)
    reason = f"责任人 {body.owner}, 期限 {due}"
    await work.tell(moved(alert, alert.state), alert, before=before, reason=reason)
    return alert


async def act(
    work: Work, alert_id: UUID, action: AlertAction, body: AlertAct, *, match: Match, dry_run: bool
) -> Preview | Alert:
    """Answer, send back or close."""
    alert = await repository.get(work, alert_id, lock=True)
    ids = [str(one) for one in body.file_ids]
    await files.require(work, ids)
    preview = await fire(
        work,
        ALERT,
        alert,
        action,
        _facts(alert, body),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: moved(alert, was),
    )
    if preview is not None:
        return preview
    if action is AlertAction.ANSWER:
        alert.answered_by, alert.answer = work.actor.id, body.reason
        alert.file_ids = sorted({*alert.file_ids, *ids})
    return alert


async def summary(work: Work, region: str) -> AlertSummary:
    """How many alerts of each kind and light a region has."""
    rows = [AlertCount.model_validate(row) for row in await repository.counts(work, region, work.today)]
    return AlertSummary(
        region=region,
        undone=sum(row.undone for row in rows),
        done=sum(row.done for row in rows),
        overdue=sum(row.overdue for row in rows),
        rows=rows,
    )
