"""Queries on posts, assignments and registered phones."""

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
from services.attendance.posts.schemas import AssignmentRead, PostRead
from services.attendance.repository import visible_rows
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns, overlaps_days
from shared.auth import May
from shared.db import execute_core, in_list
from shared.errors import NotFound
from shared.http import PageAnswer, Pagination, answer_page
from shared.unit_of_work import UnitOfWork


class AssignmentRow(NamedTuple):
    """Row of the assignment queries."""

    person: str
    starts_on: date
    ends_on: date | None
    post_id: UUID
    name: str
    region: str
    fences: list[dict[str, Any]]
    closed_on: date | None
    former_fences: list[dict[str, Any]] | None


async def get_post(work: UnitOfWork, post_id: UUID, *, lock: bool = False) -> Post:
    """Returns a post that the caller sees by region or was ever assigned to. Raises NotFound."""
    query = select(Post).where(Post.id == post_id)
    post = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if post is None or not (
        work.actor.has_access(May.PRESENCE_READ, post.region) or await is_assigned(work, post_id)
    ):
        raise NotFound("没有这个驻村点", "No such post")
    return post


async def is_assigned(work: UnitOfWork, post_id: UUID) -> bool:
    """True if the caller is or was assigned to the post."""
    query = (
        select(Assignment.id)
        .where(Assignment.post_id == post_id, Assignment.person == work.actor.id)
        .limit(1)
    )
    return (await work.session.exec(query)).first() is not None


