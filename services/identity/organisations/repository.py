"""Every query over organisations. The directory is open to everybody who is signed in."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.organisations.kinds import OrganisationKind
from services.identity.organisations.models import Organisation
from shared.access import span
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

ORDERS = {"name": col(Organisation.name)}


async def get(work: Work, organisation_id: UUID) -> Organisation:
    """One organisation; NotFound without it."""
    seen = work.actor.where(May.REGION_READ, col(Organisation.region))
    found = (
        await work.session.exec(select(Organisation).where(Organisation.id == organisation_id, seen))
    ).first()
    if found is None:
        raise NotFound("没有这个单位", "No such organisation")
    return found


async def kept(work: Work, organisation_id: UUID) -> Organisation:
    """One organisation the caller keeps, locked; NotFound outside their regions."""
    mine = work.actor.where(May.ACCOUNT_MANAGE, col(Organisation.region))
    query = select(Organisation).where(Organisation.id == organisation_id, mine).with_for_update()
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound("您的辖区内没有这个单位", "No such organisation in your regions")
    return found


async def names(work: Work, ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """What organisations are called."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = await work.session.exec(select(Organisation).where(col(Organisation.id).in_(wanted)))
    return {row.id: row.name for row in rows}


async def listed(
    work: Work, asked: Asked, *, region: str, kind: OrganisationKind | None, q: str
) -> Page[Organisation]:
    """A page of the directory."""
    query = select(Organisation).where(work.actor.where(May.REGION_READ, col(Organisation.region)))
    if region:
        query = query.where(col(Organisation.region).between(*span(region)))
    if kind is not None:
        query = query.where(Organisation.kind == kind)
    if q:
        words = col(Organisation.name).contains(q, autoescape=True)
        query = query.where(sa.or_(words, col(Organisation.credit_code) == q.upper()))
    return await page(work.session, query, asked, orders=ORDERS, key=col(Organisation.id), default="name")
