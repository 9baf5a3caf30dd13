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

from services.attendance.posts.models import Assignment, Post
from services.attendance.rows import columns
from shared.access import span
from shared.bulk import among
from shared.db import Database, run
from shared.errors import NotFound
from shared.pages import Page, Paging, page
from shared.permissions import May
from shared.work import Work


async def get(work: Work, post_id: UUID, *, lock: bool = False) -> Post:
    """One post in the caller's regions; NotFound otherwise."""
    query = select(Post).where(Post.id == post_id)
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None or not (work.actor.sees(May.PRESENCE_READ, found.region) or await mine(work, post_id)):
        raise NotFound("没有这个驻村点", "No such post")
    return found


async def mine(work: Work, post_id: UUID) -> bool:
    """Whether the caller was ever stationed at a post."""
    query = (
        select(Assignment.id)
        .where(Assignment.post_id == post_id, Assignment.person == work.actor.id)
        .limit(1)
    )
    return (await work.session.exec(query)).first() is not None


async def search(work: Work, asked: Paging, *, region: str, q: str) -> Page[Post]:
    """Posts of a region span that the caller sees, or is stationed at."""
    stationed = select(Assignment.post_id).where(Assignment.person == work.actor.id)
    query = select(Post).where(
        sa.or_(work.actor.where(May.PRESENCE_READ, col(Post.region)), col(Post.id).in_(stationed))
    )
    if region:
        query = query.where(col(Post.region).between(*span(region)))
    if q:
        query = query.where(col(Post.name).contains(q, autoescape=True))
    orders = {"name": col(Post.name), "created_at": col(Post.created_at)}
    return await page(work.session, query, asked, orders=orders, key=col(Post.id), default="name")


async def stations(work: Work, person: str, low: date, high: date) -> Sequence[tuple[Assignment, Post]]:
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


async def system_stations(session: AsyncSession, persons: Sequence[str], since: date) -> list[Any]:
    """Where these persons are stationed from a day on: columns only, for the hot path."""
    held = columns(Assignment)
    return list(await run(session, _stations(among(session, held.person, persons), sa.literal(since))))


async def system_stations_at_once(database: Database, persons: Sequence[str], since: date) -> list[Any]:
    """The same in one round trip, without a session around it where the database can."""
    if database.dialect == "postgresql":
        rows = await database.at_once(_stations_text(), {"persons": list(persons), "since": since})
        return [Stationed(*row) for row in rows]
    async with database.read() as session:
        return await system_stations(session, persons, since)


class Stationed(NamedTuple):
    """A row of these queries."""

    person: str
    starts_on: date
    ends_on: date | None
    post_id: UUID
    name: str
    region: str
    fences: list[dict[str, Any]]
    closed_on: date | None


def _stations(mine: sa.ColumnElement[bool], since: sa.ColumnElement[date]) -> sa.Select[Any]:
    held, post = columns(Assignment), columns(Post)
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
def _stations_text() -> str:
    """The same as the driver reads it."""
    mine = columns(Assignment).person == sa.any_(sa.bindparam("persons", type_=ARRAY(sa.Text)))
    query = _stations(mine, sa.bindparam("since", type_=sa.Date))
    return str(query.compile(dialect=psycopg.dialect()))  # type: ignore[no-untyped-call]


async def system_restationed(session: AsyncSession, since: datetime) -> set[str]:
    """Persons whose assignment, or whose post, was changed since an instant."""
    held, post = columns(Assignment), columns(Post)
    own = sa.select(held.person).where(held.updated_at >= since)
    by_post = sa.select(held.person).join_from(Assignment, Post, post.id == held.post_id)
    return set((await run(session, own.union(by_post.where(post.updated_at >= since)))).scalars())


async def assignment(work: Work, assignment_id: UUID) -> Assignment:
    """One assignment, locked; NotFound outside the caller's regions."""
    query = select(Assignment).where(
        Assignment.id == assignment_id,
        work.actor.where(May.PRESENCE_READ, col(Assignment.region), col(Assignment.person)),
    )
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这次派驻", "No such assignment")
    return found


async def assignments(work: Work, asked: Paging, *, post_id: UUID | None, person: str) -> Page[Assignment]:
    """Assignments the caller sees, of a post or a person or all."""
    query = select(Assignment).where(
        work.actor.where(May.PRESENCE_READ, col(Assignment.region), col(Assignment.person))
    )
    if post_id is not None:
        query = query.where(Assignment.post_id == post_id)
    if person:
        query = query.where(Assignment.person == person)
    orders = {"starts_on": col(Assignment.starts_on)}
    return await page(work.session, query, asked, orders=orders, key=col(Assignment.id), default="-starts_on")