def is_visible_post(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Whether the caller sees a post by its region, or was ever assigned to it."""
    own_post_ids = select(Assignment.post_id).where(Assignment.person == work.actor.id)
    scope = work.actor.scope_filter(May.PRESENCE_READ, col(Post.region))
    return sa.or_(scope, col(Post.id).in_(own_post_ids))


async def list_posts(work: UnitOfWork, page_params: Pagination, *, region: str, q: str) -> PageAnswer:
    """Returns a page of posts that the caller sees by region or was ever assigned to; `q` is part of the name."""
    query = select(Post).where(is_visible_post(work))
    if region:
        query = query.where(work.within_region(col(Post.region), region))
    if q:
        query = query.where(col(Post.name).contains(q, autoescape=True))
    orders = {"name": col(Post.name), "created_at": col(Post.created_at)}
    return await answer_page(
        work.session, query, page_params, read=PostRead, orders=orders, key=col(Post.id), default="name"
    )


async def list_person_assignments(
    work: UnitOfWork, person: str, first: date, last: date
) -> Sequence[tuple[Assignment, Post]]:
    """Returns a person's assignments, with their posts, that overlap these days."""
    query = (
        select(Assignment, Post)
        .join(Post, col(Post.id) == Assignment.post_id)
        .where(
            Assignment.person == person,
            Assignment.starts_on <= last,
            sa.or_(col(Assignment.ends_on).is_(None), col(Assignment.ends_on) >= first),
        )
        .order_by(col(Assignment.starts_on), col(Assignment.id))
    )
    return (await work.session.exec(query)).all()


async def list_stationed(
    work: UnitOfWork, region: str, first: date, last: date, may: May
) -> Sequence[Assignment]:
    """Returns the assignments in a region that overlap these days, where the caller has the permission."""
    query = select(Assignment).where(
        work.within_region(col(Assignment.region), region),
        work.actor.scope_filter(may, col(Assignment.region)),
        overlaps_days(Assignment, first, last),
    )
    return (await work.session.exec(query.order_by(col(Assignment.starts_on), col(Assignment.id)))).all()


async def system_list_assignments(session: AsyncSession, persons: Sequence[str], since: date) -> list[Any]:
    """Returns assignments that end on or after a day, as plain columns: the hot path of check-ins."""
    assignment = get_columns(Assignment)
    return list(
        await execute_core(
            session, _build_assignments_query(in_list(session, assignment.person, persons), sa.literal(since))
        )
    )


async def system_list_assignments_autocommit(
    connection: AutocommitConnection, persons: Sequence[str], since: date
) -> list[Any]:
    """As system_list_assignments, on PostgreSQL in one round trip without a session."""
    if connection.is_supported:
        rows = await connection.execute(
            _compile_assignments_query(), {"persons": list(persons), "since": since}
        )
        return [AssignmentRow(*row) for row in rows]
    async with connection.database.read() as session:
        return await system_list_assignments(session, persons, since)


async def system_list_reassigned_persons(session: AsyncSession, since: datetime) -> set[str]:
    """Returns persons whose assignment or post changed since a time."""
    assignment, post = get_columns(Assignment), get_columns(Post)
    by_assignment = sa.select(assignment.person).where(assignment.updated_at >= since)
    by_post = sa.select(assignment.person).join_from(Assignment, Post, post.id == assignment.post_id)
    return set(
        (await execute_core(session, by_assignment.union(by_post.where(post.updated_at >= since)))).scalars()
    )


async def get_assignment(work: UnitOfWork, assignment_id: UUID) -> Assignment:
    """Returns one visible assignment, locked. Raises NotFound."""
    query = select(Assignment).where(
        Assignment.id == assignment_id,
        work.actor.scope_filter(May.PRESENCE_READ, col(Assignment.region), col(Assignment.person)),
    )
    assignment = (await work.session.exec(query.with_for_update())).first()
    if assignment is None:
        raise NotFound("没有这次派驻", "No such assignment")
    return assignment


async def list_assignments(
    work: UnitOfWork, page_params: Pagination, *, post_id: UUID | None, person: str
) -> PageAnswer:
    """Returns a page of visible assignments, of a post, a person or all."""
    query = select(Assignment).where(
        work.actor.scope_filter(May.PRESENCE_READ, col(Assignment.region), col(Assignment.person))
    )
    if post_id is not None:
        query = query.where(Assignment.post_id == post_id)
    if person:
        query = query.where(Assignment.person == person)
    orders = {"starts_on": col(Assignment.starts_on)}
    return await answer_page(
        work.session,
        query,
        page_params,
        read=AssignmentRead,
        orders=orders,
        key=col(Assignment.id),
        default="-starts_on",
    )


async def find_first_open_review_day(work: UnitOfWork, person: str) -> date | None:
    """Returns the person's first day with a visible open review, or None."""
    row = get_columns(Review)
    query = sa.select(sa.func.min(row.work_date)).where(
        row.person == person, row.state == ReviewState.OPEN, visible_rows(work, Review)
    )
    first_day: date | None = (await execute_core(work.session, query)).scalar_one()
    return first_day


async def count_bound_devices(work: UnitOfWork, person: str) -> int:
    """Counts the person's bound phones that the caller sees."""
    row = get_columns(Device)
    query = sa.select(sa.func.count()).where(
        row.person == person, row.state == DeviceState.BOUND, visible_rows(work, Device)
    )
    return int((await execute_core(work.session, query)).scalar_one())


def _build_assignments_query(
    of_persons: sa.ColumnElement[bool], since: sa.ColumnElement[date]
) -> sa.Select[Any]:
    """Selects assignments with their posts that end on or after a day."""
    assignment, post = get_columns(Assignment), get_columns(Post)
    return (
        sa.select(
            assignment.person,
            assignment.starts_on,
            assignment.ends_on,
            post.id.label("post_id"),
            post.name,
            post.region,
            post.fences,
            post.closed_on,
            post.former_fences,
        )
        .join_from(Assignment, Post, post.id == assignment.post_id)
        .where(of_persons, sa.or_(assignment.ends_on.is_(None), assignment.ends_on >= since))
        .order_by(assignment.starts_on, assignment.id)
    )


@cache
def _compile_assignments_query() -> str:
    """Returns the query as SQL text for psycopg."""
    of_persons = get_columns(Assignment).person == sa.any_(sa.bindparam("persons", type_=ARRAY(sa.Text)))
    query = _build_assignments_query(of_persons, sa.bindparam("since", type_=sa.Date))
    return str(query.compile(dialect=psycopg.dialect()))  # type: ignore[no-untyped-call]
