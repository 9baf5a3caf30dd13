"""Leave requests with their approval chain, and delegation of approval steps."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

from services.attendance import repository as records
from services.attendance.entitlements import service as entitlements
from services.attendance.errands import repository as errands
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
from services.attendance.months import repository as months
from services.attendance.policy import (
    PRESENCE_RULES,
    Approver,
    LeaveKind,
    PresenceRules,
    get_approval_step,
    load_calendar,
)
from services.attendance.posts.service import get_person_region
from shared.auth import ROLES, May, Role, is_region_within
from shared.china import NO_CALENDAR_CHANGES, CalendarChanges, is_workday, list_days, to_local_date
from shared.clients.attendance import RequestMoved
from shared.clients.identity import AccountHandedOver
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, touch_record
from shared.unit_of_work import ServiceClient, UnitOfWork

MAX_LEAVE_DAYS = 366


class LeavePeriod(Protocol):
    """A leave, asked for or stored: its kind, days and part of the day."""

    @property
    def kind(self) -> LeaveKind: ...
    @property
    def starts_on(self) -> date: ...
    @property
    def ends_on(self) -> date: ...
    @property
    def part(self) -> DayPart: ...


async def create_leave(work: UnitOfWork, body: LeaveCreate) -> Leave:
    """Requests leave; the rule's chain for its length, with the leaves that adjoin it, applies.

    Raises Conflict if it overlaps another leave or an errand, or exceeds the balance; Invalid if too long or too late.
    """
    require_span_limit(body.starts_on, body.ends_on)
    region = await get_person_region(work, work.actor.id, body.starts_on)
    work.actor.require(May.LEAVE_REQUEST, region, work.actor.id)
    rule = await work.get_rule(PRESENCE_RULES, region=region, on=body.starts_on)
    rules, changes = rule.value, await load_calendar(work, region)
    _require_in_time(body, rules, work)
    halves = count_halves(body, rules, changes)
    if not halves:
        detail = f"这几天都是休息日或法定节假日, {body.kind.label}不必请"
        raise Invalid(detail, "No working day", errors=[FieldError("no_working_day", detail, "", "/ends_on")])
    if (stored := await work.session.get(Leave, body.id) if body.id else None) is None:
        await _require_no_overlap(work, body)
        await entitlements.require_balance(work, body, rules, halves)
    await uploads.require_files(work, body.files, "/files")
    nearby = await repository.list_leaves_near(work, work.actor.id, body.starts_on, body.ends_on)
    adjoining = find_adjoining_leaves(nearby, body, changes)
    days = (halves + sum(leave.halves for leave in adjoining if leave is not stored) + 1) // 2
    if rules.leave_most_once is not None and days > rules.leave_most_once:
        detail = f"单次请假(相连的合并计算)不得超过 {rules.leave_most_once} 天"
        raise Invalid(detail, "Too long", errors=[FieldError("too_long", detail, "too long", "/ends_on")])
    level = next(level for level in rules.leave if level.most_days is None or days <= level.most_days)
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


def _require_in_time(body: LeaveCreate, rules: PresenceRules, work: UnitOfWork) -> None:
    """Raises Invalid for a leave asked for too long afterwards, or longer than a year."""
    errors = []
    if body.starts_on < work.today - timedelta(days=rules.leave_late_days):
        text = f"事后补假须在 {rules.leave_late_days} 天内"
        errors.append(FieldError("too_late", text, "too late", "/starts_on"))
    if (body.ends_on - body.starts_on).days >= MAX_LEAVE_DAYS:
        text = f"一次请假不能超过 {MAX_LEAVE_DAYS} 天"
        errors.append(FieldError("too_long", text, "too long", "/ends_on"))
    if errors:
        raise Invalid("; ".join(error.detail for error in errors), "Outside the limits", errors=errors)


async def _require_no_overlap(work: UnitOfWork, body: LeaveCreate) -> None:
    """Raises Conflict if another leave covers a part of these days, or an errand does."""
    person, first, last = work.actor.id, body.starts_on, body.ends_on
    if other := await repository.find_overlapping_leave(work, person, first, last, body.part, body.id):
        part = "" if other.part is DayPart.DAY else other.part.label
        raise Conflict(
            f"{format_days(other.starts_on, other.ends_on)}{part}已请假({other.state.label})",
            "Overlaps another leave",
        )
    if body.part is DayPart.DAY and (
        errand := await errands.find_overlapping_errand(work, person, first, last, None)
    ):
        raise Conflict(
            f"{format_days(errand.starts_on, errand.ends_on)}已报备公出({errand.state.label}), 请先撤回公出或登记返村",
            "Overlaps an errand",
        )


def find_adjoining_leaves(
    nearby: Sequence[Leave], period: LeavePeriod, changes: CalendarChanges
) -> list[Leave]:
    """Returns those of a person's live leaves that run into this period without a working day in between.

    They count together, so that a long leave in parts goes up the chain like one.
    """
    first, last, found = period.starts_on, period.ends_on, list[Leave]()
    for leave in sorted(nearby, key=lambda leave: leave.ends_on, reverse=True):
        if leave.ends_on <= first and not _has_workday_between(leave.ends_on, first, changes):
            first = min(first, leave.starts_on)
            found.append(leave)
    for leave in sorted(nearby, key=lambda leave: leave.starts_on):
        if (
            last <= leave.starts_on
            and leave not in found
            and not _has_workday_between(last, leave.starts_on, changes)
        ):
            last = max(last, leave.ends_on)
            found.append(leave)
    return found


def _has_workday_between(before: date, after: date, changes: CalendarChanges) -> bool:
    """True if a working day lies after one day and before another."""
    gap = (after - before).days
    return any(is_workday(before + timedelta(days=days), changes=changes) for days in range(1, gap))


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
    await _require_deputy(work, body)
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


async def _require_deputy(work: UnitOfWork, body: DelegationCreate) -> None:
    """Raises Invalid unless the deputy is an account in use that may approve leaves in the region on these days.

    The identity service is asked by this service itself: who delegates need not see other accounts.
    """
    asker = ServiceClient(work.context, "identity", work.context.service_actor(), work.at)
    try:
        account = await asker.get(f"/api/v1/users/{quote(body.deputy, safe='')}")
    except NotFound:
        account = None
    text = ""
    if account is None:
        text = f"没有账号 {body.deputy}"
    elif account["disabled"]:
        text = f"账号 {body.deputy} 已停用"
    elif not any(_may_approve(grant, body) for grant in account["grants"]):
        text = f"{account['name']}在委托期内没有这个地区的请假审批权限"
    if text:
        raise Invalid(text, "No such deputy", errors=[FieldError("no_deputy", text, text, "/deputy")])


def _may_approve(grant: dict[str, Any], body: DelegationCreate) -> bool:
    """True if a grant allows to approve leaves in the region, or in a part of it, for the whole period."""
    region, last = grant["region"], grant["valid_to"]
    return (
        May.LEAVE_APPROVE in ROLES[Role(grant["role"])]
        and (is_region_within(region, body.region) or is_region_within(body.region, region))
        and date.fromisoformat(grant["valid_from"] or str(body.starts_on)) <= body.starts_on
        and (last is None or date.fromisoformat(last) >= body.ends_on)
    )


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


def count_halves(
    body: LeavePeriod, rules: PresenceRules, changes: CalendarChanges = NO_CALENDAR_CHANGES
) -> int:
    """Returns the half days of a leave: calendar days, or working days for the kinds that the rule names."""
    by_working_days = rules.counts_working_days(body.kind)
    days = list_days(body.starts_on, body.ends_on)
    count = sum(not by_working_days or is_workday(on, changes=changes) for on in days)
    return count if body.part is not DayPart.DAY else 2 * count


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
    year = leave.starts_on.year
    first, last = date(year, 1, 1), max(leave.ends_on, date(year, 12, 31))
    nearby = await repository.list_leaves_near(work, leave.person, first, last)
    adjoining = find_adjoining_leaves(nearby, leave, await load_calendar(work, leave.region))
    if others := [other for other in adjoining if other.id != leave.id]:
        spans = "、".join(format_days(other.starts_on, other.ends_on) for other in others)
        total = sum(other.halves for other in [leave, *others])
        warnings.append(f"与 {spans} 的假期相连, 合计 {total / 2:g} 天, 按合计定审批层级")
    spanned = sorted({f"{on:%Y-%m}" for on in list_days(leave.starts_on, leave.ends_on)})
    warnings += [
        f"{month} 月表已签字, 这次请假不改变已签的结果, 须先撤销签字"
        for month in await months.list_signed_months(work, leave.region, spanned)
    ]
    halves = sum(other.halves for other in nearby if other.starts_on.year == year)
    if rules.leave_most_year is not None and halves > 2 * rules.leave_most_year:
        warnings.append(f"本年累计请假 {halves / 2:g} 天, 超过 {rules.leave_most_year} 天")
    if leave.state is LeaveState.APPROVED and work.today > leave.ends_on + timedelta(days=1):
        warnings.append(f"假期已于 {leave.ends_on} 结束, 尚未销假")
    return warnings


async def hand_over_delegations(work: UnitOfWork, event: AccountHandedOver) -> None:
    """Gives the steps that a person takes as a deputy to the successor; what they delegated themselves ends the day before."""
    last = event.starts_on - timedelta(days=1)
    for delegation in await repository.system_list_open_delegations(work, event.account, event.starts_on):
        if delegation.deputy == event.account:
            delegation.deputy = event.successor
        else:
            delegation.ends_on = max(last, delegation.starts_on)
        touch_record(work, delegation)
    await work.session.flush()
