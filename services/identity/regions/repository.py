"""Queries over regions. Every signed-in caller may read the whole tree."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.regions.models import Region, RegionSuccession
from services.identity.regions.schemas import SuccessionKind, SuccessionRead
from shared.auth import region_bounds
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

QUERY_BATCH_SIZE = 500
"""Codes per statement, well below the databases' limit of parameters."""


async def get_region(work: UnitOfWork, code: str) -> Region:
    """Get a region by its code; raises NotFound."""
    region = await work.session.get(Region, code)
    if region is None:
        raise NotFound(f"没有区划 {code}", f"No region {code}")
    return region


async def list_district_names(work: UnitOfWork, low: str, high: str) -> dict[str, str]:
    """Code → name of every region between two codes."""
    query = select(Region.code, Region.name).where(col(Region.code).between(low, high))
    return dict((await work.session.exec(query)).all())


def is_of_own_districts(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: a region of the districts that the caller works in, or above one: what a phone keeps."""
    areas = {grant.region for grant in work.actor.grants}
    districts = {area[:6].ljust(12, "0") for area in areas}
    above = {code for district in districts for code in ancestor_codes(district)}
    return sa.or_(
        col(Region.code).in_(sorted(above)),
        *(col(Region.code).between(*region_bounds(one)) for one in sorted(districts)),
    )


async def list_ancestors(work: UnitOfWork, code: str) -> Sequence[Region]:
    """List the ancestors of a region, the nearest last."""
    codes = [ancestor for ancestor in ancestor_codes(code) if ancestor != code]
    return (
        await work.session.exec(select(Region).where(col(Region.code).in_(codes)).order_by(Region.code))
    ).all()


async def list_regions(
    work: UnitOfWork, *, parent: str, level: str, q: str, after: str, limit: int
) -> Sequence[Region]:
    """List regions by code; `q` matches a part of the name or the start of the pinyin or its initials."""
    query = select(Region).where(Region.code > after)
    if parent:
        query = query.where(Region.parent_code == parent)
    if level:
        query = query.where(Region.level == level)
    if q:
        letters = q.lower().replace(" ", "")
        query = query.where(
            sa.or_(
                col(Region.name).contains(q, autoescape=True),
                col(Region.pinyin).startswith(letters, autoescape=True),
                col(Region.initials).startswith(letters, autoescape=True),
            )
        )
    return (await work.session.exec(query.order_by(Region.code).limit(limit))).all()


async def find_regions(work: UnitOfWork, codes: Sequence[str]) -> dict[str, Region]:
    """Find the regions that exist among the codes, by code."""
    regions: dict[str, Region] = {}
    for start in range(0, len(codes), QUERY_BATCH_SIZE):
        batch = codes[start : start + QUERY_BATCH_SIZE]
        query = select(Region).where(col(Region.code).in_(batch))
        regions |= {region.code: region for region in await work.session.exec(query)}
    return regions


async def get_succession(work: UnitOfWork, succession_id: UUID) -> RegionSuccession:
    """Get a change of regions; raises NotFound."""
    found = await work.session.get(RegionSuccession, succession_id)
    if found is None:
        raise NotFound("没有这次区划变动", "No such change")
    return found


async def list_successions(work: UnitOfWork, params: PageParams, region: str) -> PageAnswer:
    """A page of changes in a region, newest first."""
    query = select(RegionSuccession)
    if region:
        query = query.where(work.within_region(col(RegionSuccession.region), region))
    orders = {"created_at": col(RegionSuccession.created_at)}
    return await answer_page(
        work.session,
        query,
        params,
        orders=orders,
        key=col(RegionSuccession.id),
        default="-created_at",
        read=SuccessionRead,
    )


async def system_list_mergers(work: UnitOfWork) -> dict[str, str]:
    """Former code → what it is a part of today, of every region that was merged."""
    merged = select(RegionSuccession.former_code).where(RegionSuccession.kind == SuccessionKind.MERGED)
    query = select(Region.code, Region.merged_into).where(col(Region.code).in_(merged))
    return dict((await work.session.exec(query.order_by(Region.code))).all())


async def system_redirect_merged(work: UnitOfWork, former: str, code: str) -> None:
    """What was merged into a region that is merged now goes on to the new one."""
    query = sa.update(Region).where(col(Region.merged_into) == former).values(merged_into=code)
    await execute_core(work.session, query)
