"""Queries of contracts."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.contracts.models import Contract
from shared.alerts.detection import MAX_ROWS_PER_SCAN, DaysAlertRule, DetectionContext, is_among
from shared.auth import May
from shared.china import normalize_document_no
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

CONTRACT_TABLE: sa.Table = Contract.__table__  # type: ignore[attr-defined]
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
) -> Page[Contract]:
    """List a page of contracts of the caller's regions."""
    query = select(Contract).where(work.actor.scope_filter(May.FUND_READ, col(Contract.region)))
    if region:
        query = query.where(work.within_region(col(Contract.region), region))
    if project_id is not None:
        query = query.where(Contract.project_id == project_id)
    return await list_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(Contract.id),
        default="-signed_on",
    )


async def system_list_retaining_contracts(work: UnitOfWork, project_id: UUID) -> list[Contract]:
    """List the contracts of a project that retain money and have no due day, in id order, locked."""
    query = select(Contract).where(
        Contract.project_id == project_id,
        Contract.retention_percent != "0",
        col(Contract.retention_due_on).is_(None),
    )
    return list(await work.session.exec(query.order_by(col(Contract.id)).with_for_update()))


async def system_list_due_retentions(context: DetectionContext[DaysAlertRule]) -> list[Contract]:
    """List the contracts whose retention fell due days of the rule ago and is not released, the oldest first."""
    before = context.on - timedelta(days=context.rule.value.days)
    query = select(Contract).where(
        col(Contract.retention_due_on) < before,
        col(Contract.retention_released_on).is_(None),
        is_among(CONTRACT_TABLE.c.id, context.subjects),
    )
    query = query.order_by(col(Contract.retention_due_on), col(Contract.id)).limit(MAX_ROWS_PER_SCAN)
    return list(await context.work.session.exec(query))


async def list_contracts_by_projects(work: UnitOfWork, projects: list[UUID]) -> list[Contract]:
    """List the contracts of projects within the caller's regions, oldest first (at most 500)."""
    query = select(Contract).where(
        col(Contract.project_id).in_(projects), work.actor.scope_filter(May.FUND_READ, col(Contract.region))
    )
    return list(await work.session.exec(query.order_by(col(Contract.id)).limit(500)))
