"""Every query over organisations. The directory is open to everybody who is signed in."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import OrganisationKind
from shared.auth import May, region_bounds
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"name": col(Organisation.name)}


async def get_organisation(work: UnitOfWork, organisation_id: UUID) -> Organisation:
    """One organisation; NotFound without it."""
    seen = work.actor.scope_filter(May.REGION_READ, col(Organisation.region))
    found = (
        await work.session.exec(select(Organisation).where(Organisation.id == organisation_id, seen))
    ).first()
    if found is None:
        raise NotFound("没有这个单位", "No such organisation")
    return found


async def lock_organisation(work: UnitOfWork, organisation_id: UUID) -> Organisation:
    """One organisation the caller keeps, locked; NotFound outside their regions."""
    mine = work.actor.scope_filter(May.ACCOUNT_MANAGE, col(Organisation.region))
    query = select(Organisation).where(Organisation.id == organisation_id, mine).with_for_update()
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound("您的辖区内没有这个单位", "No such organisation in your regions")
    return found


async def list_organisation_names(work: UnitOfWork, ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """What organisations are called."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = await work.session.exec(select(Organisation).where(col(Organisation.id).in_(wanted)))
    return {row.id: row.name for row in rows}


async def list_organisations(
    work: UnitOfWork, asked: PageParams, *, region: str, kind: OrganisationKind | None, q: str
) -> Page[Organisation]:
    """A page of the directory."""
    query = select(Organisation).where(work.actor.scope_filter(May.REGION_READ, col(Organisation.region)))
    if region:
        query = query.where(col(Organisation.region).between(*region_bounds(region)))
    if kind is not None:
        query = query.where(Organisation.kind == kind)
    if q:
        words = col(Organisation.name).contains(q, autoescape=True)
        query = query.where(sa.or_(words, col(Organisation.credit_code) == q.upper()))
    return await list_page(
        work.session, query, asked, orders=SORT_COLUMNS, key=col(Organisation.id), default="name"
    )
