"""Queries of the register: assets, serial numbers, project snapshots, the map."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract
from services.assets.disposals.lifecycle import DisposalState
from services.assets.disposals.models import Disposal
from services.assets.pledges.lifecycle import PledgeState
from services.assets.pledges.models import Pledge
from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import (
    NOTICE_KIND,
    Asset,
    CachedProject,
    CodeSerial,
    ImportMapping,
    UseChange,
)
from services.assets.register.schemas import AssetClass, AssetRead, OwnerKind
from services.assets.transfers.lifecycle import TransferState
from services.assets.transfers.models import Transfer, TransferItem
from shared.auth import May
from shared.db import Rows, SelectsTogether, as_snapshot, execute_core, notice, search
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.notices.repository import build_objection_counts_query
from shared.unit_of_work import UnitOfWork

ASSET_ORDERS = {
    "created_at": col(Asset.created_at),
    "original_value": col(Asset.original_value),
    "year": col(Asset.year),
    "code": col(Asset.code),
}
ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
USE_CHANGES: sa.Table = UseChange.__table__  # type: ignore[attr-defined]
MAPPING_TABLE: sa.Table = ImportMapping.__table__  # type: ignore[attr-defined]
CODE_SERIALS: sa.Table = CodeSerial.__table__  # type: ignore[attr-defined]
MAX_NAMES_PER_QUERY = 500
DuplicateKey = tuple[str, str, int, date | None]
HIDDEN_STATES = (AssetState.DISCARDED, AssetState.SUPERSEDED)


@dataclass(frozen=True)
class AssetFilter:
    """Filters of an asset list; None means no restriction."""

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
    """Condition: the asset lies in the caller's regions."""
    return work.actor.scope_filter(May.ASSET_READ, col(Asset.region))


async def get_asset(work: UnitOfWork, asset_id: UUID, *, lock: bool = False) -> Asset:
    """One asset in the caller's regions; NotFound otherwise."""
    query = select(Asset).where(Asset.id == asset_id, visible_condition(work))
    asset = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if asset is None:
        raise _build_not_found(asset_id)
    return asset


def _build_not_found(asset_id: UUID) -> NotFound:
    return NotFound(f"没有这项资产: {asset_id}", f"No asset {asset_id}")


@dataclass(frozen=True, slots=True)
class AssetRecords:
    """Rows that belong to an asset, within the caller's regions, and what its guards ask of other features."""

    use_changes: Sequence[Any]
    """Oldest first, at most 200."""
    notices: Sequence[Any]
    """Rows of `build_objection_counts_query`."""
    open_matters: tuple[str, ...]
    """Chinese labels of the running contracts, pledges, disposals and documents, which end before the asset is returned."""


_ASSET_ID: sa.BindParameter[UUID] = sa.bindparam("asset_id", type_=sa.Uuid())
_OPEN_MATTERS = {
    "经营合同": sa.exists().where(
        col(OperatingContract.asset_id) == _ASSET_ID, col(OperatingContract.state) == ContractState.ACTIVE
    ),
    "抵押": sa.exists().where(col(Pledge.asset_id) == _ASSET_ID, col(Pledge.state) == PledgeState.IN_FORCE),
    "处置": sa.exists().where(
        col(Disposal.asset_id) == _ASSET_ID,
        col(Disposal.state).not_in((DisposalState.CLOSED, DisposalState.REJECTED)),
    ),
    "权属文书": sa.exists().where(
        col(TransferItem.asset_id) == _ASSET_ID,
        col(Transfer.id) == col(TransferItem.transfer_id),
        col(Transfer.state).not_in((TransferState.DONE, TransferState.CANCELLED)),
    ),
}
_RECORD_SELECTS: dict[str, sa.SelectBase] = {
    "use_changes": sa.select(USE_CHANGES)
    .where(USE_CHANGES.c.asset_id == _ASSET_ID)
    .order_by(USE_CHANGES.c.id)
    .limit(200),
    "notices": build_objection_counts_query(
        NOTICE_KIND, notice.c.subject == sa.bindparam("subject", type_=sa.String())
    ),
    "matters": sa.select(*(one.label(f"matter_{at}") for at, one in enumerate(_OPEN_MATTERS.values()))),
}
_RECORDS = SelectsTogether(**_RECORD_SELECTS)
_ASSET_WITH_RECORDS = SelectsTogether(
    asset=sa.select(ASSETS).where(ASSETS.c.id == _ASSET_ID), **_RECORD_SELECTS
)


