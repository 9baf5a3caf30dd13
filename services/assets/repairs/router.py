"""Repairs over HTTP, with and without login."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from sqlmodel import col

from services.assets.register import repository as register
from services.assets.repairs import service
from services.assets.repairs.lifecycle import REPAIR, RepairAction, RepairState
from services.assets.repairs.models import Repair
from services.assets.repairs.schemas import (
    PhotoReceived,
    RepairAct,
    RepairDetail,
    RepairPost,
    RepairRead,
    RepairReceived,
)
from services.assets.scoped import repository as scoped
from shared import files
from shared.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import (
    Anyone,
    IfMatch,
    PublicReading,
    PublicWriting,
    Reading,
    Route,
    Writing,
    allows,
    context_of,
    public,
)
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产报修"], route_class=Route)
PHOTO = 8 * 1024 * 1024
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})


@router.post(
    "/scan/{code}/photos",
    status_code=201,
    response_model=PhotoReceived,
    **public(refuses=(NotFound, Invalid, BadRequest), body=PHOTO),
)
async def send_photo(
    request: Request,
    sender: Anyone,
    code: str,
    content_type: Annotated[str, Header(max_length=100)] = "application/octet-stream",
) -> PhotoReceived:
    """扫码报修的照片, 不需要登录; 每个来源每小时限数."""
    media_type = content_type.split(";")[0].strip()
    if media_type not in PICTURES:
        raise BadRequest("请上传 JPEG、PNG 或 WebP 照片", "Send a JPEG, PNG or WebP")
    context = context_of(request)
    # The look-ups end before the upload begins: a slow phone must not hold a connection.
    async with context.database.read() as session:
        region = await service.may_send_photo(context.work(session, sender), code)
    arrival = files.Arrival(f"{code}.jpg", media_type, region)
    kept = await files.keep(context, sender, arrival, service.pictures(request.stream()), PHOTO)
    return PhotoReceived(id=kept.id)


@router.post(
    "/scan/{code}/repairs",
    status_code=201,
    response_model=RepairReceived,
    **public(refuses=(NotFound, Invalid, Conflict)),
)
async def report_repair(work: PublicWriting, code: str, body: RepairPost) -> RepairReceived:
    """扫码报修, 不需要登录; 每个来源每小时限次."""
    return await service.report(work, code, body)


@router.get("/scan/{code}/repairs/{repair_id}", response_model=RepairReceived, **public(refuses=(NotFound,)))
async def ask_about_repair(work: PublicReading, code: str, repair_id: UUID) -> RepairReceived:
    """凭报修单编号查询办理情况, 不需要登录."""
    return await service.ask(work, code, repair_id)


@router.get("/repairs", response_model=Page[RepairRead], **allows(May.ASSET_READ))
async def list_repairs(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    state: RepairState | None = None,
) -> Page[Repair]:
    """辖区内的报修单, 新的在前."""
    where = scoped.system_same({col(Repair.state): state})
    orders = {"created_at": col(Repair.created_at)}
    return await scoped.paged(
        work, asked, Repair, *where, orders=orders, default="-created_at", region=region
    )


@router.get(
    "/repairs/{repair_id}", response_model=RepairDetail, **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def read_repair(work: Reading, repair_id: UUID) -> RepairDetail:
    """报修单和可办事项."""
    return await service.detail(work, await service.get(work, repair_id))


@router.post(
    "/repairs/{repair_id}/{action}",
    response_model=RepairDetail | Preview,
    description=f"```mermaid\n{REPAIR.mermaid()}\n```",
    **allows(*REPAIR.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_repair(
    work: Writing,
    repair_id: UUID,
    action: RepairAction,
    body: RepairAct,
    match: IfMatch,
    dry_run: bool = False,
) -> RepairDetail | Preview:
    """办理报修."""
    return await service.act(work, repair_id, action, body, match=match, dry_run=dry_run)


@router.get(
    "/{asset_id}/repairs", response_model=list[RepairRead], **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def list_asset_repairs(work: Reading, asset_id: UUID) -> list[Repair]:
    """一项资产的报修单."""
    asset = await register.get(work, asset_id)
    return await scoped.some(work, Repair, col(Repair.asset_id) == asset.id, order=(col(Repair.created_at),))


@router.post(
    "/{asset_id}/repairs",
    status_code=201,
    response_model=RepairRead,
    **allows(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid)),
)
async def enter_repair(work: Writing, asset_id: UUID, body: RepairPost) -> Repair:
    """管护人员报修."""
    return await service.enter(work, asset_id, body)
