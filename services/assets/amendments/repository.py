"""Queries of amendments."""

from uuid import UUID

from sqlmodel import col, select

from services.assets.amendments.lifecycle import AmendmentState
from services.assets.amendments.models import ContractAmendment
from shared.auth import May
from shared.unit_of_work import UnitOfWork


async def find_open_amendment(work: UnitOfWork, contract_id: UUID) -> ContractAmendment | None:
    """The amendment of a contract that is not decided, or None."""
    query = select(ContractAmendment).where(
        ContractAmendment.contract_id == contract_id,
        ContractAmendment.state == AmendmentState.PROPOSED,
        work.actor.scope_filter(May.ASSET_READ, col(ContractAmendment.region)),
    )
    return (await work.session.exec(query)).first()