async def list_records(work: UnitOfWork, asset_id: UUID) -> AssetRecords:
    """The rows that belong to an asset, from one statement. The caller has checked access to the asset."""
    return _build_records(work, await _RECORDS.read(work.session, asset_id=asset_id, subject=str(asset_id)))


async def get_asset_with_records(work: UnitOfWork, asset_id: UUID) -> tuple[Asset, AssetRecords]:
    """An asset of the caller's regions, to read, and the rows that belong to it, from one statement; NotFound otherwise."""
    found = await _ASSET_WITH_RECORDS.read(work.session, asset_id=asset_id, subject=str(asset_id))
    row = next(iter(found["asset"]), None)
    if row is None or not work.actor.has_access(May.ASSET_READ, row.region):
        raise _build_not_found(asset_id)
    return as_snapshot(Asset, row), _build_records(work, found)


def _build_records(work: UnitOfWork, found: Rows) -> AssetRecords:
    (matters,) = found["matters"]
    return AssetRecords(
        use_changes=[
            row for row in found["use_changes"] if work.actor.has_access(May.ASSET_READ, row.region)
        ],
        notices=found["notices"],
        open_matters=tuple(label for label, runs in zip(_OPEN_MATTERS, matters, strict=True) if runs),
    )


async def list_assets(work: UnitOfWork, page_params: PageParams, filters: AssetFilter) -> PageAnswer:
    """One page of the assets in the caller's regions."""
    query = select(Asset).where(visible_condition(work), *_filter_conditions(work, filters))
    return await answer_page(
        work.session,
        query,
        page_params,
        orders=ASSET_ORDERS,
        key=col(Asset.id),
        default="-created_at",
        read=AssetRead,
    )


async def list_project_assets(work: UnitOfWork, project_id: UUID) -> list[Asset]:
    """Assets of a project in the caller's regions, in the order of the acceptance report (at most 500)."""
    query = select(Asset).where(Asset.project_id == project_id, visible_condition(work))
    return list(await work.session.exec(query.order_by(col(Asset.built_index), col(Asset.id)).limit(500)))


async def list_region_assets(work: UnitOfWork, region: str, limit: int) -> list[Asset]:
    """Registered assets of a region, as far as the caller may see them, ordered by region and code."""
    query = select(Asset).where(
        visible_condition(work),
        work.within_region(col(Asset.region), region),
        col(Asset.state).in_(COUNTED_STATES),
    )
    return list(await work.session.exec(query.order_by(col(Asset.region), col(Asset.code)).limit(limit)))


async def index_assets(work: UnitOfWork, assets: Sequence[Asset]) -> None:
    """Update the search index of the assets."""
    rows = [
        (
            asset.id,
            (
                asset.code,
                asset.name,
                asset.owner_name,
                asset.project_name,
                asset.address,
                asset.specification,
            ),
        )
        for asset in assets
    ]
    await search.index_records(work.session, "asset", rows)


async def find_project(work: UnitOfWork, project_id: UUID) -> CachedProject | None:
    """Snapshot of a project in the caller's regions, or None."""
    query = select(CachedProject).where(
        CachedProject.id == project_id, work.actor.scope_filter(May.ASSET_READ, col(CachedProject.region))
    )
    return (await work.session.exec(query)).first()


async def system_lock_project(work: UnitOfWork, project_id: UUID) -> CachedProject | None:
    """Snapshot of a project without a region check, locked, for event handlers."""
    return (
        await work.session.exec(select(CachedProject).where(CachedProject.id == project_id).with_for_update())
    ).first()


async def system_sum_registered_value(work: UnitOfWork, project_id: UUID) -> int:
    """Sum of the original values of a project's registered assets, in 分."""
    query = sa.select(
        sa.cast(sa.func.coalesce(sa.func.sum(ASSETS.c.original_value), 0), sa.BigInteger)
    ).where(ASSETS.c.project_id == project_id, ASSETS.c.state.in_(COUNTED_STATES))
    return int((await execute_core(work.session, query)).scalar_one())


