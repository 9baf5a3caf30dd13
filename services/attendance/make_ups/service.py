"""Asking for a make-up, witnessing and approving it."""

from uuid import UUID

from services.attendance.fields import require_not_future
from services.attendance.make_ups import repository
from services.attendance.make_ups.lifecycle import MAKE_UP, MakeUpAction, MakeUpFacts, MakeUpState
from services.attendance.make_ups.models import MakeUp
from services.attendance.make_ups.schemas import MakeUpCreate, MakeUpDetail, MakeUpRead
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import PresenceRules, load_rule
from services.attendance.posts.service import get_person_region
from shared.auth import May
from shared.china import month_bounds
from shared.clients.attendance import RequestMoved
from shared.errors import Conflict, FieldError, Invalid
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
)
from shared.records import create_record
from shared.unit_of_work import UnitOfWork

Action = MakeUpAction


async def create_make_up(work: UnitOfWork, body: MakeUpCreate) -> MakeUp:
    """Ask for a make-up; Conflict beyond the month's number in the district's rules."""
    require_not_future(body.on, work.today, "/on")
    if body.witness == work.actor.id:
        raise Invalid(
            "不能为自己证明", "Not oneself", errors=[FieldError("self", "不能为自己证明", "", "/witness")]
        )
    region = await get_person_region(work, work.actor.id, body.on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    if other := await repository.find_make_up_on_day(work, work.actor.id, body.on, body.id):
        raise Conflict(f"{body.on} 已申请补卡({other.state.label})", "Asked for already")
    rules, _ = await load_rule(work, "presence.rules", PresenceRules, region, on=body.on)
    if (
        await repository.count_make_ups(work, work.actor.id, *month_bounds(body.on), body.id)
        >= rules.make_ups_a_month
    ):
        raise Conflict(f"一个月最多补卡 {rules.make_ups_a_month} 次", "No more make-ups this month")
    made, fresh = await create_record(
        work,
        MakeUp,
        body,
        region=region,
        id=body.id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        starts_on=body.on,
        part=body.part,
        why=body.why,
        witness=body.witness,
        state=MakeUpState.REQUESTED,
        state_since=work.at,
    )
    if fresh:
        await work.publish(_build_event(made, "", MakeUpState.REQUESTED), made)
        words = f"{made.person_name}请您证明{format_days(body.on, body.on)}在岗: {body.why}"
        await send_message(work, body.witness, MessageKind.MAKE_UP, made, words)
    return made


def _build_event(made: MakeUp, was: str, now: str) -> RequestMoved:
    on = made.starts_on
    return RequestMoved(kind="make_up", person=made.person, was=was, now=now, starts_on=on, ends_on=on)


def _build_facts(work: UnitOfWork, made: MakeUp, reason: str = "") -> MakeUpFacts:
    return MakeUpFacts(work.actor.id == made.witness, reason)


async def transition_make_up(
    work: UnitOfWork,
    make_up_id: UUID,
    action: MakeUpAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | MakeUp:
    """Witness, approve, refuse or withdraw."""
    made = await repository.get_make_up(work, make_up_id, lock=True)
    preview = await apply_transition(
        work,
        MAKE_UP,
        made,
        action,
        _build_facts(work, made, body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=made.witness if action is Action.WITNESS else made.person,
        event=lambda was, now: _build_event(made, was, now),
    )
    if preview is not None:
        return preview
    if action is Action.WITNESS:
        made.witnessed_at = work.at
    if action is Action.APPROVE:
        made.approved_by = work.actor.id
    on = format_days(made.starts_on, made.starts_on)
    words = f"{on}的补卡: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, made.person, MessageKind.MAKE_UP, made, words)
    work.session.add(made)
    return made


async def get_make_up_detail(work: UnitOfWork, make_up_id: UUID) -> MakeUpDetail:
    """A make-up and what the caller may do with it."""
    made = await repository.get_make_up(work, make_up_id)
    owner = made.witness if work.actor.id == made.witness else made.person
    return MakeUpDetail(
        **MakeUpRead.model_validate(made).model_dump(),
        available_actions=available_actions(work, MAKE_UP, made, _build_facts(work, made), owner=owner),
    )
