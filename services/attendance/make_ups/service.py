"""Asking for a make-up, witnessing and approving it."""

from uuid import UUID

from services.attendance.fields import not_future
from services.attendance.make_ups import repository
from services.attendance.make_ups.lifecycle import MAKE_UP, MakeUpAction, MakeUpFacts, MakeUpState
from services.attendance.make_ups.models import MakeUp
from services.attendance.make_ups.schemas import MakeUpCreate, MakeUpDetail, MakeUpRead
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, days, inform
from services.attendance.policy import PresenceRules, ruled
from services.attendance.stationed import home
from shared.contracts.attendance import RequestMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.moves import Act, Preview, fire, offers
from shared.permissions import May
from shared.work import Work
from shared.workdays import month_span

A = MakeUpAction


async def request(work: Work, body: MakeUpCreate) -> MakeUp:
    """Ask for a make-up; Conflict beyond the month's number in the district's rules."""
    not_future(body.on, work.today, "/on")
    if body.witness == work.actor.id:
        raise Invalid(
            "不能为自己证明", "Not oneself", faults=[Fault("self", "不能为自己证明", "", "/witness")]
        )
    region = await home(work, work.actor.id, body.on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    if other := await repository.asked_for(work, work.actor.id, body.on, body.id):
        raise Conflict(f"{body.on} 已申请补卡({other.state.label})", "Asked for already")
    rules, _ = await ruled(work, "presence.rules", PresenceRules, region, on=body.on)
    if await repository.count(work, work.actor.id, *month_span(body.on), body.id) >= rules.make_ups_a_month:
        raise Conflict(f"一个月最多补卡 {rules.make_ups_a_month} 次", "No more make-ups this month")
    made, fresh = await create(
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
        await work.tell(_moved(made, "", MakeUpState.REQUESTED), made)
        words = f"{made.person_name}请您证明{days(body.on, body.on)}在岗: {body.why}"
        await inform(work, body.witness, MessageKind.MAKE_UP, made, words)
    return made


def _moved(made: MakeUp, was: str, now: str) -> RequestMoved:
    on = made.starts_on
    return RequestMoved(kind="make_up", person=made.person, was=was, now=now, starts_on=on, ends_on=on)


def _facts(work: Work, made: MakeUp, reason: str = "") -> MakeUpFacts:
    return MakeUpFacts(work.actor.id == made.witness, reason)


async def act(
    work: Work, make_up_id: UUID, action: MakeUpAction, body: Act, *, match: Match, dry_run: bool
) -> Preview | MakeUp:
    """Witness, approve, refuse or withdraw."""
    made = await repository.get(work, make_up_id, lock=True)
    preview = await fire(
        work,
        MAKE_UP,
        made,
        action,
        _facts(work, made, body.reason),
        act=body,
        match=match,
        dry_run=dry_run,
        owner=made.witness if action is A.WITNESS else made.person,
        event=lambda was, now: _moved(made, was, now),
    )
    if preview is not None:
        return preview
    if action is A.WITNESS:
        made.witnessed_at = work.at
    if action is A.APPROVE:
        made.approved_by = work.actor.id
    on = days(made.starts_on, made.starts_on)
    words = f"{on}的补卡: {work.actor.name}{action.label}{because(body.reason)}"
    await inform(work, made.person, MessageKind.MAKE_UP, made, words)
    work.session.add(made)
    return made


async def detail(work: Work, make_up_id: UUID) -> MakeUpDetail:
    """A make-up and what the caller may do with it."""
    made = await repository.get(work, make_up_id)
    owner = made.witness if work.actor.id == made.witness else made.person
    return MakeUpDetail(
        **MakeUpRead.model_validate(made).model_dump(),
        available_actions=offers(work, MAKE_UP, made, _facts(work, made), owner=owner),
    )
