"""Every query about teams that is not one record or one page."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.posts.models import Assignment
from services.attendance.repository import seen
from services.attendance.rows import during
from services.attendance.teams.models import Member, Team, Unit
from shared.access import span
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.rules import lineage
from shared.work import Work


def _known(work: Work) -> sa.ColumnElement[bool]:
    """Units of the caller's regions and of those above: a town knows the district's units."""
    above = {code for grant in work.actor.grants for code in lineage(grant.region)}
    return sa.or_(seen(work, Unit), col(Unit.region).in_(above))


async def unit(work: Work, unit_id: UUID) -> Unit:
    """One helping unit; NotFound when the caller's regions know none."""
    found = (await work.session.exec(select(Unit).where(Unit.id == unit_id, _known(work)))).first()
    if found is None:
        raise NotFound("没有这个帮扶单位", "No such unit")
    return found


async def named_alike(work: Work, region: str, name: str, but: UUID | None) -> bool:
    """Whether a region has a unit of this name, another than the one given."""
    query = select(Unit.id).where(Unit.region == region, Unit.name == name, _known(work))
    if but is not None:
        query = query.where(Unit.id != but)
    return (await work.session.exec(query.limit(1))).first() is not None


async def units(work: Work, asked: Asked, region: str) -> Page[Unit]:
    """A page of helping units."""
    query = select(Unit).where(_known(work))
    if region:
        query = query.where(col(Unit.region).between(*span(region)))
    orders = {"name": col(Unit.name)}
    return await page(work.session, query, asked, orders=orders, key=col(Unit.id), default="name")


def _served(work: Work) -> Any:  # noqa: ANN401 - a subquery
    """Teams in which the caller is or was a member themselves."""
    return select(Member.team_id).where(Member.person == work.actor.id)


def visible(work: Work) -> sa.ColumnElement[bool]:
    """Teams of the caller's regions, and those they belong to."""
    return sa.or_(seen(work, Team), col(Team.id).in_(_served(work)))


async def team(work: Work, team_id: UUID) -> Team:
    """One team; NotFound when it is neither in the caller's regions nor their own."""
    found = (await work.session.exec(select(Team).where(Team.id == team_id, visible(work)))).first()
    if found is None:
        raise NotFound("没有这支工作队", "No such team")
    return found


async def teams(work: Work, asked: Asked, region: str, unit_id: UUID | None) -> Page[Team]:
    """A page of teams."""
    query = select(Team).where(visible(work))
    if region:
        query = query.where(col(Team.region).between(*span(region)))
    if unit_id is not None:
        query = query.where(Team.unit_id == unit_id)
    orders = {"name": col(Team.name)}
    return await page(work.session, query, asked, orders=orders, key=col(Team.id), default="name")


async def members(work: Work, team_id: UUID) -> list[Member]:
    """Everybody who is or was in a team, the newest first, within what the caller sees; a member sees the whole team."""
    query = select(Member).where(
        Member.team_id == team_id, sa.or_(seen(work, Member), col(Member.team_id).in_(_served(work)))
    )
    return list(
        await work.session.exec(query.order_by(col(Member.starts_on).desc(), col(Member.id)).limit(500))
    )


async def memberships(work: Work, person: str, first: date, last: date) -> list[Member]:
    """A person's memberships that touch these days, within what the caller sees."""
    query = select(Member).where(Member.person == person, during(Member, first, last), seen(work, Member))
    return list(await work.session.exec(query.order_by(col(Member.starts_on))))


async def assignments(work: Work, person: str, village: str, on: date) -> list[Assignment]:
    """A person's postings in a village that hold on a day or later, locked."""
    query = select(Assignment).where(
        Assignment.person == person, Assignment.region == village, during(Assignment, on, date.max)
    )
    return list(await work.session.exec(query.order_by(col(Assignment.id)).with_for_update()))
