"""Create allocations and read their figures. Permissions are checked by plans."""

from datetime import date
from typing import TypedDict
from uuid import UUID

from services.funds.allocations import repository
from services.funds.allocations.models import Allocation
from services.funds.allocations.schemas import AllocationDetail, AllocationRead, ProjectFundsRead
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKey, AccountKind
from services.funds.ledger.repository import LedgerPeriod
from services.funds.ledger.schemas import LedgerFigures
from shared.clients.funds import AllocationIssued
from shared.records import insert_record
from shared.unit_of_work import UnitOfWork


class NewAllocation(TypedDict):
    """Columns of a new allocation; `amount` in 分."""

    id: UUID
    region: str
    plan_id: UUID
    source_id: UUID
    project_id: UUID
    project_name: str
    document_no: str
    year: int
    amount: int
    issued_on: date
    management_fee: bool
    industry: bool


def build_allocation_account(allocation: Allocation, kind: AccountKind, payee: str = "") -> AccountKey:
    """Account of an allocation at the stages after its issue (未支付, 支付在途, 已支付)."""
    return AccountKey(
        kind,
        allocation.source_id,
        allocation.year,
        allocation.region,
        project_id=allocation.project_id,
        allocation_id=allocation.id,
        payee=payee,
    )


async def create_allocation(work: UnitOfWork, columns: NewAllocation) -> Allocation:
    """Insert an allocation and publish AllocationIssued; the caller posts its entry in the same transaction."""
    allocation = Allocation(**columns, created_at=work.at, created_by=work.actor.id, updated_at=work.at)
    await insert_record(
        work,
        allocation,
        AllocationIssued(
            allocation_id=allocation.id,
            plan_id=allocation.plan_id,
            source_id=allocation.source_id,
            project_id=allocation.project_id,
            amount=allocation.amount,
            document_no=allocation.document_no,
            issued_on=allocation.issued_on,
        ),
    )
    return allocation


async def get_allocation_detail(work: UnitOfWork, allocation_id: UUID) -> AllocationDetail:
    """Get an allocation with its figures."""
    allocation = await repository.get_allocation(work, allocation_id)
    return AllocationDetail(
        **AllocationRead.model_validate(allocation).model_dump(),
        figures=await ledger.get_figures(work, {"allocation_id": allocation.id}),
    )


async def get_project_funds(
    work: UnitOfWork, project_id: UUID, as_of: date | None = None
) -> ProjectFundsRead:
    """Figures of a project, in total and per fiscal year; zeros if it has none in the caller's regions."""
    period = LedgerPeriod(last=as_of)
    total = await ledger.get_figures(work, {"project_id": project_id}, period)
    years = await ledger.list_figures(work, ("year",), {"project_id": project_id}, period)
    by_year: dict[int, LedgerFigures] = {group["year"]: figures for group, figures in years}
    return ProjectFundsRead(project_id=project_id, year_figures=by_year, **total.model_dump())
