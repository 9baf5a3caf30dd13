"""Leave requests with their approval chain, and delegation of approval steps."""

from datetime import date, timedelta
from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import require_span_limit
from services.attendance.leaves import repository
from services.attendance.leaves.lifecycle import LEAVE, LeaveAction, LeaveFacts, LeaveState
from services.attendance.leaves.models import Delegation, Leave
from services.attendance.leaves.schemas import (
    DayPart,
    DelegationCreate,
    DelegationEnd,
    LeaveAct,
    LeaveCreate,
    LeaveDetail,
    LeaveRead,
)
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import (
    PRESENCE_RULES,
    Approver,
    PresenceRules,
    get_approval_step,
    load_calendar,
)
from services.attendance.posts.service import get_person_region
from shared.auth import May, is_region_within
from shared.china import NO_CALENDAR_CHANGES, CalendarChanges, is_workday, list_days, to_local_date
from shared.clients.attendance import RequestMoved
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, touch_record
from shared.unit_of_work import UnitOfWork


async def create_leave(work: UnitOfWork, body: LeaveCreate) -> Leave:
    """Requests leave; the rule's chain for its length applies. Raises Conflict if it overlaps another, Invalid if too long."""
    require_span_limit(body.starts_on, body.ends_on)
    region = await get_person_region(work, work.actor.id, body.starts_on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    rule = await work.get_rule(PRESENCE_RULES, region=region, on=body.starts_on)
    rules = rule.value
    halves = _count_halves(body, rules, await load_calendar(work, region))
    days = (halves + 1) // 2
    level = next(level for level in rules.leave if level.most_days is None or days <= level.most_days)
    if rules.leave_most_once is not None and days > rules.leave_most_once:
        detail = f"单次请假不得超过 {rules.leave_most_once} 天"
        raise Invalid(detail, "Too long", errors=[FieldError("too_long", detail, "too long", "/ends_on")])
    if other := await repository.find_overlapping_leave(
        work, work.actor.id, body.starts_on, body.ends_on, body.id
    ):
        raise Conflict(
            f"{other.starts_on} 至 {other.ends_on} 已请假({other.state.label})", "Overlaps another leave"
        )
    await uploads.require_files(work, body.files, "/files")
    leave, _ = await create_record(
        work,
        Leave,
        body,
        event=lambda leave: _build_event(leave, "", LeaveState.REQUESTED),
        region=region,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        halves=halves,
        chain=list(level.chain),
        turn=level.chain[0],
        tell=list(level.tell),
        rule_ref=rule.ref,
        state=LeaveState.REQUESTED,
        state_since=work.at,
        **body.model_dump(),
    )
    return leave


async def transition_leave(
    work: UnitOfWork,
    leave_id: UUID,
    action: LeaveAction,
    body: LeaveAct,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Leave:
    """Endorses, approves, refuses or withdraws a leave, or records the return."""
    leave = await records.get_record(work, Leave, leave_id, "这次请假", lock=True)
    facts = await _load_facts(work, leave, body.reason, body.returned_on)
    preview = await apply_transition(
        work,
        LEAVE,
        leave,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        owner=leave.person,
        event=lambda was, now: _build_event(leave, was, now),
    )
    if preview is not None:
        return preview
    if action in {LeaveAction.ENDORSE, LeaveAction.APPROVE, LeaveAction.REFUSE}:
        approval = {"step": leave.chain[leave.step], "by": work.actor.id, "name": work.actor.name}
        approval |= {"action": action, "at": work.at.isoformat(), "reason": body.reason}
        leave.steps = [*leave.steps, approval]
    if action is LeaveAction.ENDORSE:
        leave.step, leave.endorsed_by = leave.step + 1, work.actor.id
    if action is LeaveAction.RETURN:
        leave.returned_on = body.returned_on
    leave.turn = Approver(leave.chain[min(leave.step, len(leave.chain) - 1)])
    text = f"{format_days(leave.starts_on, leave.ends_on)}的{leave.kind.label}: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, leave.person, MessageKind.LEAVE, leave, text)
    work.session.add(leave)
    return leave


async def get_leave_detail(work: UnitOfWork, leave_id: UUID) -> LeaveDetail:
    """Returns a leave with its warnings and available actions."""
    leave = await records.get_record(work, Leave, leave_id, "这次请假")
    return LeaveDetail(
        **LeaveRead.model_validate(leave).model_dump(),
        warnings=await _find_warnings(work, leave),
        available_actions=available_actions(
            work, LEAVE, leave, await _load_facts(work, leave), owner=leave.person
        ),
    )


async def create_delegation(work: UnitOfWork, body: DelegationCreate) -> Delegation:
    """Delegates the caller's own approval step for a period. Raises Forbidden for a step that is not theirs."""
    require_span_limit(body.starts_on, body.ends_on)
    work.actor.require(May.LEAVE_APPROVE, body.region)
    own_steps = {
        get_approval_step(grant) for grant in work.actor.grants if is_region_within(body.region, grant.region)
    }
    if body.step not in own_steps:
        raise Forbidden(f"您不负责{body.step.label}这一级审批", "Not your step")
    if work.actor.is_same_person(body.deputy):
        raise Invalid(
            "不能委托给自己", "Not to yourself", errors=[FieldError("self", "不能委托给自己", "", "/deputy")]
        )
    delegation, _ = await create_record(
        work,
        Delegation,
        body,
        region=body.region,
        id=body.id,
        approver=work.actor.id,
        **body.model_dump(exclude={"id", "region"}),
    )
    return delegation


async def end_delegation(
    work: UnitOfWork, delegation_id: UUID, body: DelegationEnd, match: VersionMatch
) -> Delegation:
    """Ends a delegation within its period. Raises Forbidden unless the caller gave it."""
    delegation = await records.get_record(
        work, Delegation, delegation_id, "这次委托", lock=True, may=May.LEAVE_APPROVE
    )
    if delegation.approver != work.actor.id:
        raise Forbidden("只有委托人本人可以收回委托", "Only who gave it may take it back")
    match.check_version(delegation)
    if not delegation.starts_on <= body.ends_on <= delegation.ends_on:
        detail = f"收回日期须在 {delegation.starts_on} 至 {delegation.ends_on} 之间"
        raise Invalid(
            detail, "Out of range", errors=[FieldError("out_of_range", detail, "out of range", "/ends_on")]
        )
    delegation.ends_on = body.ends_on
    touch_record(work, delegation)
    return delegation


def _count_halves(
    body: LeaveCreate, rules: PresenceRules, changes: CalendarChanges = NO_CALENDAR_CHANGES
) -> int:
    """Returns the half days of a leave: calendar days or working days, as the rule says."""
    if body.part is not DayPart.DAY:
        return 1
    days = list_days(body.starts_on, body.ends_on)
    if rules.leave_days == "working":
        return 2 * sum(is_workday(on, changes=changes) for on in days)
    return 2 * len(days)


def _build_event(leave: Leave, was: str, now: str) -> RequestMoved:
    return RequestMoved(
        kind="leave", person=leave.person, was=was, now=now, starts_on=leave.starts_on, ends_on=leave.ends_on
    )


async def _load_facts(
    work: UnitOfWork, leave: Leave, reason: str = "", returned_on: date | None = None
) -> LeaveFacts:
    """Returns the guards' inputs."""
    turn = Approver(leave.chain[min(leave.step, len(leave.chain) - 1)])
    own_steps = {
        get_approval_step(grant)
        for grant in work.actor.grants
        if is_region_within(leave.region, grant.region)
    }
    return LeaveFacts(
        step=leave.step,
        steps=len(leave.chain),
        turn=turn.label,
        callers_turn=turn in own_steps or await repository.is_deputy(work, turn, leave.region),
        today=work.today,
        starts_on=leave.starts_on,
        reason=reason,
        returned_on=returned_on,
    )


async def _find_warnings(work: UnitOfWork, leave: Leave) -> list[str]:
    """Returns warnings in Chinese: late request, yearly limit exceeded, return not recorded."""
    rules = (await work.get_rule(PRESENCE_RULES, region=leave.region, on=leave.starts_on)).value
    warnings = []
    if to_local_date(leave.created_at) > leave.starts_on:
        warnings.append(f"事后补请: {to_local_date(leave.created_at)} 申请, 假期 {leave.starts_on} 已开始")
    halves = await repository.sum_halves_in_year(work, leave)
    if rules.leave_most_year is not None and halves > 2 * rules.leave_most_year:
        warnings.append(f"本年累计请假 {halves / 2:g} 天, 超过 {rules.leave_most_year} 天")
    if leave.state is LeaveState.APPROVED and work.today > leave.ends_on + timedelta(days=1):
        warnings.append(f"假期已于 {leave.ends_on} 结束, 尚未销假")
    return warnings
