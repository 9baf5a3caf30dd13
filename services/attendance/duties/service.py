"""Duty rota, confirmation and cancellation of shifts, the calendar, and swaps."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from services.attendance import repository as records
from services.attendance.duties import repository
from services.attendance.duties.lifecycle import SWAP, SwapAction, SwapFacts, SwapState
from services.attendance.duties.models import Duty, DutySwap
from services.attendance.duties.schemas import (
    CalendarDay,
    CycleAnswer,
    CycleShiftRead,
    DutyAct,
    DutyEnd,
    DutyState,
    LeftOutShift,
    Rota,
    RotaCycle,
    Shift,
    SwapCreate,
    SwapDetail,
    SwapRead,
)
from services.attendance.leaves.models import Leave
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_reason, send_message
from services.attendance.policy import load_calendar
from services.attendance.posts.models import Assignment, Post
from shared.auth import May
from shared.china import get_day, list_days, month_bounds
from shared.clients.attendance import DutySet, SwapMoved
from shared.clients.identity import AccountHandedOver
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
)
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

ShiftPair = tuple[Duty | None, Duty | None]


async def create_rota(work: UnitOfWork, body: Rota) -> list[Duty]:
    """Inserts shifts of a post; repeated ids are the same shifts. Raises Conflict if a person's shifts overlap."""
    post = await records.get_record(work, Post, body.post_id, "这个驻村点")
    work.actor.require(May.TEAM_MANAGE, post.region)
    await _require_available(work, post, body.shifts)
    duties = []
    for shift in body.shifts:
        if other := await repository.find_clashing_duty(
            work, shift.person, shift.starts_at, shift.ends_at, shift.id
        ):
            start = other.starts_at.astimezone(CHINA_TIME_ZONE)
            raise Conflict(
                f"{shift.person_name}在 {start:%m-%d %H:%M} 已有班次, 时间重叠", "The shifts overlap"
            )
        duty, is_new = await create_record(
            work,
            Duty,
            shift,
            event=lambda duty: DutySet(person=duty.person, work_date=duty.work_date),
            region=post.region,
            id=shift.id,
            post_id=post.id,
            work_date=get_shift_day(shift.starts_at),
            state=DutyState.SET,
            **shift.model_dump(exclude={"id"}),
        )
        if is_new:
            await send_message(work, duty.person, MessageKind.DUTY, duty, f"已排班: {_format_shift(duty)}")
        duties.append(duty)
    return duties


async def create_rota_cycle(work: UnitOfWork, body: RotaCycle) -> CycleAnswer:
    """Inserts the shifts of a cycle. Who is not stationed or on leave on a day is left out there, and that is told."""
    post = await records.get_record(work, Post, body.post_id, "这个驻村点")
    work.actor.require(May.TEAM_MANAGE, post.region)
    shifts = list(list_cycle_shifts(body))
    reasons = await _find_unavailable(work, post, shifts)
    left_out = [
        LeftOutShift(person=shifts[index].person, on=get_shift_day(shifts[index].starts_at), why=why)
        for index, why in reasons.items()
    ]
    kept = [shift for index, shift in enumerate(shifts) if index not in reasons]
    if kept and not body.dry_run:
        await create_rota(work, Rota(post_id=body.post_id, shifts=kept))
    return CycleAnswer(shifts=[CycleShiftRead.model_validate(shift) for shift in kept], left_out=left_out)


def list_cycle_shifts(body: RotaCycle) -> Iterator[Shift]:
    """Yields the shifts of a cycle by day and person, in local time."""
    for days, on in enumerate(list_days(body.starts_on, body.ends_on)):
        for place, person in enumerate(body.persons):
            shift = body.shifts.get(body.cycle[(days - place * body.stagger) % len(body.cycle)])
            if shift is None:
                continue
            starts_at = datetime.combine(on, shift.starts_at, CHINA_TIME_ZONE)
            ends_at = datetime.combine(on, shift.ends_at, CHINA_TIME_ZONE)
            yield Shift(
                person=person.person,
                person_name=person.person_name,
                starts_at=starts_at,
                ends_at=ends_at if ends_at > starts_at else ends_at + timedelta(days=1),
                kind=shift.kind,
            )


async def hand_over_duties(work: UnitOfWork, event: AccountHandedOver) -> None:
    """Gives a person's shifts from a day on to the successor, and tells them."""
    for duty in await repository.system_list_set_duties(work, event.account, event.starts_on):
        before = {"person": duty.person}
        duty.person, duty.person_name = event.successor, event.successor_name
        changed = DutySet(person=duty.person, work_date=duty.work_date)
        await save_record(work, duty, changed, before=before, reason=event.reason)
        await send_message(work, duty.person, MessageKind.DUTY, duty, f"接手值班: {_format_shift(duty)}")


async def _require_available(work: UnitOfWork, post: Post, shifts: Sequence[Shift]) -> None:
    """Raises Invalid for persons who are not stationed at the post on a shift's day, or on leave then."""
    reasons = await _find_unavailable(work, post, shifts)
    errors = [
        FieldError("not_available", text, "not available", f"/shifts/{index}")
        for index, text in reasons.items()
    ]
    if errors:
        raise Invalid("; ".join(error.detail for error in errors[:5]), "Not available", errors=errors)


