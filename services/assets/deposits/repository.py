"""Queries of the deposit book."""

from uuid import UUID

from sqlmodel import col, select

from services.assets.deposits.lifecycle import DepositState
from services.assets.deposits.models import Deposit
from shared.auth import May
from shared.unit_of_work import UnitOfWork


async def list_entries(work: UnitOfWork, contract_id: UUID) -> list[Deposit]:
    """Entries of a contract that count or may come to count, by the day on which they happened."""
    query = select(Deposit).where(
        Deposit.contract_id == contract_id,
        col(Deposit.state).in_((DepositState.ENTERED, DepositState.CONFIRMED)),
        work.actor.scope_filter(May.ASSET_READ, col(Deposit.region)),
    )
    return list(await work.session.exec(query.order_by(col(Deposit.happened_on), col(Deposit.id))))
