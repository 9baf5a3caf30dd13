"""Attendance groups, their dated terms, and members, who are assigned to the group's posts while they belong to it."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from services.attendance import repository as records
from services.attendance.days.repository import system_upsert_recalculation
from services.attendance.groups import repository
from services.attendance.groups.models import AttendanceGroup, GroupMember
from services.attendance.groups.schemas import (
    GroupChange,
    GroupCreate,
    GroupMemberCreate,
    GroupMemberEnd,
    GroupTerms,
)
from services.attendance.posts import assignment_cache
from services.attendance.posts import repository as posts
from services.attendance.posts.models import Assignment, Post
from services.attendance.posts.service import build_assignment_event
from shared.auth import May
from shared.clients.attendance import AttendanceGroupChanged, GroupMemberChanged
from shared.clients.identity import AccountHandedOver
from shared.db import new_id
from shared.errors import Conflict, invalid_field
from shared.http import VersionMatch
from shared.records import create_record, insert_record, save_record
from shared.unit_of_work import UnitOfWork

ONE_DAY = timedelta(days=1)
MAX_LOOK_BACK = timedelta(days=400)
"""Days further back are not evaluated again when the terms change."""


async def create_group(work: UnitOfWork, body: GroupCreate) -> AttendanceGroup:
    """Creates a group. Raises Conflict if the region has one of this name, NotFound for an unknown post."""
    work.actor.require(May.POST_MANAGE, body.region)
    await _require_unused_name(work, body.region, body.name, body.id)
    await _list_posts(work, body.posts)
    group, _ = await create_record(
        work,
        AttendanceGroup,
        body,
        event=_build_event,
        region=body.region,
        id=body.id,
        name=body.name,
        posts=_store_posts(body.posts),
        terms=[body.terms.model_dump(mode="json")],
    )
    return group


async def update_group(
    work: UnitOfWork, group_id: UUID, body: GroupChange, match: VersionMatch
) -> AttendanceGroup:
    """Changes a group. New terms hold from their day: days since then are evaluated again, unless they are signed."""
    group = await records.get_record(work, AttendanceGroup, group_id, "这个考勤组", lock=True)
    work.actor.require(May.POST_MANAGE, group.region)
    match.require_version(group)
    changed = body.model_fields_set
    before = {name: getattr(group, name) for name in changed}
    if body.name is not None and body.name != group.name:
        await _require_unused_name(work, group.region, body.name, group.id)
        group.name = body.name
    if "closed_on" in changed:
        await _close_group(work, group, body.closed_on)
    if body.posts is not None:
        await _replace_posts(work, group, body.posts)
    if body.terms is not None:
        await _add_terms(work, group, body.terms)
    await save_record(work, group, _build_event(group), before=before)
    return group


async def create_member(work: UnitOfWork, group_id: UUID, body: GroupMemberCreate) -> GroupMember:
    """Adds a person to a group. Raises Conflict while the person belongs to a group, Invalid if the group is closed."""
    group = await records.get_record(work, AttendanceGroup, group_id, "这个考勤组", lock=True)
    work.actor.require(May.POST_MANAGE, group.region)
    if group.closed_on is not None and body.starts_on > group.closed_on:
        raise invalid_field(
            "closed", f"考勤组已于 {group.closed_on} 停用", "/starts_on", "The group is closed"
        )
    await records.system_lock_memberships(work)
    for member, other in await repository.list_memberships(
        work, body.person, body.starts_on, body.ends_on or date.max
    ):
        if member.id != body.id:
            raise Conflict(
                f"{body.person_name}自 {member.starts_on} 起在“{other.name}”, 一人同时只在一个考勤组, 请先退出",
                "In a group already",
            )
    member, is_new = await create_record(
        work,
        GroupMember,
        body,
        event=_build_member_event,
        region=group.region,
        id=body.id,
        group_id=group.id,
        **body.model_dump(exclude={"id"}),
    )
    if is_new:
        await _assign_members(
            work, group, [member], await _list_posts(work, _read_posts(group)), body.starts_on
        )
    return member


async def end_member(
    work: UnitOfWork, member_id: UUID, body: GroupMemberEnd, match: VersionMatch
) -> GroupMember:
    """Ends a membership and the assignments that it gave. Raises Invalid if that is before its start."""
    member = await records.get_record(work, GroupMember, member_id, "这位考勤组成员", lock=True)
    work.actor.require(May.POST_MANAGE, member.region)
    match.require_version(member)
    if body.ends_on < member.starts_on:
        raise invalid_field("before_start", "结束日期早于开始日期", "/ends_on", "Ends before it starts")
    await end_membership(work, member, body.ends_on, body.reason)
    return member


async def hand_over_memberships(work: UnitOfWork, event: AccountHandedOver) -> None:
    """Ends a person's memberships the day before; the successor joins the groups in their place, unless in one already."""
    last = event.starts_on - ONE_DAY
    taken = bool(await repository.list_memberships(work, event.successor, event.starts_on, date.max))
    for member, _ in await repository.list_memberships(work, event.account, event.starts_on, date.max):
        ends_on = member.ends_on
        await end_membership(work, member, max(last, member.starts_on), event.reason)
        if taken:
            continue
        successor = GroupMember(
            id=new_id(),
            region=member.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            group_id=member.group_id,
            person=event.successor,
            person_name=event.successor_name,
            starts_on=max(event.starts_on, member.starts_on),
            ends_on=ends_on,
        )
        await insert_record(work, successor, _build_member_event(successor), reason=event.reason)


