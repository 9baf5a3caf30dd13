"""Setting a rota, keeping and cancelling shifts; the calendar."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.duties import repository
from services.attendance.duties.kinds import DutyState
from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import CalendarDay, DutyAct, DutyEnd, Rota
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, inform
from services.attendance.policy import calendar
from services.attendance.posts.models import Post
from shared.contracts.attendance import DutySet
from shared.creates import create
from shared.errors import Conflict, Fault, Forbidden, Invalid
from shared.http import Match
from shared.permissions import May
from shared.work import CHINA, Work
from shared.workdays import day, each_day, month_span


async def set_rota(work: Work, body: Rota) -> list[Duty]:
    """Set shifts of a post; the same ids again are the same shifts."""
    post = await records.get(work, Post, body.post_id, "这个驻村点")
    work.actor.require(May.TEAM_MANAGE, post.region)
    made = []
    for shift in body.shifts:
        if other := await repository.clashing(work, shift.person, shift.starts_at, shift.ends_at, shift.id):
            start = other.starts_at.astimezone(CHINA)
            raise Conflict(
                f"{shift.person_name}在 {start:%m-%d %H:%M} 已有班次, 时间重叠", "The shifts overlap"
            )
        duty, fresh = await create(
            work,
            Duty,
            shift,
            region=post.region,
            id=shift.id,
            post_id=post.id,
            work_date=shift.starts_at.astimezone(CHINA).date(),
            state=DutyState.SET,
            **shift.model_dump(exclude={"id"}),
        )
        if fresh:
            await work.tell(DutySet(person=duty.person, work_date=duty.work_date), duty)
            await inform(work, duty.person, MessageKind.DUTY, duty, f"已排班: {_span(duty)}")
        made.append(duty)
    return made


def _span(duty: Duty) -> str:
    start, over = duty.starts_at.astimezone(CHINA), duty.ends_at.astimezone(CHINA)
    return f"{duty.kind.label} {start:%m-%d %H:%M} 至 {over:%m-%d %H:%M}"


async def end(work: Work, duty_id: UUID, action: DutyEnd, body: DutyAct, match: Match) -> Duty:
    """Say that a shift was kept, or cancel it; nobody confirms their own."""
    duty = await records.get(work, Duty, duty_id, "这个班次", lock=True)
    work.actor.require(May.TEAM_MANAGE, duty.region)
    match.check(duty)
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
                "须写明理由", "A reason is needed", faults=[Fault("no_reason", "须写明理由", "", "/reason")]
            )
        duty.state = DutyState.CANCELLED
    duty.version += 1
    duty.updated_at = work.at
    told = DutySet(person=duty.person, work_date=duty.work_date, cancelled=action is DutyEnd.CANCEL)
    await work.tell(told, duty, before={"state": DutyState.SET}, reason=body.reason)
    words = f"{_span(duty)}: {action.label}{because(body.reason)}"
    await inform(work, duty.person, MessageKind.DUTY, duty, words)
    return duty


async def days(work: Work, month: str, region: str) -> list[CalendarDay]:
    """The days of a month as they are worked in a region."""
    changes = await calendar(work, region)
    found = [day(on, changes=changes) for on in each_day(*month_span(month))]
    return [
        CalendarDay(
            on=one.on,
            kind=one.kind,
            label=one.kind.label,
            name=one.name,
            works=one.works,
            provisional=one.provisional,
        )
        for one in found
    ]
