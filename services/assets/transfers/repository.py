"""Every query about the assets of a document."""

from uuid import UUID

from sqlmodel import col, select

from services.assets.register.models import Asset
from services.assets.transfers.models import TransferItem
from shared.permissions import May
from shared.work import Work


async def items(work: Work, transfer_id: UUID) -> list[TransferItem]:
    """The items of a document the caller was given already, by asset."""
    query = select(TransferItem).join(Asset, col(Asset.id) == col(TransferItem.asset_id))
    query = query.where(
        TransferItem.transfer_id == transfer_id, work.actor.where(May.ASSET_READ, col(Asset.region))
    )
    return list(await work.session.exec(query.order_by(col(TransferItem.asset_id))))


async def assets(work: Work, transfer_id: UUID, *, lock: bool = False) -> list[Asset]:
    """The assets of a document, locked in one order so that two documents never wait for each other in a ring."""
    ids = select(TransferItem.asset_id).where(TransferItem.transfer_id == transfer_id)
    query = select(Asset).where(col(Asset.id).in_(ids), work.actor.where(May.ASSET_READ, col(Asset.region)))
    query = query.order_by(col(Asset.id))
    return list(await work.session.exec(query.with_for_update() if lock else query))
