"""Routes of custody: keepers, duties, inspections, follow-up visits."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.custody import repository, service
from services.assets.custody.models import AssetFollowUp, Inspection, Keeper
from services.assets.custody.schemas import (
    AssetCondition,
    AssetFollowUpRead,
    CustodyDutyRead,
    FollowUpPost,
    Holding,
    InspectionBatch,
    InspectionBatchOutcome,
    InspectionPost,
    InspectionRead,
    KeeperPost,
    KeeperRead,
    PhoneRead,
)
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import (
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    content_disposition,
    never_stored,
    requires,
)
from shared.records import RecordKind
from shared.spreadsheets import XLSX_MEDIA_TYPE

keeper_router = APIRouter(prefix="/assets", tags=["资产管护"], route_class=Route)
DUTY_ORDERS = {"inspect_due_on": col(Asset.inspect_due_on)}


@keeper_router.get("/duties", response_model=Page[CustodyDutyRead], **requires(May.ASSET_READ))
async def list_duties(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    due_until: Annotated[date | None, Query(description="只看这天之前该巡查的")] = None,
    without_keeper: Annotated[bool, Query(description="只看没有管护责任人的")] = False,
) -> PageAnswer:
    """管护责任清单: 在册资产、责任人、下次巡查日期, 最急的在前."""
    where = [col(Asset.state).in_(COUNTED_STATES), col(Asset.use) != UseState.DISPOSED]
    if due_until is not None:
        where.append(col(Asset.inspect_due_on) <= due_until)
    if without_keeper:
        where.append(col(Asset.keeper_name) == "")
    return await records.page_records(
        work,
        page_params,
        Asset,
        *where,
        orders=DUTY_ORDERS,
        default="inspect_due_on",
        region=region,
        read=CustodyDutyRead,
    )


@keeper_router.get(
    "/duties.xlsx",
    response_class=Response,
    response_model=None,
    **requires(May.ASSET_READ, refuses=(NotFound,)),
)
async def export_duties(work: ReadWork, region: RegionCode) -> Response:
    """管护责任清单(XLSX)."""
    content = await service.build_duty_sheet(work, region)
    return Response(
        content, media_type=XLSX_MEDIA_TYPE, headers=content_disposition(f"管护责任清单-{region}.xlsx")
    )


@keeper_router.get(
    "/{asset_id}/keepers", response_model=list[KeeperRead], **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def list_keepers(work: ReadWork, asset_id: UUID) -> list[Keeper]:
    """历任管护责任人, 现任在后."""
    return await service.list_keepers(work, asset_id)


@keeper_router.post(
    "/{asset_id}/keepers",
    status_code=201,
    response_model=KeeperRead,
    **requires(May.ASSET_KEEP, refuses=(NotFound, Conflict, Invalid)),
)
async def name_keeper(work: WriteWork, asset_id: UUID, body: KeeperPost) -> Keeper:
    """指定管护责任人."""
    return await service.create_keeper(work, asset_id, body)


@keeper_router.post(
    "/{asset_id}/keepers/{keeper_id}/phone",
    response_model=PhoneRead,
    **never_stored(requires(May.ASSET_KEEP, refuses=(NotFound, Conflict))),
)
async def reveal_phone(work: WriteWork, asset_id: UUID, keeper_id: UUID) -> PhoneRead:
    """查看完整电话; 查看行为会被记录."""
    return PhoneRead(phone=await service.reveal_phone(work, asset_id, keeper_id))


inspection_router = APIRouter(prefix="/assets", tags=["资产巡查"], route_class=Route)


@inspection_router.get("/inspections", response_model=Page[InspectionRead], **requires(May.ASSET_READ))
async def list_inspections(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    condition: AssetCondition | None = None,
) -> PageAnswer:
    """辖区内的巡查记录, 新的在前."""
    return await repository.list_inspections(work, page_params, region=region, condition=condition)


@inspection_router.post(
    "/inspections",
    response_model=InspectionBatchOutcome,
    **requires(May.ASSET_INSPECT, refuses=(Invalid,), body=512 * 1024),
)
async def take_inspections(work: WriteWork, body: InspectionBatch) -> InspectionBatchOutcome:
    """提交一批离线巡查记录; 顺序不限, 每条各有结果, 重复的不会重复记录."""
    return await service.record_batch(work, body)


@inspection_router.get(
    "/{asset_id}/inspections",
    response_model=Page[InspectionRead],
    **requires(May.ASSET_READ, refuses=(NotFound,)),
)
async def list_asset_inspections(work: ReadWork, page_params: Pagination, asset_id: UUID) -> PageAnswer:
    """一项资产的巡查记录, 新的在前."""
    asset = await register.get_asset(work, asset_id)
    return await repository.list_inspections(work, page_params, asset_id=asset.id)


@inspection_router.post(
    "/{asset_id}/inspections",
    status_code=201,
    response_model=InspectionRead,
    **requires(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid)),
)
async def record_inspection(work: WriteWork, asset_id: UUID, body: InspectionPost) -> Inspection:
    """登记巡查: 状况、照片、定位."""
    inspection, _ = await service.record_inspection(work, asset_id, body)
    return inspection


follow_up_router = APIRouter(prefix="/assets", tags=["到户资产回访"], route_class=Route)


@follow_up_router.get("/follow-ups", response_model=Page[AssetFollowUpRead], **requires(May.ASSET_READ))
async def list_follow_ups(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    holding: Holding | None = None,
) -> PageAnswer:
    """辖区内的回访, 新的在前."""
    where = records.equality_conditions({col(AssetFollowUp.holding): holding})
    orders = {"visited_on": col(AssetFollowUp.visited_on)}
    return await records.page_records(
        work,
        page_params,
        AssetFollowUp,
        *where,
        orders=orders,
        default="-visited_on",
        region=region,
        read=AssetFollowUpRead,
    )


@follow_up_router.get(
    "/{asset_id}/follow-ups",
    response_model=list[AssetFollowUpRead],
    **requires(May.ASSET_READ, refuses=(NotFound,)),
)
async def list_asset_follow_ups(work: ReadWork, asset_id: UUID) -> list[AssetFollowUp]:
    """一项到户资产的回访."""
    asset = await register.get_asset(work, asset_id)
    return await records.list_records(
        work, AssetFollowUp, col(AssetFollowUp.asset_id) == asset.id, order=(col(AssetFollowUp.visited_on),)
    )


@follow_up_router.post(
    "/{asset_id}/follow-ups",
    status_code=201,
    response_model=AssetFollowUpRead,
    **requires(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid)),
)
async def record_follow_up(work: WriteWork, asset_id: UUID, body: FollowUpPost) -> AssetFollowUp:
    """登记到户资产回访."""
    return await service.record_follow_up(work, asset_id, body)


INSPECTION_KIND = RecordKind(
    name="inspection",
    label="资产巡查",
    path="/assets/inspections",
    model=Inspection,
    read=InspectionRead,
    may=May.ASSET_READ,
    title="findings",
    columns=("inspected_at", "condition", "findings", "region", "inspector", "verdict"),
    create="/assets/{asset_id}/inspections",
    filters=("region", "condition"),
    search=("findings",),
    parents={"asset_id": "asset"},
    topics=("asset.inspected",),
    told_by={"asset.inspected": "asset_id"},
    phone=True,
)
ASSET_FOLLOW_UP_KIND = RecordKind(
    name="asset_follow_up",
    label="到户资产回访",
    path="/assets/follow-ups",
    model=AssetFollowUp,
    read=AssetFollowUpRead,
    may=May.ASSET_READ,
    title="visited_on",
    columns=("visited_on", "visitor", "holding", "quantity", "income", "region"),
    create="/assets/{asset_id}/follow-ups",
    parents={"asset_id": "asset"},
    topics=("asset.followed_up",),
    told_by={"asset.followed_up": "asset_id"},
    phone=True,
)
