"""Every query about assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import Asset, CodeSerial, ProjectSnapshot, UseChange
from services.assets.register.schemas import AssetClass, OwnerKind
from shared.auth import May, region_bounds
from shared.db import execute_core, search
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

ASSET_ORDERS = {
    "created_at": col(Asset.created_at),
    "original_value": col(Asset.original_value),
    "year": col(Asset.year),
    "code": col(Asset.code),
}
ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
CODE_SERIALS: sa.Table = CodeSerial.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class AssetFilter:
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


def visible_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """The assets the caller may see."""
    return work.actor.scope_filter(May.ASSET_READ, col(Asset.region))


async def get_asset(work: UnitOfWork, asset_id: UUID, *, lock: bool = False) -> Asset:
    """One asset of the caller's regions; NotFound otherwise."""
    query = select(Asset).where(Asset.id == asset_id, visible_condition(work))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这项资产: {asset_id}", f"No asset {asset_id}")
    return found


async def list_assets(work: UnitOfWork, asked: PageParams, wanted: AssetFilter) -> Page[Asset]:
    """A page of assets of the caller's regions."""
    query = select(Asset).where(visible_condition(work), *_filter_conditions(wanted))
    return await list_page(
        work.session, query, asked, orders=ASSET_ORDERS, key=col(Asset.id), default="-created_at"
    )


