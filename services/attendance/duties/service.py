"""Setting a rota, keeping and cancelling shifts; the calendar."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.duties import repository as rota
from services.attendance.duties.lifecycle import SWAP, SwapAction, SwapFacts, SwapState
from services.attendance.duties.models import Duty, DutySwap
from services.attendance.duties.schemas import (
    CalendarDay,
    DutyAct,
    DutyEnd,
    DutyState,
    Rota,
    SwapCreate,
    SwapDetail,
    SwapRead,
)
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_reason, send_message
from services.attendance.policy import load_calendar
from services.attendance.posts.models import Post
from shared.auth import May
from shared.china import get_day, list_days, month_bounds
from shared.clients.attendance import DutySet, SwapMoved
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
)
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def create_rota(work: UnitOfWork, body: Rota) -> list[Duty]:
    """Set shifts of a post; the same ids again are the same shifts."""
    post = await records.get_record(work, Post, body.post_id, "这个驻村点")
    work.actor.require(May.TEAM_MANAGE, post.region)
    made = []
    for shift in body.shifts:
        if other := await rota.find_clashing_duty(
            work, shift.person, shift.starts_at, shift.ends_at, shift.id
        ):
            start = other.starts_at.astimezone(CHINA_TIME_ZONE)
            raise Conflict(
                f"{shift.person_name}在 {start:%m-%d %H:%M} 已有班次, 时间重叠", "The shifts overlap"
            )
        duty, fresh = await create_record(
            work,
            Duty,
            shift,
            region=post.region,
            id=shift.id,
            post_id=post.id,
            work_date=shift.starts_at.astimezone(CHINA_TIME_ZONE).date(),
            state=DutyState.SET,
            **shift.model_dump(exclude={"id"}),
        )
        if fresh:
            await work.publish(DutySet(person=duty.person, work_date=duty.work_date), duty)
            await send_message(work, duty.person, MessageKind.DUTY, duty, f"已排班: {_format_shift(duty)}")
        made.append(duty)
    return made


def _format_shift(duty: Duty) -> str:
    start, over = duty.starts_at.astimezone(CHINA_TIME_ZONE), duty.ends_at.astimezone(CHINA_TIME_ZONE)
    return f"{duty.kind.label} {start:%m-%d %H:%M} 至 {over:%m-%d %H:%M}"


async def end_duty(
    work: UnitOfWork, duty_id: UUID, action: DutyEnd, body: DutyAct, match: VersionMatch
) -> Duty:
    """Say that a shift was kept, or cancel it; nobody confirms their own."""
    duty = await records.get_record(work, Duty, duty_id, "这个班次", lock=True)
    work.actor.require(May.TEAM_MANAGE, duty.region)
    match.check_version(duty)
    if duty.state is not DutyState.SET:
        raise Conflict(f"班次{duty.state.label}", f"The shift is {duty.state}")
    if action is DutyEnd.KEEP:
        if duty.person == work.actor.id:
            raise Forbidden("不能确认本人的值班", "Another person must")
        if duty.starts_at > work.at:
            raise Conflict("班次尚未开始", "The shift has not begun")
        duty.state, duty.kept_by = DutyState.KEPT, work.actor.id
    else:
        if not body.reason.strip():
            raise Invalid(
                "须写明理由",
                "A reason is needed",
                errors=[FieldError("no_reason", "须写明理由", "", "/reason")],
            )
        duty.state = DutyState.CANCELLED
    duty.version += 1
    duty.updated_at = work.at
    told = DutySet(person=duty.person, work_date=duty.work_date, cancelled=action is DutyEnd.CANCEL)
    await work.publish(told, duty, before={"state": DutyState.SET}, reason=body.reason)
    words = f"{_format_shift(duty)}: {action.label}{format_reason(body.reason)}"
    await send_message(work, duty.person, MessageKind.DUTY, duty, words)
    return duty


async def list_calendar_days(work: UnitOfWork, month: str, region: str) -> list[CalendarDay]:
    """The days of a month as they are worked in a region."""
    changes = await load_calendar(work, region)
    found = [get_day(on, changes=changes) for on in list_days(*month_bounds(month))]
    return [
        CalendarDay(
            on=one.on,
            kind=one.kind,
            label=one.kind.label,
            name=one.name,
            works=one.is_worked,
            provisional=one.provisional,
        )
        for one in found
    ]


Action = SwapAction
ShiftPair = tuple[Duty | None, Duty | None]


async def create_swap(work: UnitOfWork, body: SwapCreate) -> DutySwap:
    """Ask another to swap shifts or to stand in; both shifts are of the asker's village and have not begun."""
    mine = await records.get_record(work, Duty, body.duty_id, "这个班次")
    work.actor.require(May.LEAVE_REQUEST, mine.region, mine.person)
    other = await _find_other_duty(work, body, mine)
    for one in filter(None, (mine, other)):
        if not _is_upcoming(work, one):
            raise Conflict("班次已开始或已取消, 不能再换", "The shift has begun or was cancelled")
        if await rota.has_open_swap(work, one.id, body.id):
            raise Conflict("这个班次已在换班中", "A swap of it is under way")
    made, fresh = await create_record(
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
        await work.publish(_build_swap_event(made, "", made.state), made)
        words = f"{made.person_name}想与您换班({_format_times(mine, other)}): {body.why}"
        await send_message(work, made.partner, MessageKind.SWAP, made, words)
    return made


async def _find_other_duty(work: UnitOfWork, body: SwapCreate, mine: Duty) -> Duty | None:
    found = None
    if body.other_duty_id is not None:
        found = (await rota.list_duties_by_id(work, [body.other_duty_id], mine.region)).get(
            body.other_duty_id
        )
        if found is None:
            raise NotFound("本村没有对方的这个班次", "No such shift in the village")
    if (found.person if found else body.partner) == mine.person:
        pointer = "/other_duty_id" if found else "/partner"
        raise Invalid(
            "不能与自己换班", "Not with oneself", errors=[FieldError("self", "不能与自己换班", "", pointer)]
        )
    return found


def _is_upcoming(work: UnitOfWork, duty: Duty) -> bool:
    return duty.state is DutyState.SET and duty.starts_at > work.at


def _format_times(*duties: Duty | None) -> str:
    return " 换 ".join(
        f"{one.starts_at.astimezone(CHINA_TIME_ZONE):%m-%d %H:%M}" for one in duties if one is not None
    )


def _build_swap_event(swap: DutySwap, was: str, now: str) -> SwapMoved:
    return SwapMoved(asker=swap.person, partner=swap.partner, was=was, now=now)


async def _load_shifts(work: UnitOfWork, swap: DutySwap, *, lock: bool = True) -> ShiftPair:
    wanted = [one for one in (swap.duty_id, swap.other_duty_id) if one is not None]
    found = await rota.list_duties_by_id(work, wanted, swap.region, lock=lock)
    return found.get(swap.duty_id), found.get(swap.other_duty_id) if swap.other_duty_id else None


async def _load_facts(work: UnitOfWork, swap: DutySwap, shifts: ShiftPair, reason: str = "") -> SwapFacts:
    mine, other = shifts
    same = mine is not None and mine.person == swap.person and _is_upcoming(work, mine)
    if swap.other_duty_id is not None:
        same = same and other is not None and other.person == swap.partner and _is_upcoming(work, other)
    return SwapFacts(
        is_asker=work.actor.id == swap.person,
        is_partner=work.actor.id == swap.partner,
        in_time=same,
        clash=await _describe_clash(work, swap, shifts) if same else "",
        reason=reason,
    )


async def _describe_clash(work: UnitOfWork, swap: DutySwap, shifts: ShiftPair) -> str:
    """Whom the swap would give two shifts at a time, in words."""
    mine, other = shifts
    but = [one.id for one in shifts if one is not None]
    for duty, person, name in (
        (mine, swap.partner, swap.partner_name),
        (other, swap.person, swap.person_name),
    ):
        if duty and await rota.find_clashing_duty(work, person, duty.starts_at, duty.ends_at, *but):
            return f"{name}在 {_format_times(duty)} 另有班次, 时间重叠"
    return ""


async def transition_swap(
    work: UnitOfWork,
    swap_id: UUID,
    action: SwapAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | DutySwap:
    """Agree, decline, approve, refuse or withdraw; approved shifts change hands in the same transaction."""
    swap = await rota.get_swap(work, swap_id, lock=True)
    shifts = await _load_shifts(work, swap)
    preview = await apply_transition(
        work,
        SWAP,
        swap,
        action,
        await _load_facts(work, swap, shifts, body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=_get_owner(work, swap),
        event=lambda was, now: _build_swap_event(swap, was, now),
    )
    if preview is not None:
        return preview
    if action is Action.APPROVE:
        await _exchange_duties(work, swap, shifts)
    words = f"{swap.person_name}与{swap.partner_name}换班({_format_times(*shifts)}): {work.actor.name}{action.label}{format_reason(body.reason)}"
    for person in (swap.person, swap.partner):
        await send_message(work, person, MessageKind.SWAP, swap, words)
    return swap


def _get_owner(work: UnitOfWork, swap: DutySwap) -> str:
    return swap.partner if work.actor.id == swap.partner else swap.person


async def _exchange_duties(work: UnitOfWork, swap: DutySwap, shifts: ShiftPair) -> None:
    mine, other = shifts
    if mine is not None:
        await _reassign_duty(work, mine, swap.partner, swap.partner_name)
    if other is not None:
        await _reassign_duty(work, other, swap.person, swap.person_name)


async def _reassign_duty(work: UnitOfWork, duty: Duty, person: str, name: str) -> None:
    """One shift to another person; the days of both are reckoned anew."""
    was = duty.person
    duty.person, duty.person_name = person, name
    duty.version, duty.updated_at = duty.version + 1, work.at
    work.session.add(duty)
    await work.publish(
        DutySet(person=was, work_date=duty.work_date, cancelled=True), duty, before={"person": was}
    )
    await work.publish(DutySet(person=person, work_date=duty.work_date), duty, before={"person": was})


async def get_swap_detail(work: UnitOfWork, swap_id: UUID) -> SwapDetail:
    """A swap and what the caller may do with it."""
    swap = await rota.get_swap(work, swap_id)
    facts = await _load_facts(work, swap, await _load_shifts(work, swap, lock=False))
    return SwapDetail(
        **SwapRead.model_validate(swap).model_dump(),
        available_actions=[
            one
            for one in available_actions(work, SWAP, swap, facts, owner=_get_owner(work, swap))
            if not {"not_the_partner", "not_the_asker"} & {fault.code for fault in one.missing}
        ],
    )
