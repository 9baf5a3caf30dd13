"""HTTP routes of allocations, read only: plans issue them."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter

from services.funds.allocations import repository, service
from services.funds.allocations.models import Allocation
from services.funds.allocations.schemas import AllocationDetail, AllocationRead, ProjectFundsRead
from shared.auth import May
from shared.china import RegionCode
from shared.errors import NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, requires
from shared.records import RecordKind

router = APIRouter(prefix="/funds", tags=["资金安排"], route_class=Route)


@router.get("/allocations", response_model=Page[AllocationRead], **requires(May.FUND_READ))
async def list_allocations(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    project_id: UUID | None = None,
    source_id: UUID | None = None,
    plan_id: UUID | None = None,
) -> PageAnswer:
    """资金安排列表."""
    return await repository.list_allocations(
        work, params, region=region, project_id=project_id, source_id=source_id, plan_id=plan_id
    )


@router.get(
    "/allocations/{allocation_id}",
    response_model=AllocationDetail,
    **requires(May.FUND_READ, refuses=(NotFound,)),
)
async def read_allocation(work: ReadWork, allocation_id: UUID) -> AllocationDetail:
    """资金安排及其支付情况."""
    return await service.get_allocation_detail(work, allocation_id)


@router.get("/projects/{project_id}", response_model=ProjectFundsRead, **requires(May.FUND_READ))
async def read_project_funds(work: ReadWork, project_id: UUID, as_of: date | None = None) -> ProjectFundsRead:
    """一个项目的资金情况, 可问截至某日."""
    return await service.get_project_funds(work, project_id, as_of)


ALLOCATION_KIND = RecordKind(
    name="allocation",
    label="资金安排",
    path="/funds/allocations",
    model=Allocation,
    read=AllocationRead,
    may=May.FUND_READ,
    title="project_name",
    columns=("document_no", "project_name", "region", "year", "amount", "issued_on"),
    filters=("region", "project_id", "source_id", "plan_id"),
    search=("document_no", "project_name"),
    parents={"plan_id": "plan", "source_id": "source", "project_id": "project"},
    topics=("allocation.issued", "allocation.recalled"),
)