def _filter_conditions(wanted: AssetFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.region:
        found.append(col(Asset.region).between(*region_bounds(wanted.region)))
    names = ("asset_class", "subclass", "owner_kind", "state", "use", "year", "project_id", "code")
    for name in names:
        if (value := getattr(wanted, name)) is not None:
            found.append(getattr(Asset, name) == value)
    if wanted.counted:
        found.append(col(Asset.state).in_(COUNTED_STATES))
    if wanted.q:
        found.append(search.match_condition(col(Asset.id), wanted.q))
    return found


async def list_project_assets(work: UnitOfWork, project_id: UUID) -> list[Asset]:
    """The assets of a project in the caller's regions, in the order the report names them (at most 500)."""
    query = select(Asset).where(Asset.project_id == project_id, visible_condition(work))
    return list(await work.session.exec(query.order_by(col(Asset.built_index), col(Asset.id)).limit(500)))


async def list_region_assets(work: UnitOfWork, region: str, most: int) -> list[Asset]:
    """The registered assets of a region within the caller's, by place and code."""
    query = select(Asset).where(
        visible_condition(work),
        col(Asset.region).between(*region_bounds(region)),
        col(Asset.state).in_(COUNTED_STATES),
    )
    return list(await work.session.exec(query.order_by(col(Asset.region), col(Asset.code)).limit(most)))


async def list_use_changes(work: UnitOfWork, asset_id: UUID) -> list[UseChange]:
    """How the use of an asset the caller was given already changed, oldest first."""
    query = select(UseChange).where(
        UseChange.asset_id == asset_id, work.actor.scope_filter(May.ASSET_READ, col(UseChange.region))
    )
    return list(await work.session.exec(query.order_by(col(UseChange.id)).limit(200)))


async def index_assets(work: UnitOfWork, assets: Sequence[Asset]) -> None:
    """Keep the words an asset is found by."""
    rows = [
        (one.id, (one.code, one.name, one.owner_name, one.project_name, one.address, one.specification))
        for one in assets
    ]
    await search.index_records(work.session, "asset", rows)


async def find_project(work: UnitOfWork, project_id: UUID) -> ProjectSnapshot | None:
    """What the library last told of a project, within the caller's regions."""
    query = select(ProjectSnapshot).where(
        ProjectSnapshot.id == project_id, work.actor.scope_filter(May.ASSET_READ, col(ProjectSnapshot.region))
    )
    return (await work.session.exec(query)).first()


async def system_lock_project(work: UnitOfWork, project_id: UUID) -> ProjectSnapshot | None:
    """The same, locked, for what the library tells."""
    return (
        await work.session.exec(
            select(ProjectSnapshot).where(ProjectSnapshot.id == project_id).with_for_update()
        )
    ).first()


async def system_sum_registered_value(work: UnitOfWork, project_id: UUID) -> int:
    """Original value of the assets registered for a project, in 分."""
    query = sa.select(
        sa.cast(sa.func.coalesce(sa.func.sum(ASSETS.c.original_value), 0), sa.BigInteger)
    ).where(ASSETS.c.project_id == project_id, ASSETS.c.state.in_(COUNTED_STATES))
    return int((await execute_core(work.session, query)).scalar_one())


async def system_count_built_assets(work: UnitOfWork, project_id: UUID) -> int:
    """How many assets an acceptance has opened already."""
    query = sa.select(sa.func.count()).where(
        ASSETS.c.project_id == project_id, ASSETS.c.built_index.is_not(None)
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def system_allocate_serials(
    work: UnitOfWork, district: str, year: int, letters: str, count: int = 1
) -> int:
    """Take so many serial numbers; the first of them. Concurrent takers wait for each other and never share one."""
    postgres = work.session.get_bind().dialect.name == "postgresql"
    insert: Any = (postgresql.insert if postgres else sqlite.insert)(CODE_SERIALS)
    statement = insert.values(district=district, year=year, letters=letters, last=count)
    statement = statement.on_conflict_do_update(
        index_elements=["district", "year", "letters"], set_={"last": CODE_SERIALS.c.last + count}
    ).returning(CODE_SERIALS.c.last)
    return int((await execute_core(work.session, statement)).scalar_one()) - count + 1


IMPORTED_ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
MAX_NAMES_PER_QUERY = 500
DuplicateKey = tuple[str, str, int, date | None]


async def list_duplicate_keys(work: UnitOfWork, wanted: Sequence[DuplicateKey]) -> set[DuplicateKey]:
    """Which (region, name, value, date) the register has already, within the caller's regions."""
    found: set[DuplicateKey] = set()
    names = sorted({name for _, name, _, _ in wanted})
    columns = (
        IMPORTED_ASSETS.c.region,
        IMPORTED_ASSETS.c.name,
        IMPORTED_ASSETS.c.original_value,
        IMPORTED_ASSETS.c.built_on,
    )
    for at in range(0, len(names), MAX_NAMES_PER_QUERY):
        query = sa.select(*columns).where(
            IMPORTED_ASSETS.c.name.in_(names[at : at + MAX_NAMES_PER_QUERY]),
            IMPORTED_ASSETS.c.state != AssetState.DISCARDED,
            work.actor.scope_filter(May.ASSET_READ, IMPORTED_ASSETS.c.region),
        )
        found |= {
            (row.region, row.name, int(row.original_value), row.built_on)
            for row in await execute_core(work.session, query)
        }
    return found & set(wanted)


MAPPED_ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
HIDDEN_STATES = (AssetState.DISCARDED, AssetState.SUPERSEDED)


async def list_assets_in_box(
    work: UnitOfWork,
    box: tuple[float, float, float, float],
    limit: int,
    **equal: Any,  # noqa: ANN401 - values of columns
) -> list[sa.Row[Any]]:
    """The assets of the caller's regions in a box (west, south, east, north), from the south, at most `limit`."""
    west, south, east, north = box
    columns = [
        MAPPED_ASSETS.c[name]
        for name in (
            "id",
            "code",
            "name",
            "asset_class",
            "state",
            "use",
            "original_value",
            "lon",
            "lat",
            "outline",
        )
    ]
    query = sa.select(*columns).where(
        MAPPED_ASSETS.c.lat.between(south, north),
        MAPPED_ASSETS.c.lon.between(west, east),
        MAPPED_ASSETS.c.state.not_in(HIDDEN_STATES),
        work.actor.scope_filter(May.ASSET_READ, MAPPED_ASSETS.c.region),
    )
    for name, value in equal.items():
        if value is not None:
            query = query.where(MAPPED_ASSETS.c[name] == value)
    return list(
        await execute_core(work.session, query.order_by(MAPPED_ASSETS.c.lat, MAPPED_ASSETS.c.id).limit(limit))
    )


async def find_bounds(work: UnitOfWork, region: str) -> tuple[float, float, float, float] | None:
    """The box around all assets of a region; None when none has a place."""
    query = sa.select(
        sa.func.min(MAPPED_ASSETS.c.lon),
        sa.func.min(MAPPED_ASSETS.c.lat),
        sa.func.max(MAPPED_ASSETS.c.lon),
        sa.func.max(MAPPED_ASSETS.c.lat),
    ).where(
        work.actor.scope_filter(May.ASSET_READ, MAPPED_ASSETS.c.region),
        MAPPED_ASSETS.c.region.between(*region_bounds(region)),
        MAPPED_ASSETS.c.lon.is_not(None),
        MAPPED_ASSETS.c.state.not_in(HIDDEN_STATES),
    )
    found = tuple((await execute_core(work.session, query)).one())
    return None if None in found else (float(found[0]), float(found[1]), float(found[2]), float(found[3]))
