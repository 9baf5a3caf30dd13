"""Every query about disposals."""

from uuid import UUID

from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract
from services.assets.disposals.lifecycle import DisposalState
from services.assets.disposals.models import Disposal
from shared.permissions import May
from shared.work import Work

OVER = (DisposalState.CLOSED, DisposalState.REJECTED)


async def open_one(work: Work, asset_id: UUID) -> Disposal | None:
    """The disposal of an asset that is under way."""
    query = select(Disposal).where(
        Disposal.asset_id == asset_id,
        col(Disposal.state).not_in(OVER),
        work.actor.where(May.ASSET_READ, col(Disposal.region)),
    )
    return (await work.session.exec(query)).first()


async def active_contract(work: Work, asset_id: UUID) -> str:
    """The number of a contract that still runs over an asset; empty when none does."""
    query = select(OperatingContract.number).where(
        OperatingContract.asset_id == asset_id,
        OperatingContract.state == ContractState.ACTIVE,
        work.actor.where(May.ASSET_READ, col(OperatingContract.region)),
    )
    return (await work.session.exec(query.limit(1))).first() or ""
