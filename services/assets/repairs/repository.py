"""Queries of repair tickets without a region check, for reporters without login."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.register.models import Asset
from services.assets.repairs.models import Repair
from shared.db import execute_core, file, lock_until_commit
from shared.errors import NotFound
from shared.files.uploads import FileRead
from shared.unit_of_work import UnitOfWork

REPAIRS: sa.Table = Repair.__table__  # type: ignore[attr-defined]
ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)
PUBLIC_SENDERS = ("public:", "public;")
"""Bounds of the names of senders without login, `public:<address>`."""
PHOTO_LOCK_ID = 620_602_16
DISTRICT_DIGITS = 6


async def system_count_recent_repairs(work: UnitOfWork, sender: str, asset_id: UUID) -> tuple[int, int]:
    """(scan tickets of this sender in the last hour, scan tickets about this asset in the last day)."""
    from_sender = REPAIRS.c.created_by == sender
    query = sa.select(
        sa.func.count().filter(from_sender, REPAIRS.c.created_at > work.at - ONE_HOUR).label("sender"),
        sa.func.count().filter(REPAIRS.c.asset_id == asset_id).label("asset"),
    ).where(
        sa.or_(from_sender, REPAIRS.c.asset_id == asset_id),
        REPAIRS.c.created_at > work.at - ONE_DAY,
        REPAIRS.c.source == "scan",
    )
    row = (await execute_core(work.session, query)).one()
    return int(row.sender), int(row.asset)


@dataclass(frozen=True, slots=True)
class PublicPhotos:
    """Photos that came without login in the last day (numbers, bytes), and bytes of all that are kept of the district."""

    of_sender_hour: int
    of_asset: int
    sender_bytes: int
    district_bytes: int
    kept_bytes: int


async def system_count_photos(work: UnitOfWork, sender: str, asset: Asset) -> PublicPhotos:
    """Count the photos without login; those of the last day are found by their ids, which are in the order of time."""
    district = f"{asset.region[:DISTRICT_DIGITS]:0<12}"
    without_login = sa.and_(
        work.within_region(file.c.region, district),
        file.c.uploaded_by.between(PUBLIC_SENDERS[0], PUBLIC_SENDERS[1]),
    )
    kept = sa.select(sa.func.coalesce(sa.func.sum(file.c.size), 0)).where(without_login).scalar_subquery()
    from_sender = file.c.uploaded_by == sender
    query = sa.select(
        sa.func.count().filter(from_sender, file.c.uploaded_at > work.at - ONE_HOUR).label("of_sender_hour"),
        sa.func.count().filter(file.c.name.startswith(f"{asset.code}.", autoescape=True)).label("of_asset"),
        sa.func.coalesce(sa.func.sum(file.c.size).filter(from_sender), 0).label("sender_bytes"),
        sa.func.coalesce(sa.func.sum(file.c.size).filter(without_login), 0).label("district_bytes"),
        kept.label("kept_bytes"),
    ).where(
        file.c.id > UUID(int=int((work.at - ONE_DAY).timestamp() * 1000) << 80),
        file.c.uploaded_at > work.at - ONE_DAY,
        file.c.uploaded_by.between(PUBLIC_SENDERS[0], PUBLIC_SENDERS[1]),
    )
    row = (await execute_core(work.session, query)).one()
    return PublicPhotos(**{name: int(value) for name, value in row._mapping.items()})  # noqa: SLF001 - SQLAlchemy's public name


async def system_lock_photos(work: UnitOfWork) -> None:
    """Let one photo without login after the other be counted and kept, until the transaction ends."""
    await lock_until_commit(work.session, PHOTO_LOCK_ID)


async def system_list_own_photos(work: UnitOfWork, sender: str, ids: Sequence[UUID]) -> dict[str, FileRead]:
    """Those of the files that this sender uploaded, by id."""
    if not ids:
        return {}
    query = sa.select(file).where(file.c.id.in_(ids), file.c.uploaded_by == sender)
    rows = (await execute_core(work.session, query)).all()
    return {str(row.id): FileRead.model_validate(row) for row in rows}


async def system_get_repair(work: UnitOfWork, asset_id: UUID, repair_id: UUID) -> Repair:
    """A ticket of this asset by id; NotFound otherwise. The unguessable id is the permission."""
    query = select(Repair).where(Repair.id == repair_id, col(Repair.asset_id) == asset_id)
    repair = (await work.session.exec(query)).first()
    if repair is None:
        raise NotFound("没有这个报修单", "No such ticket")
    return repair