async def _require_unused_name(work: UnitOfWork, region: str, name: str, except_id: UUID | None) -> None:
    known = await repository.find_group_by_name(work, region, name)
    if known is not None and known.id != except_id:
        raise Conflict(f"本地已有考勤组“{name}”", "A group of this name exists")


def _store_posts(post_ids: Sequence[UUID]) -> list[str]:
    return list(dict.fromkeys(map(str, post_ids)))


def _read_posts(group: AttendanceGroup) -> list[UUID]:
    return [UUID(post) for post in group.posts]


async def _list_posts(work: UnitOfWork, post_ids: Sequence[UUID]) -> list[Post]:
    """Returns the posts. Raises NotFound for one that the caller does not see, Forbidden for one of others."""
    found = [await posts.get_post(work, post_id) for post_id in dict.fromkeys(post_ids)]
    for post in found:
        work.actor.require(May.POST_MANAGE, post.region)
    return found


async def _assign_members(
    work: UnitOfWork,
    group: AttendanceGroup,
    members: Sequence[GroupMember],
    places: Sequence[Post],
    since: date,
) -> None:
    """Assigns members to posts of the group from a day on, where they are not assigned yet."""
    for member in members:
        first, last = max(since, member.starts_on), member.ends_on
        known = await posts.list_person_assignments(work, member.person, first, last or date.max)
        stationed = {post.id for _, post in known}
        for post in places:
            if post.id in stationed:
                continue
            assignment = Assignment(
                id=new_id(),
                region=post.region,
                created_at=work.at,
                created_by=work.actor.id,
                updated_at=work.at,
                post_id=post.id,
                group_id=group.id,
                person=member.person,
                person_name=member.person_name,
                starts_on=first,
                ends_on=last,
            )
            await insert_record(
                work, assignment, build_assignment_event(assignment), reason=f"考勤组 {group.name}"
            )
    assignment_cache.clear_cache(work.context)


async def _end_assignments(
    work: UnitOfWork,
    group_id: UUID,
    persons: Sequence[str],
    last: date,
    reason: str,
    *,
    except_posts: set[UUID],
) -> None:
    """Ends the assignments that a group gave these persons, except to some posts."""
    for assignment in await repository.list_group_assignments(work, group_id, persons, last + ONE_DAY):
        if assignment.post_id not in except_posts:
            before = {"ends_on": str(assignment.ends_on or "")}
            assignment.ends_on = max(last, assignment.starts_on)
            await save_record(
                work, assignment, build_assignment_event(assignment), before=before, reason=reason
            )
    assignment_cache.clear_cache(work.context)


async def end_membership(work: UnitOfWork, member: GroupMember, last: date, reason: str) -> None:
    """Ends a membership on a day, with the assignments that it gave."""
    before = {"ends_on": str(member.ends_on or "")}
    member.ends_on = last
    await save_record(work, member, _build_member_event(member), before=before, reason=reason)
    await _end_assignments(work, member.group_id, [member.person], last, reason, except_posts=set())


async def _close_group(work: UnitOfWork, group: AttendanceGroup, closed_on: date | None) -> None:
    """Sets the last day of a group, which ends its memberships."""
    group.closed_on = closed_on
    if closed_on is None:
        return
    for member in await repository.list_group_members(work, group.id, closed_on + ONE_DAY):
        await end_membership(work, member, max(closed_on, member.starts_on), f"考勤组“{group.name}”停用")


async def _replace_posts(work: UnitOfWork, group: AttendanceGroup, post_ids: Sequence[UUID]) -> None:
    """Gives a group other posts from today on: check-ins of the days before are judged by the former."""
    places = await _list_posts(work, post_ids)
    members = await repository.list_group_members(work, group.id, work.today)
    persons = [member.person for member in members]
    kept = {post.id for post in places}
    await _end_assignments(
        work, group.id, persons, work.today - ONE_DAY, f"考勤组“{group.name}”更换驻村点", except_posts=kept
    )
    group.posts = _store_posts(post_ids)
    await _assign_members(work, group, members, places, work.today)


async def _add_terms(work: UnitOfWork, group: AttendanceGroup, terms: GroupTerms) -> None:
    """Adds terms and evaluates the days since then again."""
    since = terms.since.isoformat()
    others = [one for one in group.terms if one["since"] != since]
    group.terms = sorted([*others, terms.model_dump(mode="json")], key=lambda one: str(one["since"]))
    first = max(terms.since, work.today - MAX_LOOK_BACK)
    if first <= work.today:
        await system_upsert_recalculation(work.session, group.region, first, work.today, work.at)


def _build_event(group: AttendanceGroup) -> AttendanceGroupChanged:
    return AttendanceGroupChanged(group_id=group.id, name=group.name)


def _build_member_event(member: GroupMember) -> GroupMemberChanged:
    return GroupMemberChanged(
        group_id=member.group_id, person=member.person, starts_on=member.starts_on, ends_on=member.ends_on
    )
