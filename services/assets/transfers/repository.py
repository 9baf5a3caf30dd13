"""Every query about the assets of a document."""

from uuid import UUID

from sqlmodel import col, select

from services.assets.register.models import Asset
from services.assets.transfers.models import TransferItem
from shared.auth import May
from shared.unit_of_work import UnitOfWork


async def list_items(work: UnitOfWork, transfer_id: UUID) -> list[TransferItem]:
    """The items of a document the caller was given already, by asset."""
    query = select(TransferItem).join(Asset, col(Asset.id) == col(TransferItem.asset_id))
    query = query.where(
        TransferItem.transfer_id == transfer_id, work.actor.scope_filter(May.ASSET_READ, col(Asset.region))
    )
    return list(await work.session.exec(query.order_by(col(TransferItem.asset_id))))


async def list_assets(work: UnitOfWork, transfer_id: UUID, *, lock: bool = False) -> list[Asset]:
    """The assets of a document, locked in one order so that two documents never wait for each other in a ring."""
    ids = select(TransferItem.asset_id).where(TransferItem.transfer_id == transfer_id)
    query = select(Asset).where(
        col(Asset.id).in_(ids), work.actor.scope_filter(May.ASSET_READ, col(Asset.region))
    )
    query = query.order_by(col(Asset.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))
