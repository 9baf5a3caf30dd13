"""Sponsoring units, teams, memberships and hand-over."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import require_order
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_reason, send_message
from services.attendance.policy import TEAM_REQUIREMENTS, TeamRequirements
from services.attendance.posts import assignment_cache
from services.attendance.posts.models import Assignment
from services.attendance.teams import repository
from services.attendance.teams.models import Member, Team, Unit
from services.attendance.teams.schemas import (
    HandOver,
    MemberCreate,
    MemberEnd,
    MemberRead,
    MemberRole,
    TeamChange,
    TeamCreate,
    TeamDetail,
    TeamFinding,
    TeamRead,
    UnitCreate,
)
from shared.auth import May
from shared.clients.attendance import AssignmentChanged, MemberChanged, TeamChanged
from shared.clients.identity import AccountHandedOver
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.http import VersionMatch
from shared.records import create_record, insert_record, save_record
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

ONE_DAY = timedelta(days=1)


async def create_unit(work: UnitOfWork, body: UnitCreate) -> Unit:
    """Registers a unit. Raises Conflict if its name is registered in the region."""
    work.actor.require(May.TEAM_MANAGE, body.region)
    columns = body.model_dump(exclude={"id", "region", "credit_code"})
    code = body.credit_code or ""
    if await repository.unit_name_exists(work, body.region, body.name, body.id):
        raise Conflict(f"{body.name}已登记, 不必重复登记", "This unit is there already")
    unit, _ = await create_record(
        work, Unit, body, region=body.region, id=body.id, credit_code=code, **columns
    )
    return unit


async def create_team(work: UnitOfWork, body: TeamCreate) -> Team:
    """Creates a team in a village."""
    work.actor.require(May.TEAM_MANAGE, body.region)
    await _get_unit_name(work, body.unit_id)
    team, _ = await create_record(
        work,
        Team,
        body,
        event=lambda team: TeamChanged(name=team.name, village=team.region),
        region=body.region,
        id=body.id,
        name=body.name,
        unit_id=body.unit_id,
    )
    return team


async def update_team(work: UnitOfWork, team_id: UUID, body: TeamChange, match: VersionMatch) -> Team:
    """Changes a team, not the terms of its members."""
    team = await records.get_record(work, Team, team_id, "这支工作队", lock=True)
    work.actor.require(May.TEAM_MANAGE, team.region)
    match.require_version(team)
    changes = body.model_dump(exclude_unset=True)
    await _get_unit_name(work, changes.get("unit_id"))
    before = {name: getattr(team, name) for name in changes}
    for name, value in changes.items():
        setattr(team, name, value)
    await save_record(work, team, TeamChanged(name=team.name, village=team.region), before=before)
    return team


async def create_member(work: UnitOfWork, team_id: UUID, body: MemberCreate) -> Member:
    """Adds a member to a team. Raises Conflict while the person is a member of any team."""
    team = await records.get_record(work, Team, team_id, "这支工作队", lock=True)
    work.actor.require(May.TEAM_MANAGE, team.region)
    require_order(body.starts_on, body.term_ends_on, "/term_ends_on")
    await _require_no_membership(work, body.person, body.person_name, body.starts_on, body.id)
    return await _insert_member(work, team, body, body.role, body.unit_id, body.term_ends_on, None)


async def end_membership(work: UnitOfWork, member_id: UUID, body: MemberEnd, match: VersionMatch) -> Member:
    """Ends a term and the person's assignments in the village."""
    member = await _get_serving_member(work, member_id, match)
    await _end_term(work, member, body.ends_on, body.reason)
    for assignment in await repository.list_current_assignments(
        work, member.person, member.region, body.ends_on + ONE_DAY
    ):
        await _end_assignment(work, assignment, body.ends_on, body.reason)
    return member


