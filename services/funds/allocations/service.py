"""Giving money to a project and taking it back, each as one entry; nothing here asks who may, plans do."""

from datetime import date
from typing import TypedDict
from uuid import UUID

from services.funds.allocations import repository
from services.funds.allocations.models import Allocation
from services.funds.allocations.schemas import AllocationDetail, AllocationRead, ProjectFundsRead
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import Account, AccountKind
from services.funds.ledger.figures import Figures
from shared.contracts.funds import AllocationIssued
from shared.work import Work


class Given(TypedDict):
    """What a new allocation says."""

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


def account(allocation: Allocation, kind: AccountKind, payee: str = "") -> Account:
    """The allocation's own account of a kind."""
    return Account(
        kind,
        allocation.source_id,
        allocation.year,
        allocation.region,
        project_id=allocation.project_id,
        allocation_id=allocation.id,
        payee=payee,
    )


async def open_allocation(work: Work, given: Given) -> Allocation:
    """Write the record of an allocation and tell it; the caller posts its entry in the same transaction."""
    allocation = Allocation(**given, created_at=work.at, created_by=work.actor.id, updated_at=work.at)
    work.session.add(allocation)
    await work.session.flush()
    await work.tell(
        AllocationIssued(
            allocation_id=allocation.id,
            plan_id=allocation.plan_id,
            source_id=allocation.source_id,
            project_id=allocation.project_id,
            amount=allocation.amount,
            document_no=allocation.document_no,
            issued_on=allocation.issued_on,
        ),
        allocation,
    )
    return allocation


async def detail(work: Work, allocation_id: UUID) -> AllocationDetail:
    """An allocation with what is paid and left."""
    allocation = await repository.get(work, allocation_id)
    return AllocationDetail(
        **AllocationRead.model_validate(allocation).model_dump(),
        figures=await ledger.position(work, {"allocation_id": allocation.id}),
    )


async def of_project(work: Work, project_id: UUID, as_of: date | None = None) -> ProjectFundsRead:
    """A project's money, in all and per fiscal year; zeros when it has none in the caller's regions."""
    total = await ledger.position(work, {"project_id": project_id}, as_of)
    years = await ledger.positions(work, ("year",), {"project_id": project_id}, as_of)
    by_year: dict[int, Figures] = {group["year"]: figures for group, figures in years}
    return ProjectFundsRead(project_id=project_id, year_figures=by_year, **total.model_dump())
