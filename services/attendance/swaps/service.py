"""Asking for a swap, agreeing to it, and letting the shifts change hands."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.duties import repository as rota
from services.attendance.duties.kinds import DutyState
from services.attendance.duties.models import Duty
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, inform
from services.attendance.swaps import repository
from services.attendance.swaps.lifecycle import SWAP, SwapAction, SwapFacts, SwapState
from services.attendance.swaps.models import DutySwap
from services.attendance.swaps.schemas import SwapCreate, SwapDetail, SwapRead
from shared.contracts.attendance import DutySet, SwapMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.http import Match
from shared.moves import Act, Preview, fire, offers
from shared.permissions import May
from shared.work import CHINA, Work

A = SwapAction
Shifts = tuple[Duty | None, Duty | None]


async def ask(work: Work, body: SwapCreate) -> DutySwap:
    """Ask another to swap shifts or to stand in; both shifts are of the asker's village and have not begun."""
    mine = await records.get(work, Duty, body.duty_id, "这个班次")
    work.actor.require(May.LEAVE_REQUEST, mine.region, mine.person)
    other = await _other(work, body, mine)
    for one in filter(None, (mine, other)):
        if not _ahead(work, one):
            raise Conflict("班次已开始或已取消, 不能再换", "The shift has begun or was cancelled")
        if await repository.asked_for(work, one.id, body.id):
            raise Conflict("这个班次已在换班中", "A swap of it is under way")
    made, fresh = await create(
        work,
        DutySwap,
        body,
        region=mine.region,
        id=body.id,
        duty_id=mine.id,
        other_duty_id=body.other_duty_id,
        person=mine.person,
        person_name=mine.person_name,
        partner=other.person if other else body.partner or "",
        partner_name=other.person_name if other else body.partner_name or "",
        why=body.why,
        state=SwapState.ASKED,
        state_since=work.at,
    )
    if fresh:
        await work.tell(_told(made, "", made.state), made)
        words = f"{made.person_name}想与您换班({_times(mine, other)}): {body.why}"
        await inform(work, made.partner, MessageKind.SWAP, made, words)
    return made


async def _other(work: Work, body: SwapCreate, mine: Duty) -> Duty | None:
    found = None
    if body.other_duty_id is not None:
        found = (await repository.duties(work, [body.other_duty_id], mine.region)).get(body.other_duty_id)
        if found is None:
            raise NotFound("本村没有对方的这个班次", "No such shift in the village")
    if (found.person if found else body.partner) == mine.person:
        pointer = "/other_duty_id" if found else "/partner"
        raise Invalid(
            "不能与自己换班", "Not with oneself", faults=[Fault("self", "不能与自己换班", "", pointer)]
        )
    return found


def _ahead(work: Work, duty: Duty) -> bool:
    return duty.state is DutyState.SET and duty.starts_at > work.at


def _times(*duties: Duty | None) -> str:
    return " 换 ".join(f"{one.starts_at.astimezone(CHINA):%m-%d %H:%M}" for one in duties if one is not None)


def _told(swap: DutySwap, was: str, now: str) -> SwapMoved:
    return SwapMoved(asker=swap.person, partner=swap.partner, was=was, now=now)


async def _shifts(work: Work, swap: DutySwap, *, lock: bool = True) -> Shifts:
    wanted = [one for one in (swap.duty_id, swap.other_duty_id) if one is not None]
    found = await repository.duties(work, wanted, swap.region, lock=lock)
    return found.get(swap.duty_id), found.get(swap.other_duty_id) if swap.other_duty_id else None


async def _facts(work: Work, swap: DutySwap, shifts: Shifts, reason: str = "") -> SwapFacts:
    mine, other = shifts
    same = mine is not None and mine.person == swap.person and _ahead(work, mine)
    if swap.other_duty_id is not None:
        same = same and other is not None and other.person == swap.partner and _ahead(work, other)
    return SwapFacts(
        is_asker=work.actor.id == swap.person,
        is_partner=work.actor.id == swap.partner,
        in_time=same,
        clash=await _clash(work, swap, shifts) if same else "",
        reason=reason,
    )


async def _clash(work: Work, swap: DutySwap, shifts: Shifts) -> str:
    """Whom the swap would give two shifts at a time, in words."""
    mine, other = shifts
    but = [one.id for one in shifts if one is not None]
    for duty, person, name in (
        (mine, swap.partner, swap.partner_name),
        (other, swap.person, swap.person_name),
    ):
        if duty and await rota.clashing(work, person, duty.starts_at, duty.ends_at, *but):
            return f"{name}在 {_times(duty)} 另有班次, 时间重叠"
    return ""


async def act(
    work: Work, swap_id: UUID, action: SwapAction, body: Act, *, match: Match, dry_run: bool
) -> Preview | DutySwap:
    """Agree, decline, approve, refuse or withdraw; approved shifts change hands in the same transaction."""
    swap = await repository.get(work, swap_id, lock=True)
    shifts = await _shifts(work, swap)
    preview = await fire(
        work,
        SWAP,
        swap,
        action,
        await _facts(work, swap, shifts, body.reason),
        act=body,
        match=match,
        dry_run=dry_run,
        owner=_owner(work, swap),
        event=lambda was, now: _told(swap, was, now),
    )
    if preview is not None:
        return preview
    if action is A.APPROVE:
        await _change_hands(work, swap, shifts)
    words = f"{swap.person_name}与{swap.partner_name}换班({_times(*shifts)}): {work.actor.name}{action.label}{because(body.reason)}"
    for person in (swap.person, swap.partner):
        await inform(work, person, MessageKind.SWAP, swap, words)
    return swap


def _owner(work: Work, swap: DutySwap) -> str:
    return swap.partner if work.actor.id == swap.partner else swap.person


async def _change_hands(work: Work, swap: DutySwap, shifts: Shifts) -> None:
    mine, other = shifts
    if mine is not None:
        await _hand(work, mine, swap.partner, swap.partner_name)
    if other is not None:
        await _hand(work, other, swap.person, swap.person_name)


async def _hand(work: Work, duty: Duty, person: str, name: str) -> None:
    """One shift to another person; the days of both are reckoned anew."""
    was = duty.person
    duty.person, duty.person_name = person, name
    duty.version, duty.updated_at = duty.version + 1, work.at
    work.session.add(duty)
    await work.tell(
        DutySet(person=was, work_date=duty.work_date, cancelled=True), duty, before={"person": was}
    )
    await work.tell(DutySet(person=person, work_date=duty.work_date), duty, before={"person": was})


async def detail(work: Work, swap_id: UUID) -> SwapDetail:
    """A swap and what the caller may do with it."""
    swap = await repository.get(work, swap_id)
    facts = await _facts(work, swap, await _shifts(work, swap, lock=False))
    return SwapDetail(
        **SwapRead.model_validate(swap).model_dump(),
        available_actions=[
            one
            for one in offers(work, SWAP, swap, facts, owner=_owner(work, swap))
            if not {"not_the_partner", "not_the_asker"} & {fault.code for fault in one.missing}
        ],
    )