async def hand_over_membership(
    work: UnitOfWork, member_id: UUID, body: HandOver, match: VersionMatch
) -> Member:
    """Ends a term and gives role and assignments to another person; returns the new membership.

    A repeated request with the same id returns the same membership.
    """
    if body.id is not None and (existing := await work.session.get(Member, body.id)) is not None:
        team = await records.get_record(work, Team, existing.team_id, "这支工作队")
        return await _insert_member(
            work, team, body, existing.role, existing.unit_id, None, existing.predecessor_id
        )
    member = await _get_serving_member(work, member_id, match)
    team = await records.get_record(work, Team, member.team_id, "这支工作队")
    await _require_no_membership(work, body.person, body.person_name, body.starts_on, body.id)
    if body.starts_on <= member.starts_on:
        detail = f"接任日期须晚于前任到任的 {member.starts_on}"
        raise Invalid(
            detail, "Too early", errors=[FieldError("too_early", detail, "too early", "/starts_on")]
        )
    last = body.starts_on - ONE_DAY
    await _end_term(work, member, last, body.reason, body.person)
    unit = body.unit_id or member.unit_id
    successor = await _insert_member(work, team, body, member.role, unit, None, member.id)
    for assignment in await repository.list_current_assignments(
        work, member.person, member.region, body.starts_on
    ):
        to = (successor.person, successor.person_name, successor.starts_on)
        await _transfer_assignment(work, assignment, to, last, body.reason)
    return successor


async def hand_over_work(work: UnitOfWork, event: AccountHandedOver) -> None:
    """Ends a person's terms and assignments the day before and gives them to the successor; later ones change hands."""
    last = event.starts_on - ONE_DAY
    for member in await repository.system_list_open_members(work, event.account, event.starts_on):
        if member.starts_on > last:
            before = {"person": member.person}
            member.person, member.person_name = event.successor, event.successor_name
            await save_record(work, member, _build_event(member), before=before, reason=event.reason)
            continue
        team = await records.get_record(work, Team, member.team_id, "这支工作队")
        body = HandOver(
            id=None,
            person=event.successor,
            person_name=event.successor_name,
            starts_on=event.starts_on,
            unit_id=member.unit_id,
            reason=event.reason,
        )
        await _end_term(work, member, last, event.reason, event.successor)
        await _insert_member(work, team, body, member.role, member.unit_id, None, member.id)
    for assignment in await repository.system_list_open_assignments(work, event.account, event.starts_on):
        await _give_assignment(work, assignment, event)


async def _give_assignment(work: UnitOfWork, assignment: Assignment, event: AccountHandedOver) -> None:
    if assignment.starts_on < event.starts_on:
        await _transfer_assignment(
            work,
            assignment,
            (event.successor, event.successor_name, event.starts_on),
            event.starts_on - ONE_DAY,
            event.reason,
        )
        return
    before = {"person": assignment.person}
    assignment.person, assignment.person_name = event.successor, event.successor_name
    assignment_cache.clear_cache(work.context)
    await save_record(
        work, assignment, _build_assignment_event(assignment), before=before, reason=event.reason
    )


async def get_team_detail(work: UnitOfWork, team_id: UUID) -> TeamDetail:
    """Returns a team, its present and former members, and findings by the dated requirements."""
    team = await repository.get_team(work, team_id)
    rows = await repository.list_members(work, team.id)
    current = [row for row in rows if row.starts_on <= work.today and (row.ends_on or date.max) >= work.today]
    rule = await work.get_rule(TEAM_REQUIREMENTS, region=team.region)
    return TeamDetail(
        **TeamRead.model_validate(team).model_dump(),
        unit_name=await _get_unit_name(work, team.unit_id),
        members=[MemberRead.model_validate(row) for row in current],
        former=[MemberRead.model_validate(row) for row in rows if row not in current],
        findings=[] if team.closed_on else _check_requirements(current, rule),
    )


async def _get_unit_name(work: UnitOfWork, unit_id: UUID | None) -> str:
    """Returns the unit's name, empty without a unit. Raises NotFound."""
    return "" if unit_id is None else (await repository.get_unit(work, unit_id)).name


async def _require_no_membership(
    work: UnitOfWork, person: str, name: str, starts_on: date, except_id: UUID | None
) -> None:
    """Raises Conflict if the person is a member on or after the day."""
    await records.system_lock_memberships(work)
    for membership in await repository.list_memberships(work, person, starts_on, date.max):
        if membership.id != except_id:
            raise Conflict(
                f"{name}自 {membership.starts_on} 起已在队任{membership.role.label}, 请先离队",
                "In a team already",
            )


