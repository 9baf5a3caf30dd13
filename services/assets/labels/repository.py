"""Queries of assets by their code."""

from sqlalchemy.orm import aliased
from sqlmodel import col, select

from services.assets.register.lifecycle import COUNTED_STATES, AssetState
from services.assets.register.models import Asset
from services.assets.split_merge.models import AssetLink
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


async def system_get_by_code(work: UnitOfWork, code: str, *, lock: bool = False) -> Asset:
    """Registered asset with this code; no region check, because labels are public. NotFound names successors of a split or merge."""
    query = select(Asset).where(Asset.code == code, col(Asset.state).in_(COUNTED_STATES))
    asset = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if asset is None:
        successors = await _list_successor_codes(work, code)
        message = (
            f"资产 {code} 已拆分或合并为: {'、'.join(successors)}"
            if successors
            else f"没有编号为 {code} 的资产"
        )
        raise NotFound(message, f"No asset {code}")
    return asset


async def _list_successor_codes(work: UnitOfWork, code: str) -> list[str]:
    """Codes of the assets that a split or merge made of this one, so that an old label leads to them."""
    old, new = aliased(Asset), aliased(Asset)
    query = (
        select(new.code)
        .join(AssetLink, col(AssetLink.new_id) == col(new.id))
        .join(old, col(old.id) == col(AssetLink.old_id))
        .where(col(old.code) == code, col(old.state) == AssetState.SUPERSEDED)
    )
    return sorted(await work.session.exec(query))
