"""Every query about assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.assets.register.kinds import AssetClass, OwnerKind
from services.assets.register.lifecycle import COUNTED, AssetState, UseState
from services.assets.register.models import Asset, CodeSerial, ProjectCard, UseChange
from shared import search
from shared.access import span
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

ORDERS = {
    "created_at": col(Asset.created_at),
    "original_value": col(Asset.original_value),
    "year": col(Asset.year),
    "code": col(Asset.code),
}
TABLE: sa.Table = Asset.__table__  # type: ignore[attr-defined]
SERIALS: sa.Table = CodeSerial.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Filter:
    """Which assets a list is about; what is None does not narrow it."""

    region: str | None = None
    asset_class: AssetClass | None = None
    subclass: str | None = None
    owner_kind: OwnerKind | None = None
    state: AssetState | None = None
    use: UseState | None = None
    year: int | None = None
    project_id: UUID | None = None
    code: str | None = None
    counted: bool = False
    q: str = ""


def scope(work: Work) -> sa.ColumnElement[bool]:
    """The assets the caller may see."""
    return work.actor.where(May.ASSET_READ, col(Asset.region))


async def get(work: Work, asset_id: UUID, *, lock: bool = False) -> Asset:
    """One asset of the caller's regions; NotFound otherwise."""
    query = select(Asset).where(Asset.id == asset_id, scope(work))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这项资产: {asset_id}", f"No asset {asset_id}")
    return found


async def listed(work: Work, asked: Asked, wanted: Filter) -> Page[Asset]:
    """A page of assets of the caller's regions."""
    query = select(Asset).where(scope(work), *_narrowed(wanted))
    return await page(work.session, query, asked, orders=ORDERS, key=col(Asset.id), default="-created_at")


def _narrowed(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.region:
        found.append(col(Asset.region).between(*span(wanted.region)))
    names = ("asset_class", "subclass", "owner_kind", "state", "use", "year", "project_id", "code")
    for name in names:
        if (value := getattr(wanted, name)) is not None:
            found.append(getattr(Asset, name) == value)
    if wanted.counted:
        found.append(col(Asset.state).in_(COUNTED))
    if wanted.q:
        found.append(search.matches(col(Asset.id), wanted.q))
    return found


async def of_project(work: Work, project_id: UUID) -> list[Asset]:
    """The assets of a project in the caller's regions, in the order the report names them (at most 500)."""
    query = select(Asset).where(Asset.project_id == project_id, scope(work))
    return list(await work.session.exec(query.order_by(col(Asset.built_index), col(Asset.id)).limit(500)))


async def of_region(work: Work, region: str, most: int) -> list[Asset]:
    """The registered assets of a region within the caller's, by place and code."""
    query = select(Asset).where(
        scope(work), col(Asset.region).between(*span(region)), col(Asset.state).in_(COUNTED)
    )
    return list(await work.session.exec(query.order_by(col(Asset.region), col(Asset.code)).limit(most)))


async def use_changes(work: Work, asset_id: UUID) -> list[UseChange]:
    """How the use of an asset the caller was given already changed, oldest first."""
    query = select(UseChange).where(
        UseChange.asset_id == asset_id, work.actor.where(May.ASSET_READ, col(UseChange.region))
    )
    return list(await work.session.exec(query.order_by(col(UseChange.id)).limit(200)))


async def index(work: Work, assets: Sequence[Asset]) -> None:
    """Keep the words an asset is found by."""
    rows = [
        (one.id, (one.code, one.name, one.owner_name, one.project_name, one.address, one.specification))
        for one in assets
    ]
    await search.index_many(work.session, "asset", rows)


async def card(work: Work, project_id: UUID) -> ProjectCard | None:
    """What the library last told of a project, within the caller's regions."""
    query = select(ProjectCard).where(
        ProjectCard.id == project_id, work.actor.where(May.ASSET_READ, col(ProjectCard.region))
    )
    return (await work.session.exec(query)).first()


async def system_card(work: Work, project_id: UUID) -> ProjectCard | None:
    """The same, locked, for what the library tells."""
    return (
        await work.session.exec(select(ProjectCard).where(ProjectCard.id == project_id).with_for_update())
    ).first()


async def system_registered(work: Work, project_id: UUID) -> int:
    """Original value of the assets registered for a project, in 分."""
    query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(TABLE.c.original_value), 0), sa.BigInteger)).where(
        TABLE.c.project_id == project_id, TABLE.c.state.in_(COUNTED)
    )
    return int((await run(work.session, query)).scalar_one())


async def system_born(work: Work, project_id: UUID) -> int:
    """How many assets an acceptance has opened already."""
    query = sa.select(sa.func.count()).where(
        TABLE.c.project_id == project_id, TABLE.c.built_index.is_not(None)
    )
    return int((await run(work.session, query)).scalar_one())


async def system_serials(work: Work, district: str, year: int, letters: str, count: int = 1) -> int:
    """Take so many serial numbers; the first of them. Concurrent takers wait for each other and never share one."""
    postgres = work.session.get_bind().dialect.name == "postgresql"
    insert: Any = (postgresql.insert if postgres else sqlite.insert)(SERIALS)
    statement = insert.values(district=district, year=year, letters=letters, last=count)
    statement = statement.on_conflict_do_update(
        index_elements=["district", "year", "letters"], set_={"last": SERIALS.c.last + count}
    ).returning(SERIALS.c.last)
    return int((await run(work.session, statement)).scalar_one()) - count + 1
