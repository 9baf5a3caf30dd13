"""Queries of contracts."""

from uuid import UUID

from sqlmodel import col, select

from services.funds.contracts.models import Contract
from services.funds.contracts.schemas import ProjectContractRead
from shared.auth import May, region_bounds
from shared.china import normalize_document_no
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"signed_on": col(Contract.signed_on)}


async def get_contract(work: UnitOfWork, contract_id: UUID, *, lock: bool = False) -> Contract:
    """Get a contract of the caller's regions; NotFound otherwise."""
    query = select(Contract).where(
        Contract.id == contract_id, work.actor.scope_filter(May.FUND_READ, col(Contract.region))
    )
    contract = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if contract is None:
        raise NotFound(f"没有这份合同: {contract_id}", f"No contract {contract_id}")
    return contract


async def find_contract_by_number(
    work: UnitOfWork, project_id: UUID, number: str, excluded: UUID | None
) -> Contract | None:
    """Find a project's contract of this number, however it is written, except the one with id `excluded`."""
    query = select(Contract).where(
        Contract.project_id == project_id,
        work.actor.scope_filter(May.FUND_READ, col(Contract.region)),
    )
    key = normalize_document_no(number)
    contracts = (
        contract
        for contract in await work.session.exec(query)
        if contract.id != excluded and normalize_document_no(contract.number) == key
    )
    return next(contracts, None)


async def list_contracts(
    work: UnitOfWork, params: PageParams, *, region: str | None, project_id: UUID | None
) -> PageAnswer:
    """List a page of contracts of the caller's regions."""
    query = select(Contract).where(work.actor.scope_filter(May.FUND_READ, col(Contract.region)))
    if region:
        query = query.where(col(Contract.region).between(*region_bounds(region)))
    if project_id is not None:
        query = query.where(Contract.project_id == project_id)
    return await answer_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(Contract.id),
        default="-signed_on",
        read=ProjectContractRead,
    )


async def list_contracts_by_projects(work: UnitOfWork, projects: list[UUID]) -> list[Contract]:
    """List the contracts of projects within the caller's regions, oldest first (at most 500)."""
    query = select(Contract).where(
        col(Contract.project_id).in_(projects), work.actor.scope_filter(May.FUND_READ, col(Contract.region))
    )
    return list(await work.session.exec(query.order_by(col(Contract.id)).limit(500)))
