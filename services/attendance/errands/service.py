"""Errands: report, acknowledgement by the town, return."""

from datetime import date
from uuid import UUID

from services.attendance import repository as records
from services.attendance.errands import repository
from services.attendance.errands.lifecycle import ERRAND, ErrandAction, ErrandFacts, ErrandState
from services.attendance.errands.models import Errand
from services.attendance.errands.schemas import ErrandAct, ErrandCreate, ErrandDetail, ErrandRead
from services.attendance.fields import require_span_limit
from services.attendance.leaves import repository as leaves
from services.attendance.leaves.schemas import DayPart
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.posts.service import get_person_region
from shared.auth import May
from shared.clients.attendance import RequestMoved
from shared.errors import Conflict
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record
from shared.unit_of_work import UnitOfWork


async def create_errand(work: UnitOfWork, body: ErrandCreate) -> Errand:
    """Reports an errand. Raises Conflict if it overlaps another.

    A report made after the start counts only once the town acknowledges it.
    """
    require_span_limit(body.starts_on, body.ends_on)
    region = await get_person_region(work, work.actor.id, body.starts_on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    if other := await repository.find_overlapping_errand(
        work, work.actor.id, body.starts_on, body.ends_on, body.id
    ):
        raise Conflict(
            f"{other.starts_on} 至 {other.ends_on} 已报备公出({other.state.label})", "Overlaps another errand"
        )
    leave = await leaves.find_overlapping_leave(
        work, work.actor.id, body.starts_on, body.ends_on, DayPart.DAY, None
    )
    if leave is not None and leave.part is DayPart.DAY and not await _is_stored(work, body):
        raise Conflict(
            f"{format_days(leave.starts_on, leave.ends_on)}已请假({leave.state.label}), 请先撤回或销假",
            "Overlaps a leave",
        )
    errand, _ = await create_record(
        work,
        Errand,
        body,
        event=lambda errand: _build_event(errand, "", ErrandState.REPORTED),
        region=region,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        reported_at=work.at,
        state=ErrandState.REPORTED,
        state_since=work.at,
        **body.model_dump(),
    )
    return errand


async def _is_stored(work: UnitOfWork, body: ErrandCreate) -> bool:
    """True if the report was stored before: a repeat is no overlap."""
    return body.id is not None and await work.session.get(Errand, body.id) is not None


def _build_event(errand: Errand, was: str, now: str) -> RequestMoved:
    return RequestMoved(
        kind="errand",
        person=errand.person,
        was=was,
        now=now,
        starts_on=errand.starts_on,
        ends_on=errand.ends_on,
    )


def _build_facts(
    work: UnitOfWork, errand: Errand, reason: str = "", returned_on: date | None = None
) -> ErrandFacts:
    """Returns the guards' inputs."""
    return ErrandFacts(work.today, errand.starts_on, reason, returned_on)


async def transition_errand(
    work: UnitOfWork,
    errand_id: UUID,
    action: ErrandAction,
    body: ErrandAct,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Errand:
    """Acknowledges, refuses or withdraws an errand, or records the return."""
    errand = await records.get_record(work, Errand, errand_id, "这次公出", lock=True)
    preview = await apply_transition(
        work,
        ERRAND,
        errand,
        action,
        _build_facts(work, errand, body.reason, body.returned_on),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=errand.person,
        event=lambda was, now: _build_event(errand, was, now),
    )
    if preview is not None:
        return preview
    if action is ErrandAction.ACKNOWLEDGE:
        errand.acknowledged_by = work.actor.id
    if action is ErrandAction.RETURN:
        errand.returned_on = body.returned_on
    text = f"{format_days(errand.starts_on, errand.ends_on)}去{errand.place}: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, errand.person, MessageKind.ERRAND, errand, text)
    work.session.add(errand)
    return errand


async def get_errand_detail(work: UnitOfWork, errand_id: UUID) -> ErrandDetail:
    """Returns an errand with the actions of the caller."""
    errand = await records.get_record(work, Errand, errand_id, "这次公出")
    return ErrandDetail(
        **ErrandRead.model_validate(errand).model_dump(),
        available_actions=available_actions(
            work, ERRAND, errand, _build_facts(work, errand), owner=errand.person
        ),
    )
