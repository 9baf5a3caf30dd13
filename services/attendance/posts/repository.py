"""Every query over posts and assignments."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, psycopg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.autocommit_connection import AutocommitConnection
from services.attendance.posts.lifecycle import DeviceState
from services.attendance.posts.models import Assignment, Device, Post
from services.attendance.repository import visible_rows
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns
from shared.auth import May, region_bounds
from shared.db import execute_core, in_list
from shared.errors import NotFound
from shared.http import Page, Pagination, list_page
from shared.unit_of_work import UnitOfWork


async def get_post(work: UnitOfWork, post_id: UUID, *, lock: bool = False) -> Post:
    """One post in the caller's regions; NotFound otherwise."""
    query = select(Post).where(Post.id == post_id)
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None or not (
        work.actor.has_access(May.PRESENCE_READ, found.region) or await is_assigned(work, post_id)
    ):
        raise NotFound("没有这个驻村点", "No such post")
    return found


async def is_assigned(work: UnitOfWork, post_id: UUID) -> bool:
    """Whether the caller was ever stationed at a post."""
    query = (
        select(Assignment.id)
        .where(Assignment.post_id == post_id, Assignment.person == work.actor.id)
        .limit(1)
    )
    return (await work.session.exec(query)).first() is not None


async def list_posts(work: UnitOfWork, asked: Pagination, *, region: str, q: str) -> Page[Post]:
    """Posts of a region span that the caller sees, or is stationed at."""
    stationed = select(Assignment.post_id).where(Assignment.person == work.actor.id)
    query = select(Post).where(
        sa.or_(work.actor.scope_filter(May.PRESENCE_READ, col(Post.region)), col(Post.id).in_(stationed))
    )
    if region:
        query = query.where(col(Post.region).between(*region_bounds(region)))
    if q:
        query = query.where(col(Post.name).contains(q, autoescape=True))
    orders = {"name": col(Post.name), "created_at": col(Post.created_at)}
    return await list_page(work.session, query, asked, orders=orders, key=col(Post.id), default="name")


async def list_person_assignments(
    work: UnitOfWork, person: str, low: date, high: date
) -> Sequence[tuple[Assignment, Post]]:
    """Where a person is stationed on any of these days."""
    query = (
        select(Assignment, Post)
        .join(Post, col(Post.id) == Assignment.post_id)
        .where(
            Assignment.person == person,
            Assignment.starts_on <= high,
            sa.or_(col(Assignment.ends_on).is_(None), col(Assignment.ends_on) >= low),
        )
        .order_by(col(Assignment.starts_on), col(Assignment.id))
    )
    return (await work.session.exec(query)).all()


async def system_list_assignments(session: AsyncSession, persons: Sequence[str], since: date) -> list[Any]:
    """Where these persons are stationed from a day on: columns only, for the hot path."""
    held = get_columns(Assignment)
    return list(
        await execute_core(
            session, _build_assignments_query(in_list(session, held.person, persons), sa.literal(since))
        )
    )


async def system_list_assignments_autocommit(
    connection: AutocommitConnection, persons: Sequence[str], since: date
) -> list[Any]:
    """`system_list_assignments` in one round trip, without a session on PostgreSQL."""
    if connection.is_supported:
        rows = await connection.execute(
            _compile_assignments_query(), {"persons": list(persons), "since": since}
        )
        return [AssignmentRow(*row) for row in rows]
    async with connection.database.read() as session:
        return await system_list_assignments(session, persons, since)


class AssignmentRow(NamedTuple):
    """A row of these queries."""

    person: str
    starts_on: date
    ends_on: date | None
    post_id: UUID
    name: str
    region: str
    fences: list[dict[str, Any]]
    closed_on: date | None


def _build_assignments_query(mine: sa.ColumnElement[bool], since: sa.ColumnElement[date]) -> sa.Select[Any]:
    held, post = get_columns(Assignment), get_columns(Post)
    return (
        sa.select(
            held.person,
            held.starts_on,
            held.ends_on,
            post.id.label("post_id"),
            post.name,
            post.region,
            post.fences,
            post.closed_on,
        )
        .join_from(Assignment, Post, post.id == held.post_id)
        .where(mine, sa.or_(held.ends_on.is_(None), held.ends_on >= since))
        .order_by(held.starts_on, held.id)
    )


@cache
def _compile_assignments_query() -> str:
    """The same as the driver reads it."""
    mine = get_columns(Assignment).person == sa.any_(sa.bindparam("persons", type_=ARRAY(sa.Text)))
    query = _build_assignments_query(mine, sa.bindparam("since", type_=sa.Date))
    return str(query.compile(dialect=psycopg.dialect()))  # type: ignore[no-untyped-call]


async def system_list_reassigned_persons(session: AsyncSession, since: datetime) -> set[str]:
    """Persons whose assignment, or whose post, was changed since an instant."""
    held, post = get_columns(Assignment), get_columns(Post)
    own = sa.select(held.person).where(held.updated_at >= since)
    by_post = sa.select(held.person).join_from(Assignment, Post, post.id == held.post_id)
    return set((await execute_core(session, own.union(by_post.where(post.updated_at >= since)))).scalars())


async def get_assignment(work: UnitOfWork, assignment_id: UUID) -> Assignment:
    """One assignment, locked; NotFound outside the caller's regions."""
    query = select(Assignment).where(
        Assignment.id == assignment_id,
        work.actor.scope_filter(May.PRESENCE_READ, col(Assignment.region), col(Assignment.person)),
    )
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这次派驻", "No such assignment")
    return found


async def list_assignments(
    work: UnitOfWork, asked: Pagination, *, post_id: UUID | None, person: str
) -> Page[Assignment]:
    """Assignments the caller sees, of a post or a person or all."""
    query = select(Assignment).where(
        work.actor.scope_filter(May.PRESENCE_READ, col(Assignment.region), col(Assignment.person))
    )
    if post_id is not None:
        query = query.where(Assignment.post_id == post_id)
    if person:
        query = query.where(Assignment.person == person)
    orders = {"starts_on": col(Assignment.starts_on)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(Assignment.id), default="-starts_on"
    )


async def find_first_open_review_day(work: UnitOfWork, person: str) -> date | None:
    """The first day of a person that waits for a reviewer, within what the caller sees."""
    row = get_columns(Review)
    query = sa.select(sa.func.min(row.work_date)).where(
        row.person == person, row.state == ReviewState.OPEN, visible_rows(work, Review)
    )
    found: date | None = (await execute_core(work.session, query)).scalar_one()
    return found


async def count_bound_devices(work: UnitOfWork, person: str) -> int:
    """How many phones a person has bound, within what the caller sees."""
    row = get_columns(Device)
    query = sa.select(sa.func.count()).where(
        row.person == person, row.state == DeviceState.BOUND, visible_rows(work, Device)
    )
    return int((await execute_core(work.session, query)).scalar_one())
