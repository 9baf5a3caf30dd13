"""Queries on sponsoring units, teams and members."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.posts.models import Assignment
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import overlaps_days
from services.attendance.teams.models import Member, Team, Unit
from services.attendance.teams.schemas import TeamRead, UnitRead
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork


def visible_units(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """SQL condition: units of the caller's regions and of regions that contain them."""
    region_codes = {code for grant in work.actor.grants for code in ancestor_codes(grant.region)}
    return sa.or_(visible_rows(work, Unit), col(Unit.region).in_(region_codes))


async def get_unit(work: UnitOfWork, unit_id: UUID) -> Unit:
    """Returns a visible unit. Raises NotFound."""
    unit = (await work.session.exec(select(Unit).where(Unit.id == unit_id, visible_units(work)))).first()
    if unit is None:
        raise NotFound("没有这个帮扶单位", "No such unit")
    return unit


async def unit_name_exists(work: UnitOfWork, region: str, name: str, except_id: UUID | None) -> bool:
    """True if a region has another unit of this name."""
    query = select(Unit.id).where(Unit.region == region, Unit.name == name, visible_units(work))
    if except_id is not None:
        query = query.where(Unit.id != except_id)
    return (await work.session.exec(query.limit(1))).first() is not None


async def list_units(work: UnitOfWork, page_params: PageParams, region: str) -> PageAnswer:
    """Returns a page of visible units."""
    query = select(Unit).where(visible_units(work))
    if region:
        query = query.where(work.within_region(col(Unit.region), region))
    orders = {"name": col(Unit.name)}
    return await answer_page(
        work.session, query, page_params, orders=orders, key=col(Unit.id), default="name", read=UnitRead
    )


def _own_team_ids(work: UnitOfWork) -> Any:  # noqa: ANN401 - a subquery
    """Subquery: ids of teams of which the caller is or was a member."""
    return select(Member.team_id).where(Member.person == work.actor.id)


def visible_members(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """SQL condition: members of the caller's regions and of their own teams."""
    return sa.or_(visible_rows(work, Member), col(Member.team_id).in_(_own_team_ids(work)))


def visible_teams(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """SQL condition: teams of the caller's regions and those of which they are or were a member."""
    return sa.or_(visible_rows(work, Team), col(Team.id).in_(_own_team_ids(work)))


async def get_team(work: UnitOfWork, team_id: UUID) -> Team:
    """Returns a visible team. Raises NotFound."""
    team = (await work.session.exec(select(Team).where(Team.id == team_id, visible_teams(work)))).first()
    if team is None:
        raise NotFound("没有这支工作队", "No such team")
    return team


async def list_teams(
    work: UnitOfWork, page_params: PageParams, region: str, unit_id: UUID | None
) -> PageAnswer:
    """Returns a page of visible teams."""
    query = select(Team).where(visible_teams(work))
    if region:
        query = query.where(work.within_region(col(Team.region), region))
    if unit_id is not None:
        query = query.where(Team.unit_id == unit_id)
    orders = {"name": col(Team.name)}
    return await answer_page(
        work.session, query, page_params, orders=orders, key=col(Team.id), default="name", read=TeamRead
    )


async def list_members(work: UnitOfWork, team_id: UUID) -> list[Member]:
    """Returns present and former members, newest first; a member sees the whole team."""
    query = select(Member).where(
        Member.team_id == team_id,
        visible_members(work),
    )
    return list(
        await work.session.exec(query.order_by(col(Member.starts_on).desc(), col(Member.id)).limit(500))
    )


async def list_memberships(work: UnitOfWork, person: str, first: date, last: date) -> list[Member]:
    """Returns a person's visible memberships that overlap these days."""
    query = select(Member).where(
        Member.person == person, overlaps_days(Member, first, last), visible_rows(work, Member)
    )
    return list(await work.session.exec(query.order_by(col(Member.starts_on))))


async def list_current_assignments(work: UnitOfWork, person: str, village: str, on: date) -> list[Assignment]:
    """Returns a person's assignments in a village that end on or after a day, locked."""
    query = select(Assignment).where(
        Assignment.person == person, Assignment.region == village, overlaps_days(Assignment, on, date.max)
    )
    return list(await work.session.exec(query.order_by(col(Assignment.id)).with_for_update()))


async def system_list_open_members(work: UnitOfWork, person: str, since: date) -> list[Member]:
    """Returns a person's terms that do not end before a day, locked."""
    query = select(Member).where(
        Member.person == person, sa.or_(col(Member.ends_on).is_(None), col(Member.ends_on) >= since)
    )
    return list(await work.session.exec(query.order_by(col(Member.id)).with_for_update()))


async def system_list_open_assignments(work: UnitOfWork, person: str, since: date) -> list[Assignment]:
    """Returns a person's assignments that do not end before a day, locked."""
    ends_on = col(Assignment.ends_on)
    query = select(Assignment).where(Assignment.person == person, sa.or_(ends_on.is_(None), ends_on >= since))
    return list(await work.session.exec(query.order_by(col(Assignment.id)).with_for_update()))
