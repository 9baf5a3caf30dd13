"""Finding assets by their code."""

from sqlmodel import col, select

from services.assets.register.lifecycle import COUNTED
from services.assets.register.models import Asset
from shared.errors import NotFound
from shared.work import Work


async def system_by_code(work: Work, code: str, *, lock: bool = False) -> Asset:
    """The asset with this code, for whoever stands before its label; NotFound for drafts and unknown codes."""
    query = select(Asset).where(Asset.code == code, col(Asset.state).in_(COUNTED))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有编号为 {code} 的资产", f"No asset {code}")
    return found
