"""Make-up requests: creation, testimony of the witness, approval."""

from uuid import UUID

from services.attendance.fields import require_not_future
from services.attendance.make_ups import repository
from services.attendance.make_ups.lifecycle import MAKE_UP, MakeUpAction, MakeUpFacts, MakeUpState
from services.attendance.make_ups.models import MakeUp
from services.attendance.make_ups.schemas import MakeUpCreate, MakeUpDetail, MakeUpRead
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import PRESENCE_RULES
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


async def create_make_up(work: UnitOfWork, body: MakeUpCreate) -> MakeUp:
    """Requests a make-up. Raises Conflict for a second one on the day or above the month's limit, Invalid for oneself as witness."""
    require_not_future(body.on, work.today, "/on")
    if work.actor.is_same_person(body.witness):
        raise Invalid(
            "不能为自己证明", "Not oneself", errors=[FieldError("self", "不能为自己证明", "", "/witness")]
        )
    region = await get_person_region(work, work.actor.id, body.on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    if other := await repository.find_make_up_on_day(work, work.actor.id, body.on, body.id):
        raise Conflict(f"{body.on} 已申请补卡({other.state.label})", "Asked for already")
    rules = (await work.get_rule(PRESENCE_RULES, region=region, on=body.on)).value
    if (
        await repository.count_make_ups(work, work.actor.id, *month_bounds(body.on), body.id)
        >= rules.make_ups_a_month
    ):
        raise Conflict(f"一个月最多补卡 {rules.make_ups_a_month} 次", "No more make-ups this month")
    make_up, is_new = await create_record(
        work,
        MakeUp,
        body,
        event=lambda make_up: _build_event(make_up, "", MakeUpState.REQUESTED),
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
    if is_new:
        text = f"{make_up.person_name}请您证明{format_days(body.on, body.on)}在岗: {body.why}"
        await send_message(work, body.witness, MessageKind.MAKE_UP, make_up, text)
    return make_up


def _build_event(make_up: MakeUp, was: str, now: str) -> RequestMoved:
    on = make_up.starts_on
    return RequestMoved(kind="make_up", person=make_up.person, was=was, now=now, starts_on=on, ends_on=on)


def _build_facts(work: UnitOfWork, make_up: MakeUp, reason: str = "") -> MakeUpFacts:
    """Returns the guards' inputs."""
    return MakeUpFacts(work.actor.id == make_up.witness, reason)


async def transition_make_up(
    work: UnitOfWork,
    make_up_id: UUID,
    action: MakeUpAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | MakeUp:
    """Witnesses, approves, refuses or withdraws."""
    make_up = await repository.get_make_up(work, make_up_id, lock=True)
    preview = await apply_transition(
        work,
        MAKE_UP,
        make_up,
        action,
        _build_facts(work, make_up, body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=make_up.witness if action is MakeUpAction.WITNESS else make_up.person,
        event=lambda was, now: _build_event(make_up, was, now),
    )
    if preview is not None:
        return preview
    if action is MakeUpAction.WITNESS:
        make_up.witnessed_at = work.at
    if action is MakeUpAction.APPROVE:
        make_up.approved_by = work.actor.id
    on = format_days(make_up.starts_on, make_up.starts_on)
    text = f"{on}的补卡: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, make_up.person, MessageKind.MAKE_UP, make_up, text)
    work.session.add(make_up)
    return make_up


async def get_make_up_detail(work: UnitOfWork, make_up_id: UUID) -> MakeUpDetail:
    """Returns a make-up with the actions of the caller."""
    make_up = await repository.get_make_up(work, make_up_id)
    owner = make_up.witness if work.actor.id == make_up.witness else make_up.person
    return MakeUpDetail(
        **MakeUpRead.model_validate(make_up).model_dump(),
        available_actions=available_actions(work, MAKE_UP, make_up, _build_facts(work, make_up), owner=owner),
    )
