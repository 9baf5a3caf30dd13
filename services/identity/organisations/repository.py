"""Queries over organisations. Every signed-in caller may read the whole directory."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import OrganisationKind, OrganisationRead
from shared.auth import May
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"name": col(Organisation.name)}


async def get_organisation(work: UnitOfWork, organisation_id: UUID) -> Organisation:
    """Get an organisation; raises NotFound."""
    scope = work.actor.scope_filter(May.REGION_READ, col(Organisation.region))
    query = select(Organisation).where(Organisation.id == organisation_id, scope)
    organisation = (await work.session.exec(query)).first()
    if organisation is None:
        raise NotFound("没有这个单位", "No such organisation")
    return organisation


async def lock_organisation(work: UnitOfWork, organisation_id: UUID) -> Organisation:
    """Get and lock an organisation the caller may manage; raises NotFound outside their regions."""
    scope = work.actor.scope_filter(May.ACCOUNT_MANAGE, col(Organisation.region))
    query = select(Organisation).where(Organisation.id == organisation_id, scope).with_for_update()
    organisation = (await work.session.exec(query)).first()
    if organisation is None:
        raise NotFound("您的辖区内没有这个单位", "No such organisation in your regions")
    return organisation


async def list_organisation_names(work: UnitOfWork, ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """Names of organisations by id; None and unknown ids are ignored."""
    known_ids = {organisation_id for organisation_id in ids if organisation_id is not None}
    if not known_ids:
        return {}
    rows = await work.session.exec(select(Organisation).where(col(Organisation.id).in_(known_ids)))
    return {row.id: row.name for row in rows}


async def find_organisations_by_name(
    work: UnitOfWork, names: Iterable[str], low: str, high: str
) -> dict[str, UUID]:
    """Name → id of the open organisations with these names in regions between two codes."""
    query = select(Organisation.name, Organisation.id).where(
        col(Organisation.name).in_(sorted(names)),
        col(Organisation.region).between(low, high),
        col(Organisation.closed).is_(False),
        work.actor.scope_filter(May.REGION_READ, col(Organisation.region)),
    )
    return dict((await work.session.exec(query)).all())


async def list_organisations(
    work: UnitOfWork, params: PageParams, *, region: str, kind: OrganisationKind | None, q: str
) -> PageAnswer:
    """List a page of the directory; `q` matches a part of the name or the whole credit code."""
    query = select(Organisation).where(work.actor.scope_filter(May.REGION_READ, col(Organisation.region)))
    if region:
        query = query.where(work.within_region(col(Organisation.region), region))
    if kind is not None:
        query = query.where(Organisation.kind == kind)
    if q:
        name_matches = col(Organisation.name).contains(q, autoescape=True)
        query = query.where(sa.or_(name_matches, col(Organisation.credit_code) == q.upper()))
    return await answer_page(
        work.session,
        query,
        params,
        orders=SORT_COLUMNS,
        key=col(Organisation.id),
        default="name",
        read=OrganisationRead,
    )
