"""Asking for leave, and carrying it along its chain."""

from datetime import date, timedelta
from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import within_a_year
from services.attendance.leaves import repository
from services.attendance.leaves.kinds import Part
from services.attendance.leaves.lifecycle import LEAVE, LeaveAction, LeaveFacts, LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.leaves.schemas import (
    LeaveAct,
    LeaveCreate,
    LeaveDetail,
    LeaveRead,
)
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, days, inform
from services.attendance.policy import STEPS, Approver, PresenceRules, calendar, ruled
from services.attendance.stationed import home
from shared import files
from shared.access import inside
from shared.contracts.attendance import RequestMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work
from shared.workdays import NO_CHANGES, Changes, each_day, is_workday, local_date

A = LeaveAction


async def request(work: Work, body: LeaveCreate) -> Leave:
    """Ask for leave; the chain is the matrix's for its days. Conflict when it overlaps another."""
    within_a_year(body.starts_on, body.ends_on)
    region = await home(work, work.actor.id, body.starts_on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    rules, rule = await ruled(work, "presence.rules", PresenceRules, region, on=body.starts_on)
    halves = _halves(body, rules, await calendar(work, region))
    days = (halves + 1) // 2
    step = next(one for one in rules.leave if one.most_days is None or days <= one.most_days)
    if rules.leave_most_once is not None and days > rules.leave_most_once:
        detail = f"单次请假不得超过 {rules.leave_most_once} 天"
        raise Invalid(detail, "Too long", faults=[Fault("too_long", detail, "too long", "/ends_on")])
    if other := await repository.overlapping(work, work.actor.id, body.starts_on, body.ends_on, body.id):
        raise Conflict(
            f"{other.starts_on} 至 {other.ends_on} 已请假({other.state.label})", "Overlaps another leave"
        )
    await files.require(work, body.files, "/files")
    leave, fresh = await create(
        work,
        Leave,
        body,
        region=region,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        halves=halves,
        chain=list(step.chain),
        turn=step.chain[0],
        tell=list(step.tell),
        rule_ref=rule.ref,
        state=LeaveState.REQUESTED,
        state_since=work.at,
        **body.model_dump(),
    )
    if fresh:
        await work.tell(_moved(leave, "", LeaveState.REQUESTED), leave)
    return leave


def _halves(body: LeaveCreate, rules: PresenceRules, changes: Changes = NO_CHANGES) -> int:
    if body.part is not Part.DAY:
        return 1
    days = each_day(body.starts_on, body.ends_on)
    if rules.leave_days == "working":
        return 2 * sum(is_workday(on, changes=changes) for on in days)
    return 2 * len(days)


def _moved(leave: Leave, was: str, now: str) -> RequestMoved:
    return RequestMoved(
        kind="leave", person=leave.person, was=was, now=now, starts_on=leave.starts_on, ends_on=leave.ends_on
    )


async def _facts(work: Work, leave: Leave, reason: str = "", returned_on: date | None = None) -> LeaveFacts:
    turn = Approver(leave.chain[min(leave.step, len(leave.chain) - 1)])
    roles = {STEPS.get(one.role) for one in work.actor.grants if inside(leave.region, one.region)}
    return LeaveFacts(
        step=leave.step,
        steps=len(leave.chain),
        turn=turn.label,
        mine=turn in roles or await repository.delegated(work, turn, leave.region),
        today=work.today,
        starts_on=leave.starts_on,
        reason=reason,
        returned_on=returned_on,
    )


async def act(
    work: Work, leave_id: UUID, action: LeaveAction, body: LeaveAct, *, match: Match, dry_run: bool
) -> Preview | Leave:
    """Take one step of the chain, withdraw, or come back."""
    leave = await records.get(work, Leave, leave_id, "这次请假", lock=True)
    facts = await _facts(work, leave, body.reason, body.returned_on)
    preview = await fire(
        work,
        LEAVE,
        leave,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        owner=leave.person,
        event=lambda was, now: _moved(leave, was, now),
    )
    if preview is not None:
        return preview
    if action in {A.ENDORSE, A.APPROVE, A.REFUSE}:
        done = {"step": leave.chain[leave.step], "by": work.actor.id, "name": work.actor.name}
        done |= {"action": action, "at": work.at.isoformat(), "reason": body.reason}
        leave.steps = [*leave.steps, done]
    if action is A.ENDORSE:
        leave.step, leave.endorsed_by = leave.step + 1, work.actor.id
    if action is A.RETURN:
        leave.returned_on = body.returned_on
    leave.turn = Approver(leave.chain[min(leave.step, len(leave.chain) - 1)])
    words = f"{days(leave.starts_on, leave.ends_on)}的{leave.kind.label}: {work.actor.name}{action.label}{because(body.reason)}"
    await inform(work, leave.person, MessageKind.LEAVE, leave, words)
    work.session.add(leave)
    return leave


async def detail(work: Work, leave_id: UUID) -> LeaveDetail:
    """A leave, what a person should know about it, and what the caller may do."""
    leave = await records.get(work, Leave, leave_id, "这次请假")
    return LeaveDetail(
        **LeaveRead.model_validate(leave).model_dump(),
        warnings=await _warnings(work, leave),
        available_actions=offers(work, LEAVE, leave, await _facts(work, leave), owner=leave.person),
    )


async def _warnings(work: Work, leave: Leave) -> list[str]:
    rules, _ = await ruled(work, "presence.rules", PresenceRules, leave.region, on=leave.starts_on)
    found = []
    if local_date(leave.created_at) > leave.starts_on:
        found.append(f"事后补请: {local_date(leave.created_at)} 申请, 假期 {leave.starts_on} 已开始")
    taken = await repository.halves_in_year(work, leave)
    if rules.leave_most_year is not None and taken > 2 * rules.leave_most_year:
        found.append(f"本年累计请假 {taken / 2:g} 天, 超过 {rules.leave_most_year} 天")
    if leave.state is LeaveState.APPROVED and work.today > leave.ends_on + timedelta(days=1):
        found.append(f"假期已于 {leave.ends_on} 结束, 尚未销假")
    return found
