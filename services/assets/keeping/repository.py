"""Every query about keepers."""

from uuid import UUID

from sqlmodel import col, select

from services.assets.keeping.models import Keeper
from shared.permissions import May
from shared.work import Work


async def present(work: Work, asset_id: UUID) -> Keeper | None:
    """Who keeps an asset now, locked."""
    query = select(Keeper).where(
        Keeper.asset_id == asset_id,
        col(Keeper.ends_on).is_(None),
        work.actor.where(May.ASSET_READ, col(Keeper.region)),
    )
    return (await work.session.exec(query.with_for_update())).first()
