"""Routes of amendments of operating contracts."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.amendments import service
from services.assets.amendments.lifecycle import AMENDMENT, AmendmentAction, AmendmentState
from services.assets.amendments.models import ContractAmendment
from services.assets.amendments.schemas import (
    AmendmentDetail,
    AmendmentPost,
    AmendmentTransitionRequest,
    ContractAmendmentRead,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/assets", tags=["合同变更"], route_class=Route)


@router.get("/amendments", response_model=Page[ContractAmendmentRead], **requires(May.ASSET_READ))
async def list_contract_amendments(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: AmendmentState | None = None,
    contract_id: UUID | None = None,
) -> PageAnswer:
    """合同变更(减免租金、变更条款), 新的在前."""
    where = records.equality_conditions(
        {col(ContractAmendment.state): state, col(ContractAmendment.contract_id): contract_id}
    )
    orders = {"created_at": col(ContractAmendment.created_at)}
    return await records.page_records(
        work,
        page_params,
        ContractAmendment,
        *where,
        orders=orders,
        default="-created_at",
        region=region,
        read=ContractAmendmentRead,
    )


@router.get(
    "/amendments/{amendment_id}",
    response_model=AmendmentDetail,
    **requires(May.ASSET_READ, refuses=(NotFound,)),
)
async def read_contract_amendment(work: ReadWork, amendment_id: UUID) -> AmendmentDetail:
    """合同变更和可办事项."""
    return await service.get_amendment_detail(work, await service.get_amendment(work, amendment_id))


@router.post(
    "/contracts/{contract_id}/amendments",
    status_code=201,
    response_model=AmendmentDetail,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_contract_amendment(
    work: WriteWork, contract_id: UUID, body: AmendmentPost
) -> AmendmentDetail:
    """提出合同变更, 由另一人批准后生效."""
    amendment = await service.create_amendment(work, contract_id, body)
    return await service.get_amendment_detail(work, amendment)


@router.post(
    "/amendments/{amendment_id}/{action}",
    response_model=AmendmentDetail | TransitionPreview,
    **moves(AMENDMENT),
)
async def act_on_contract_amendment(
    work: WriteWork,
    amendment_id: UUID,
    action: AmendmentAction,
    body: AmendmentTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> AmendmentDetail | TransitionPreview:
    """办理合同变更: 批准即改应收和条款."""
    return await service.transition_amendment(work, amendment_id, action, body, match=match, dry_run=dry_run)


CONTRACT_AMENDMENT_KIND = RecordKind(
    name="contract_amendment",
    label="合同变更",
    path="/assets/amendments",
    model=ContractAmendment,
    read=ContractAmendmentRead,
    may=May.ASSET_READ,
    title="reason",
    columns=("reason", "kind", "region", "effective_on", "waived", "ends_on", "amount", "state"),
    create="/assets/contracts/{contract_id}/amendments",
    filters=("region", "state", "contract_id"),
    search=("reason", "document_no"),
    parents={"contract_id": "operating_contract", "asset_id": "asset"},
    lifecycle=AMENDMENT,
    topics=("contract_amendment.moved",),
    turns=(turn(AmendmentState.PROPOSED, AmendmentAction.APPROVE, "待批准的合同变更"),),
)
