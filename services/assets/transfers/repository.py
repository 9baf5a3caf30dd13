"""Queries of the assets of a document."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.register.models import Asset
from services.assets.transfers.lifecycle import TransferKind
from services.assets.transfers.models import Transfer, TransferItem
from shared.auth import May
from shared.unit_of_work import UnitOfWork


async def list_items(work: UnitOfWork, transfer_id: UUID) -> list[TransferItem]:
    """Items of a document, ordered by asset."""
    query = select(TransferItem).join(Asset, col(Asset.id) == col(TransferItem.asset_id))
    query = query.where(
        TransferItem.transfer_id == transfer_id, work.actor.scope_filter(May.ASSET_READ, col(Asset.region))
    )
    return list(await work.session.exec(query.order_by(col(TransferItem.asset_id))))


async def list_assets(work: UnitOfWork, transfer_id: UUID, *, lock: bool = False) -> list[Asset]:
    """Assets of a document, ordered by id; locked in that order, so that two documents cannot deadlock."""
    ids = select(TransferItem.asset_id).where(TransferItem.transfer_id == transfer_id)
    query = select(Asset).where(
        col(Asset.id).in_(ids), work.actor.scope_filter(May.ASSET_READ, col(Asset.region))
    )
    query = query.order_by(col(Asset.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))


def build_rights_condition() -> sa.ColumnElement[bool]:
    """Whether a document confirms rights; the twin of the guard `concerns_rights`, and of `concerns_two_parties` when it does not."""
    return col(Transfer.kind) == TransferKind.RIGHTS
