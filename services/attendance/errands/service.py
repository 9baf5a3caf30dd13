"""Reporting an errand, and coming back from it."""

from datetime import date
from uuid import UUID

from services.attendance import repository as records
from services.attendance.errands import repository
from services.attendance.errands.lifecycle import ERRAND, ErrandAction, ErrandFacts, ErrandState
from services.attendance.errands.models import Errand
from services.attendance.errands.schemas import ErrandAct, ErrandCreate, ErrandDetail, ErrandRead
from services.attendance.fields import within_a_year
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, days, inform
from services.attendance.stationed import home
from shared.contracts.attendance import RequestMoved
from shared.creates import create
from shared.errors import Conflict
from shared.http import Match
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work

A = ErrandAction


async def report(work: Work, body: ErrandCreate) -> Errand:
    """Report an errand; a report made after leaving counts only once the town acknowledges it."""
    within_a_year(body.starts_on, body.ends_on)
    region = await home(work, work.actor.id, body.starts_on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    if other := await repository.overlapping(work, work.actor.id, body.starts_on, body.ends_on, body.id):
        raise Conflict(
            f"{other.starts_on} 至 {other.ends_on} 已报备公出({other.state.label})", "Overlaps another errand"
        )
    errand, fresh = await create(
        work,
        Errand,
        body,
        region=region,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        reported_at=work.at,
        state=ErrandState.REPORTED,
        state_since=work.at,
        **body.model_dump(),
    )
    if fresh:
        await work.tell(_moved(errand, "", ErrandState.REPORTED), errand)
    return errand


def _moved(errand: Errand, was: str, now: str) -> RequestMoved:
    return RequestMoved(
        kind="errand",
        person=errand.person,
        was=was,
        now=now,
        starts_on=errand.starts_on,
        ends_on=errand.ends_on,
    )


def _facts(work: Work, errand: Errand, reason: str = "", returned_on: date | None = None) -> ErrandFacts:
    return ErrandFacts(work.today, errand.starts_on, reason, returned_on)


async def act(
    work: Work, errand_id: UUID, action: ErrandAction, body: ErrandAct, *, match: Match, dry_run: bool
) -> Preview | Errand:
    """Acknowledge, refuse, withdraw, or come back."""
    errand = await records.get(work, Errand, errand_id, "这次公出", lock=True)
    preview = await fire(
        work,
        ERRAND,
        errand,
        action,
        _facts(work, errand, body.reason, body.returned_on),
        act=body,
        match=match,
        dry_run=dry_run,
        owner=errand.person,
        event=lambda was, now: _moved(errand, was, now),
    )
    if preview is not None:
        return preview
    if action is A.ACKNOWLEDGE:
        errand.acknowledged_by = work.actor.id
    if action is A.RETURN:
        errand.returned_on = body.returned_on
    words = f"{days(errand.starts_on, errand.ends_on)}去{errand.place}: {work.actor.name}{action.label}{because(body.reason)}"
    await inform(work, errand.person, MessageKind.ERRAND, errand, words)
    work.session.add(errand)
    return errand


async def detail(work: Work, errand_id: UUID) -> ErrandDetail:
    """An errand and what the caller may do with it."""
    errand = await records.get(work, Errand, errand_id, "这次公出")
    return ErrandDetail(
        **ErrandRead.model_validate(errand).model_dump(),
        available_actions=offers(work, ERRAND, errand, _facts(work, errand), owner=errand.person),
    )