async def system_count_built_assets(work: UnitOfWork, project_id: UUID) -> int:
    """Number of assets already created from the acceptance of a project."""
    query = sa.select(sa.func.count()).where(
        ASSETS.c.project_id == project_id, ASSETS.c.built_index.is_not(None)
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def system_allocate_serials(
    work: UnitOfWork, district: str, year: int, letters: str, count: int = 1
) -> int:
    """Reserve `count` serial numbers and return the first. The row lock serialises concurrent callers, so no number is issued twice."""
    postgres = work.session.get_bind().dialect.name == "postgresql"
    insert: Any = (postgresql.insert if postgres else sqlite.insert)(CODE_SERIALS)
    statement = insert.values(district=district, year=year, letters=letters, last=count)
    statement = statement.on_conflict_do_update(
        index_elements=["district", "year", "letters"], set_={"last": CODE_SERIALS.c.last + count}
    ).returning(CODE_SERIALS.c.last)
    return int((await execute_core(work.session, statement)).scalar_one()) - count + 1


async def list_duplicate_keys(work: UnitOfWork, keys: Sequence[DuplicateKey]) -> set[DuplicateKey]:
    """The given (region, name, value in 分, date) keys that already exist on the register, in the caller's regions."""
    existing: set[DuplicateKey] = set()
    names = sorted({name for _, name, _, _ in keys})
    columns = (
        ASSETS.c.region,
        ASSETS.c.name,
        ASSETS.c.original_value,
        ASSETS.c.built_on,
    )
    for start in range(0, len(names), MAX_NAMES_PER_QUERY):
        query = sa.select(*columns).where(
            ASSETS.c.name.in_(names[start : start + MAX_NAMES_PER_QUERY]),
            ASSETS.c.state != AssetState.DISCARDED,
            work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
        )
        existing |= {
            (work.context.mergers.find_current(row.region), row.name, int(row.original_value), row.built_on)
            for row in await execute_core(work.session, query)
        }
    return existing & set(keys)


async def list_assets_named(work: UnitOfWork, names: Collection[str]) -> list[sa.Row[Any]]:
    """Id, region, name, value and date of the assets of these names (at most 200 names), in the caller's regions."""
    columns = (ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.original_value, ASSETS.c.built_on)
    query = sa.select(*columns).where(
        ASSETS.c.name.in_(names),
        ASSETS.c.state != AssetState.DISCARDED,
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
    )
    return list(await execute_core(work.session, query))


async def list_assets_in_box(
    work: UnitOfWork,
    box: tuple[float, float, float, float],
    limit: int,
    **filters: Any,  # noqa: ANN401 - values of columns
) -> list[sa.Row[Any]]:
    """Assets in the caller's regions within a WGS-84 box (west, south, east, north), ordered by latitude, at most `limit`."""
    west, south, east, north = box
    columns = [
        ASSETS.c[name]
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
        ASSETS.c.lat.between(south, north),
        ASSETS.c.lon.between(west, east),
        ASSETS.c.state.not_in(HIDDEN_STATES),
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
    )
    for name, value in filters.items():
        if value is not None:
            query = query.where(ASSETS.c[name] == value)
    return list(await execute_core(work.session, query.order_by(ASSETS.c.lat, ASSETS.c.id).limit(limit)))


async def find_bounds(work: UnitOfWork, region: str) -> tuple[float, float, float, float] | None:
    """Bounding box (west, south, east, north) of a region's assets; None when none has a position."""
    query = sa.select(
        sa.func.min(ASSETS.c.lon),
        sa.func.min(ASSETS.c.lat),
        sa.func.max(ASSETS.c.lon),
        sa.func.max(ASSETS.c.lat),
    ).where(
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
        work.within_region(ASSETS.c.region, region),
        ASSETS.c.lon.is_not(None),
        ASSETS.c.state.not_in(HIDDEN_STATES),
    )
    bounds = tuple((await execute_core(work.session, query)).one())
    return (
        None if None in bounds else (float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3]))
    )


def _filter_conditions(work: UnitOfWork, filters: AssetFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.region:
        conditions.append(work.within_region(col(Asset.region), filters.region))
    names = ("asset_class", "subclass", "owner_kind", "state", "use", "year", "project_id", "code")
    for name in names:
        if (value := getattr(filters, name)) is not None:
            conditions.append(getattr(Asset, name) == value)
    if filters.counted:
        conditions += [col(Asset.state).in_(COUNTED_STATES), col(Asset.use) != UseState.DISPOSED]
    if filters.q:
        conditions.append(search.match_condition(col(Asset.id), filters.q))
    return conditions


def build_damaged_condition() -> sa.ColumnElement[bool]:
    """Whether an asset of the register is damaged."""
    return sa.and_(col(Asset.use) == UseState.DAMAGED, col(Asset.state).in_(COUNTED_STATES))
