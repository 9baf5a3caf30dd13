"""Every query about what came out of what."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.reshaping.models import AssetLink
from shared.permissions import May
from shared.work import Work


async def links(work: Work, asset_id: UUID) -> list[AssetLink]:
    """Where an asset came from and what became of it, within the caller's regions."""
    query = select(AssetLink).where(
        sa.or_(col(AssetLink.old_id) == asset_id, col(AssetLink.new_id) == asset_id),
        work.actor.where(May.ASSET_READ, col(AssetLink.region)),
    )
    return list(await work.session.exec(query))