async def _find_unavailable(work: UnitOfWork, post: Post, shifts: Sequence[Shift]) -> dict[int, str]:
    """Returns position → why its person cannot take a shift: not stationed at the post on its day, or on leave then."""
    days = [get_shift_day(shift.starts_at) for shift in shifts]
    persons = {shift.person for shift in shifts}
    stationed = await repository.list_stationed(work, post.id, persons, min(days), max(days))
    leaves = await repository.list_day_leaves(work, persons, min(days), max(days))
    reasons = {}
    for index, (shift, on) in enumerate(zip(shifts, days, strict=True)):
        text = ""
        if not any(one.person == shift.person and covers(one, on) for one in stationed):
            text = f"{shift.person_name}在 {on} 没有派驻{post.name}, 不能排班"
        elif leave := next((one for one in leaves if one.person == shift.person and covers(one, on)), None):
            text = f"{shift.person_name}在 {on} {leave.kind.label}({leave.state.label}), 不能排班"
        if text:
            reasons[index] = text
    return reasons


def get_shift_day(starts_at: datetime) -> date:
    """Returns the local day on which a shift begins, to which it belongs."""
    return starts_at.astimezone(CHINA_TIME_ZONE).date()


def covers(period: Assignment | Leave, on: date) -> bool:
    """True if an assignment or a leave covers a day."""
    return period.starts_on <= on and (period.ends_on is None or on <= period.ends_on)


async def end_duty(
    work: UnitOfWork, duty_id: UUID, action: DutyEnd, body: DutyAct, match: VersionMatch
) -> Duty:
    """Confirms or cancels a shift. Raises Forbidden for confirming one's own, Conflict if it has ended or not begun."""
    duty = await records.get_record(work, Duty, duty_id, "这个班次", lock=True)
    work.actor.require(May.TEAM_MANAGE, duty.region)
    match.check_version(duty)
    if duty.state is not DutyState.SET:
        raise Conflict(f"班次{duty.state.label}", f"The shift is {duty.state}")
    if action is DutyEnd.KEEP:
        if work.actor.is_same_person(duty.person):
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
    event = DutySet(person=duty.person, work_date=duty.work_date, cancelled=action is DutyEnd.CANCEL)
    await save_record(work, duty, event, before={"state": DutyState.SET}, reason=body.reason)
    text = f"{_format_shift(duty)}: {action.label}{format_reason(body.reason)}"
    await send_message(work, duty.person, MessageKind.DUTY, duty, text)
    return duty


async def list_calendar_days(work: UnitOfWork, month: str, region: str) -> list[CalendarDay]:
    """Returns the days of a month by the region's calendar."""
    changes = await load_calendar(work, region)
    days = [get_day(on, changes=changes) for on in list_days(*month_bounds(month))]
    return [
        CalendarDay(
            on=day.on,
            kind=day.kind,
            label=day.kind.label,
            name=day.name,
            works=day.is_worked,
            provisional=day.provisional,
        )
        for day in days
    ]


