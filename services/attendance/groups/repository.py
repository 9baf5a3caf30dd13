"""Queries of attendance groups and their members."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.groups.models import AttendanceGroup, GroupMember
from services.attendance.posts.models import Assignment
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import get_columns, overlaps_days
from shared.db import execute_core, in_list
from shared.unit_of_work import UnitOfWork


async def find_group_by_name(work: UnitOfWork, region: str, name: str) -> AttendanceGroup | None:
    """Finds a visible group of exactly this region by its name."""
    query = select(AttendanceGroup).where(
        AttendanceGroup.region == region, AttendanceGroup.name == name, visible_rows(work, AttendanceGroup)
    )
    return (await work.session.exec(query)).first()


async def list_memberships(
    work: UnitOfWork, person: str, first: date, last: date
) -> Sequence[tuple[GroupMember, AttendanceGroup]]:
    """Lists a person's memberships that overlap these days, with their groups, wherever they are."""
    query = (
        select(GroupMember, AttendanceGroup)
        .join(AttendanceGroup, col(AttendanceGroup.id) == GroupMember.group_id)
        .where(GroupMember.person == person, overlaps_days(GroupMember, first, last))
        .order_by(col(GroupMember.starts_on))
    )
    return (await work.session.exec(query)).all()


async def list_group_members(work: UnitOfWork, group_id: UUID, since: date) -> Sequence[GroupMember]:
    """Lists the visible members of a group from a day on."""
    query = select(GroupMember).where(
        GroupMember.group_id == group_id,
        sa.or_(col(GroupMember.ends_on).is_(None), col(GroupMember.ends_on) >= since),
        visible_rows(work, GroupMember),
    )
    return (await work.session.exec(query.order_by(col(GroupMember.id)))).all()


async def list_group_assignments(
    work: UnitOfWork, group_id: UUID, persons: Collection[str], since: date
) -> Sequence[Assignment]:
    """Lists the visible assignments that a group gave these persons and that reach a day, locked."""
    query = select(Assignment).where(
        Assignment.group_id == group_id,
        in_list(work.session, col(Assignment.person), persons),
        sa.or_(col(Assignment.ends_on).is_(None), col(Assignment.ends_on) >= since),
        visible_rows(work, Assignment),
    )
    return (await work.session.exec(query.order_by(col(Assignment.id)).with_for_update())).all()


async def list_group_names(work: UnitOfWork, region: str) -> dict[str, str]:
    """Returns group id → name of the visible groups that reach into a region."""
    group = get_columns(AttendanceGroup)
    query = sa.select(group.id, group.name).where(
        work.within_region(group.region, region[:6].ljust(12, "0")), visible_rows(work, AttendanceGroup)
    )
    return {str(row.id): row.name for row in await execute_core(work.session, query)}


async def system_list_terms(
    session: AsyncSession, persons: Collection[str], first: date, last: date
) -> dict[str, list[Any]]:
    """Returns person → (group_id, starts_on, ends_on, terms, closed_on) of memberships that overlap these days."""
    member, group = get_columns(GroupMember), get_columns(AttendanceGroup)
    query = (
        sa.select(
            member.person, member.group_id, member.starts_on, member.ends_on, group.terms, group.closed_on
        )
        .join_from(GroupMember, AttendanceGroup, group.id == member.group_id)
        .where(in_list(session, member.person, persons), overlaps_days(GroupMember, first, last))
        .order_by(member.starts_on)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in await execute_core(session, query):
        found[row.person].append(row)
    return found