async def _insert_member(
    work: UnitOfWork,
    team: Team,
    body: MemberCreate | HandOver,
    role: MemberRole,
    unit_id: UUID | None,
    term_ends_on: date | None,
    predecessor: UUID | None,
) -> Member:
    member, _ = await create_record(
        work,
        Member,
        body,
        event=_build_event,
        region=team.region,
        id=body.id,
        team_id=team.id,
        person=body.person,
        person_name=body.person_name,
        role=role,
        unit_id=unit_id,
        unit_name=await _get_unit_name(work, unit_id),
        starts_on=body.starts_on,
        term_ends_on=term_ends_on,
        predecessor_id=predecessor,
    )
    return member


def _build_event(member: Member, successor: str = "") -> MemberChanged:
    return MemberChanged(
        team_id=member.team_id,
        person=member.person,
        role=member.role,
        starts_on=member.starts_on,
        ends_on=member.ends_on,
        successor=successor,
    )


async def _get_serving_member(work: UnitOfWork, member_id: UUID, match: VersionMatch) -> Member:
    """Returns the membership, locked. Raises Conflict if it has ended."""
    member = await records.get_record(work, Member, member_id, "这段任期", lock=True)
    work.actor.require(May.TEAM_MANAGE, member.region)
    match.check_version(member)
    if member.ends_on is not None:
        raise Conflict(f"这段任期已于 {member.ends_on} 结束", "The term has ended")
    return member


async def _end_term(work: UnitOfWork, member: Member, on: date, reason: str, successor: str = "") -> None:
    """Ends the term, publishes it and tells the person."""
    require_order(member.starts_on, on)
    member.ends_on = on
    await save_record(work, member, _build_event(member, successor), before={"ends_on": ""}, reason=reason)
    text = f"您任{member.role.label}到 {on} 为止{format_reason(reason)}"
    await send_message(work, member.person, MessageKind.TERM, member, text)


async def _end_assignment(work: UnitOfWork, assignment: Assignment, on: date, reason: str) -> None:
    """Ends the assignment and publishes it."""
    before = {"ends_on": str(assignment.ends_on or "")}
    assignment.ends_on = max(on, assignment.starts_on)
    assignment_cache.clear_cache(work.context)
    await save_record(work, assignment, _build_assignment_event(assignment), before=before, reason=reason)


def _build_assignment_event(assignment: Assignment) -> AssignmentChanged:
    return AssignmentChanged(
        post_id=assignment.post_id,
        person=assignment.person,
        starts_on=assignment.starts_on,
        ends_on=assignment.ends_on,
    )


async def _transfer_assignment(
    work: UnitOfWork, assignment: Assignment, to: tuple[str, str, date], last: date, reason: str
) -> None:
    """Ends an assignment and creates the successor's (account, name, first day) for the rest of its period."""
    ends_on = assignment.ends_on
    await _end_assignment(work, assignment, last, reason)
    new_assignment = Assignment(
        id=new_id(),
        region=assignment.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        post_id=assignment.post_id,
        person=to[0],
        person_name=to[1],
        starts_on=to[2],
        ends_on=ends_on,
        group_id=assignment.group_id,
    )
    assignment_cache.clear_cache(work.context)
    await insert_record(work, new_assignment, _build_assignment_event(new_assignment), reason=reason)


def _check_requirements(current: Sequence[Member], rule: Rule[TeamRequirements]) -> list[TeamFinding]:
    """Returns the requirements that the present members do not meet."""
    requirements = rule.value
    resident = [row for row in current if row.role is not MemberRole.HELPER]
    findings = []
    if len(resident) < requirements.least_members:
        findings.append(f"在队 {len(resident)} 人, 少于 {requirements.least_members} 人")
    if sum(row.role is MemberRole.FIRST_SECRETARY for row in resident) > 1:
        findings.append("第一书记多于一人")
    for row in resident:
        if row.term_ends_on and (row.term_ends_on - row.starts_on).days < requirements.least_term_days:
            findings.append(f"{row.person_name}的任期少于 {requirements.least_term_days} 天")
    return [TeamFinding(rule=rule.ref, words=words, basis=rule.basis) for words in findings]
