"""Every query over regions. The tree is open to everybody who is signed in."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.regions.models import Region
from shared.errors import NotFound
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork


async def get_region(work: UnitOfWork, code: str) -> Region:
    """One region; NotFound without it."""
    found = await work.session.get(Region, code)
    if found is None:
        raise NotFound(f"没有区划 {code}", f"No region {code}")
    return found


async def list_ancestors(work: UnitOfWork, code: str) -> Sequence[Region]:
    """What a region lies in, the nearest last."""
    above = [one for one in ancestor_codes(code) if one != code]
    return (
        await work.session.exec(select(Region).where(col(Region.code).in_(above)).order_by(Region.code))
    ).all()


async def list_regions(  # the filters of the list
    work: UnitOfWork, *, parent: str, level: str, q: str, after: str, limit: int
) -> Sequence[Region]:
    """Regions in the order of their codes."""
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
    """Those of the codes that are there."""
    found: dict[str, Region] = {}
    for start in range(0, len(codes), 500):
        part = codes[start : start + 500]
        found |= {
            one.code: one for one in await work.session.exec(select(Region).where(col(Region.code).in_(part)))
        }
    return found