async def create_swap(work: UnitOfWork, body: SwapCreate) -> DutySwap:
    """Asks a colleague to swap shifts or to stand in. Raises Conflict unless both shifts are upcoming and not in a swap."""
    mine = await records.get_record(work, Duty, body.duty_id, "这个班次")
    work.actor.require(May.LEAVE_REQUEST, mine.region, mine.person)
    other = await _find_other_duty(work, body, mine)
    for duty in filter(None, (mine, other)):
        if not _is_upcoming(work, duty):
            raise Conflict("班次已开始或已取消, 不能再换", "The shift has begun or was cancelled")
        if await repository.has_open_swap(work, duty.id, body.id):
            raise Conflict("这个班次已在换班中", "A swap of it is under way")
    swap, is_new = await create_record(
        work,
        DutySwap,
        body,
        event=lambda swap: _build_swap_event(swap, "", swap.state),
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
    if is_new:
        text = f"{swap.person_name}想与您换班({_format_times(mine, other)}): {body.why}"
        await send_message(work, swap.partner, MessageKind.SWAP, swap, text)
    return swap


async def transition_swap(
    work: UnitOfWork,
    swap_id: UUID,
    action: SwapAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | DutySwap:
    """Agrees, declines, approves, refuses or withdraws; approval exchanges the shifts in the same transaction."""
    swap = await repository.get_swap(work, swap_id, lock=True)
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
    if action is SwapAction.APPROVE:
        await _exchange_duties(work, swap, shifts)
    decision = f"{work.actor.name}{action.label}{format_reason(body.reason)}"
    text = f"{swap.person_name}与{swap.partner_name}换班({_format_times(*shifts)}): {decision}"
    for person in (swap.person, swap.partner):
        await send_message(work, person, MessageKind.SWAP, swap, text)
    return swap


async def get_swap_detail(work: UnitOfWork, swap_id: UUID) -> SwapDetail:
    """Returns a swap with the actions of the caller, without those that belong to the other person."""
    swap = await repository.get_swap(work, swap_id)
    facts = await _load_facts(work, swap, await _load_shifts(work, swap, lock=False))
    return SwapDetail(
        **SwapRead.model_validate(swap).model_dump(),
        available_actions=[
            action
            for action in available_actions(work, SWAP, swap, facts, owner=_get_owner(work, swap))
            if not {"not_the_partner", "not_the_asker"} & {error.code for error in action.missing}
        ],
    )


def _format_shift(duty: Duty) -> str:
    """Returns kind, start and end in Chinese, local time."""
    start, end = duty.starts_at.astimezone(CHINA_TIME_ZONE), duty.ends_at.astimezone(CHINA_TIME_ZONE)
    return f"{duty.kind.label} {start:%m-%d %H:%M} 至 {end:%m-%d %H:%M}"


async def _find_other_duty(work: UnitOfWork, body: SwapCreate, mine: Duty) -> Duty | None:
    """Returns the partner's shift, which must be in the same village, or None for standing in."""
    other = None
    if body.other_duty_id is not None:
        other = (await repository.list_duties_by_id(work, [body.other_duty_id], mine.region)).get(
            body.other_duty_id
        )
        if other is None:
            raise NotFound("本村没有对方的这个班次", "No such shift in the village")
    if (other.person if other else body.partner) == mine.person:
        pointer = "/other_duty_id" if other else "/partner"
        raise Invalid(
            "不能与自己换班", "Not with oneself", errors=[FieldError("self", "不能与自己换班", "", pointer)]
        )
    return other


def _is_upcoming(work: UnitOfWork, duty: Duty) -> bool:
    """True if the shift is set and has not begun."""
    return duty.state is DutyState.SET and duty.starts_at > work.at


def _format_times(*duties: Duty | None) -> str:
    """Returns the starts of the shifts in Chinese, local time."""
    return " 换 ".join(
        f"{duty.starts_at.astimezone(CHINA_TIME_ZONE):%m-%d %H:%M}" for duty in duties if duty is not None
    )


def _build_swap_event(swap: DutySwap, was: str, now: str) -> SwapMoved:
    return SwapMoved(asker=swap.person, partner=swap.partner, was=was, now=now)


async def _load_shifts(work: UnitOfWork, swap: DutySwap, *, lock: bool = True) -> ShiftPair:
    """Returns the asker's and the partner's shift."""
    duty_ids = [duty_id for duty_id in (swap.duty_id, swap.other_duty_id) if duty_id is not None]
    duties_by_id = await repository.list_duties_by_id(work, duty_ids, swap.region, lock=lock)
    return duties_by_id.get(swap.duty_id), duties_by_id.get(
        swap.other_duty_id
    ) if swap.other_duty_id else None


async def _load_facts(work: UnitOfWork, swap: DutySwap, shifts: ShiftPair, reason: str = "") -> SwapFacts:
    """Returns the guards' inputs."""
    mine, other = shifts
    are_upcoming = mine is not None and mine.person == swap.person and _is_upcoming(work, mine)
    if swap.other_duty_id is not None:
        are_upcoming = (
            are_upcoming and other is not None and other.person == swap.partner and _is_upcoming(work, other)
        )
    return SwapFacts(
        is_asker=work.actor.id == swap.person,
        is_partner=work.actor.id == swap.partner,
        in_time=are_upcoming,
        clash=await _describe_clash(work, swap, shifts) if are_upcoming else "",
        reason=reason,
    )


async def _describe_clash(work: UnitOfWork, swap: DutySwap, shifts: ShiftPair) -> str:
    """Returns, in Chinese, which person would have overlapping shifts after the swap; empty if none."""
    mine, other = shifts
    own_ids = [duty.id for duty in shifts if duty is not None]
    for duty, person, name in (
        (mine, swap.partner, swap.partner_name),
        (other, swap.person, swap.person_name),
    ):
        if duty and await repository.find_clashing_duty(work, person, duty.starts_at, duty.ends_at, *own_ids):
            return f"{name}在 {_format_times(duty)} 另有班次, 时间重叠"
    return ""


def _get_owner(work: UnitOfWork, swap: DutySwap) -> str:
    """Returns the person whose own record the swap is for the caller: the partner, or else the asker."""
    return swap.partner if work.actor.id == swap.partner else swap.person


async def _exchange_duties(work: UnitOfWork, swap: DutySwap, shifts: ShiftPair) -> None:
    """Gives each shift to the other person."""
    mine, other = shifts
    if mine is not None:
        await _reassign_duty(work, mine, swap.partner, swap.partner_name)
    if other is not None:
        await _reassign_duty(work, other, swap.person, swap.person_name)


async def _reassign_duty(work: UnitOfWork, duty: Duty, person: str, name: str) -> None:
    """Gives a shift to another person and publishes it for both, so that both days are evaluated again."""
    was = duty.person
    duty.person, duty.person_name = person, name
    await save_record(
        work, duty, DutySet(person=was, work_date=duty.work_date, cancelled=True), before={"person": was}
    )
    await log_event(work, duty, DutySet(person=person, work_date=duty.work_date), before={"person": was})
