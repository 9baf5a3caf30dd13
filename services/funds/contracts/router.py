"""HTTP routes of contracts."""

from uuid import UUID

from fastapi import APIRouter

from services.funds.contracts import repository, service
from services.funds.contracts.models import Contract
from services.funds.contracts.schemas import (
    ProjectContractCreate,
    ProjectContractRead,
    RetentionRelease,
    Settlement,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind

router = APIRouter(prefix="/funds/contracts", tags=["合同"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=ProjectContractRead,
    **requires(May.PAYMENT_SUBMIT, refuses=(Invalid, Conflict, NotFound)),
)
async def register_contract(work: WriteWork, body: ProjectContractCreate) -> Contract:
    """登记合同."""
    return await service.create_contract(work, body)


@router.get("", response_model=Page[ProjectContractRead], **requires(May.FUND_READ))
async def list_contracts(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    project_id: UUID | None = None,
) -> Page[Contract]:
    """合同列表."""
    return await repository.list_contracts(work, params, region=region, project_id=project_id)


@router.get(
    "/{contract_id}", response_model=ProjectContractRead, **requires(May.FUND_READ, refuses=(NotFound,))
)
async def read_contract(work: ReadWork, contract_id: UUID) -> Contract:
    """合同."""
    return await repository.get_contract(work, contract_id)


@router.post(
    "/{contract_id}/settle",
    response_model=ProjectContractRead,
    **requires(May.PAYMENT_REVIEW, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def settle_contract(work: WriteWork, contract_id: UUID, body: Settlement, match: IfMatch) -> Contract:
    """登记审定结算金额."""
    return await service.settle_contract(work, contract_id, body, match)


@router.post(
    "/{contract_id}/release",
    response_model=ProjectContractRead,
    **requires(May.PAYMENT_REVIEW, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def release_retention(
    work: WriteWork, contract_id: UUID, body: RetentionRelease, match: IfMatch
) -> Contract:
    """返还质量保证金: 缺陷责任期满, 附检查材料, 由登记人以外的人办理."""
    return await service.release_retention(work, contract_id, body, match)


CONTRACT_KIND = RecordKind(
    name="contract",
    label="合同",
    path="/funds/contracts",
    model=Contract,
    read=ProjectContractRead,
    may=May.FUND_READ,
    title="title",
    columns=(
        "number",
        "title",
        "party",
        "project_name",
        "region",
        "amount",
        "settled",
        "retention_due_on",
        "signed_on",
    ),
    filters=("region", "project_id"),
    search=("number", "title", "party", "project_name"),
    parents={"project_id": "project"},
    topics=(
        "contract.registered",
        "contract.settled",
        "contract.retention_due",
        "contract.retention_released",
    ),
    acts=(
        Act("登记结算", "/funds/contracts/{id}/settle"),
        Act("返还质保金", "/funds/contracts/{id}/release"),
    ),
)
