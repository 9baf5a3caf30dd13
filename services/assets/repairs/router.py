"""Routes of repair tickets, with and without login."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.register import repository as register
from services.assets.repairs import service
from services.assets.repairs.lifecycle import REPAIR, RepairAction, RepairState
from services.assets.repairs.models import Repair
from services.assets.repairs.schemas import (
    PhotoRead,
    RepairDetail,
    RepairPost,
    RepairRead,
    RepairStatusRead,
    RepairTransitionRequest,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
)
from shared.files import uploads
from shared.http import (
    AnonymousActor,
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    PublicReadWork,
    PublicWriteWork,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    get_service_context,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/assets", tags=["资产报修"], route_class=Route)
MAX_PHOTO_BYTES = 8 * 1024 * 1024
PHOTO_MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})


@router.post(
    "/scan/{code}/photos",
    status_code=201,
    response_model=PhotoRead,
    **allows_anonymous(refuses=(NotFound, Invalid, BadRequest), body=MAX_PHOTO_BYTES),
)
async def send_photo(
    request: Request,
    sender: AnonymousActor,
    code: str,
    content_type: Annotated[str, Header(max_length=100)] = "application/octet-stream",
) -> PhotoRead:
    """扫码报修的照片, 不需要登录; 每个来源每小时限数."""
    media_type = content_type.split(";")[0].strip()
    if media_type not in PHOTO_MEDIA_TYPES:
        raise BadRequest("请上传 JPEG、PNG 或 WebP 照片", "Send a JPEG, PNG or WebP")
    context = get_service_context(request)
    # The read session ends before the upload starts: a slow phone must not hold a connection.
    async with context.database.read() as session:
        region = await service.check_photo_quota(context.unit_of_work(session, sender), code)
    upload = uploads.Upload(f"{code}.{media_type.rpartition('/')[2]}", media_type, region)
    stored = await uploads.store_upload(
        context,
        sender,
        upload,
        service.validate_image_stream(request.stream()),
        MAX_PHOTO_BYTES,
        admit=lambda session, size: service.admit_photo(context.unit_of_work(session, sender), code, size),
    )
    return PhotoRead(id=stored.id)


@router.post(
    "/scan/{code}/repairs",
    status_code=201,
    response_model=RepairStatusRead,
    **allows_anonymous(refuses=(NotFound, Invalid, Conflict)),
)
async def report_repair(work: PublicWriteWork, code: str, body: RepairPost) -> RepairStatusRead:
    """扫码报修, 不需要登录; 每个来源每小时限次."""
    return await service.create_repair_from_scan(work, code, body)


@router.get(
    "/scan/{code}/repairs/{repair_id}",
    response_model=RepairStatusRead,
    **allows_anonymous(refuses=(NotFound,)),
)
async def ask_about_repair(work: PublicReadWork, code: str, repair_id: UUID) -> RepairStatusRead:
    """凭报修单编号查询办理情况, 不需要登录."""
    return await service.get_repair_status(work, code, repair_id)


@router.get("/repairs", response_model=Page[RepairRead], **requires(May.ASSET_READ))
async def list_repairs(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: RepairState | None = None,
) -> PageAnswer:
    """辖区内的报修单, 新的在前."""
    where = records.equality_conditions({col(Repair.state): state})
    orders = {"created_at": col(Repair.created_at)}
    return await records.page_records(
        work,
        page_params,
        Repair,
        *where,
        orders=orders,
        default="-created_at",
        region=region,
        read=RepairRead,
    )


@router.get(
    "/repairs/{repair_id}", response_model=RepairDetail, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_repair(work: ReadWork, repair_id: UUID) -> RepairDetail:
    """报修单和可办事项."""
    return await service.get_repair_detail(work, await service.get_repair(work, repair_id))


@router.post(
    "/repairs/{repair_id}/{action}",
    response_model=RepairDetail | TransitionPreview,
    **moves(REPAIR),
)
async def act_on_repair(
    work: WriteWork,
    repair_id: UUID,
    action: RepairAction,
    body: RepairTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> RepairDetail | TransitionPreview:
    """办理报修."""
    return await service.transition_repair(work, repair_id, action, body, match=match, dry_run=dry_run)


@router.get(
    "/{asset_id}/repairs", response_model=list[RepairRead], **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def list_asset_repairs(work: ReadWork, asset_id: UUID) -> list[Repair]:
    """一项资产的报修单."""
    asset = await register.get_asset(work, asset_id)
    return await records.list_records(
        work, Repair, col(Repair.asset_id) == asset.id, order=(col(Repair.created_at),)
    )


@router.post(
    "/{asset_id}/repairs",
    status_code=201,
    response_model=RepairRead,
    **requires(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid)),
)
async def enter_repair(work: WriteWork, asset_id: UUID, body: RepairPost) -> Repair:
    """管护人员报修."""
    return await service.create_repair(work, asset_id, body)


@router.delete(
    "/repairs/{repair_id}/contact",
    status_code=204,
    response_model=None,
    **requires(May.ASSET_INSPECT, refuses=(NotFound, Forbidden)),
)
async def erase_contact(work: WriteWork, repair_id: UUID) -> None:
    """应报修人要求删除联系方式; 办结已久的按规则自动删除."""
    await service.erase_contact(work, repair_id)


REPAIR_KIND = RecordKind(
    name="repair",
    label="报修",
    path="/assets/repairs",
    model=Repair,
    read=RepairRead,
    may=May.ASSET_READ,
    title="text",
    columns=("text", "source", "region", "person", "due_on", "cost", "state"),
    create="/assets/{asset_id}/repairs",
    filters=("region", "state"),
    search=("text",),
    parents={"asset_id": "asset"},
    lifecycle=REPAIR,
    due="due_on",
    topics=("repair.moved",),
    turns=(
        turn(RepairState.REPORTED, RepairAction.ACCEPT, "待受理的报修"),
        turn(RepairState.ACCEPTED, RepairAction.FINISH, "维修中的报修"),
        turn(RepairState.FINISHED, RepairAction.CHECK, "待验收的维修"),
    ),
    phone=True,
)
