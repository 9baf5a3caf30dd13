"""Assets whose funding is not known yet."""

from sqlmodel import col, select

from services.assets.register.lifecycle import COUNTED
from services.assets.register.models import Asset
from shared.work import Work


async def system_waiting(work: Work, most: int = 50) -> list[Asset]:
    """Registered assets of projects that still lack their sources of money, the oldest first."""
    query = select(Asset).where(
        col(Asset.project_id).is_not(None),
        col(Asset.state).in_(COUNTED),
        col(Asset.funding_known).is_(False),
        Asset.original_value > 0,
    )
    return list(await work.session.exec(query.order_by(col(Asset.created_at)).limit(most)))


async def system_locked(work: Work, asset: Asset) -> Asset | None:
    """The same asset, locked and as it is now."""
    query = select(Asset).where(Asset.id == asset.id).with_for_update()
    return (await work.session.exec(query)).first()
