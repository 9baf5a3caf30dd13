"""Keeping over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlmodel import col

from services.assets.keeping import service
from services.assets.keeping.models import Keeper
from services.assets.keeping.schemas import DutyRead, KeeperPost, KeeperRead, PhoneRead
from services.assets.register.lifecycle import COUNTED, UseState
from services.assets.register.models import Asset
from services.assets.scoped import repository as scoped
from services.assets.scoped.names import attached
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产管护"], route_class=Route)
REGION = r"^[0-9]{12}$"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ORDERS = {"inspect_due_on": col(Asset.inspect_due_on)}


@router.get("/duties", response_model=Page[DutyRead], **allows(May.ASSET_READ))
async def list_duties(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    due_until: Annotated[date | None, Query(description="只看这天之前该巡查的")] = None,
    without_keeper: Annotated[bool, Query(description="只看没有管护责任人的")] = False,
) -> Page[Asset]:
    """管护责任清单: 在册资产、责任人、下次巡查日期, 最急的在前."""
    where = [col(Asset.state).in_(COUNTED), col(Asset.use) != UseState.DISPOSED]
    if due_until is not None:
        where.append(col(Asset.inspect_due_on) <= due_until)
    if without_keeper:
        where.append(col(Asset.keeper_name) == "")
    return await scoped.paged(
        work, asked, Asset, *where, orders=ORDERS, default="inspect_due_on", region=region
    )


@router.get(
    "/duties.xlsx",
    response_class=Response,
    response_model=None,
    **allows(May.ASSET_READ, refuses=(NotFound,)),
)
async def export_duties(work: Reading, region: Annotated[str, Query(pattern=REGION)]) -> Response:
    """管护责任清单(XLSX)."""
    content = await service.duty_sheet(work, region)
    return Response(content, media_type=XLSX, headers=attached(f"管护责任清单-{region}.xlsx"))


@router.get(
    "/{asset_id}/keepers", response_model=list[KeeperRead], **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def list_keepers(work: Reading, asset_id: UUID) -> list[Keeper]:
    """历任管护责任人, 现任在后."""
    return await service.keepers(work, asset_id)


@router.post(
    "/{asset_id}/keepers",
    status_code=201,
    response_model=KeeperRead,
    **allows(May.ASSET_KEEP, refuses=(NotFound, Conflict, Invalid)),
)
async def name_keeper(work: Writing, asset_id: UUID, body: KeeperPost) -> Keeper:
    """指定管护责任人."""
    return await service.name(work, asset_id, body)


@router.post(
    "/{asset_id}/keepers/{keeper_id}/phone",
    response_model=PhoneRead,
    **allows(May.ASSET_KEEP, refuses=(NotFound, Conflict)),
)
async def reveal_phone(work: Writing, asset_id: UUID, keeper_id: UUID) -> PhoneRead:
    """查看完整电话; 查看行为会被记录."""
    return PhoneRead(phone=await service.phone(work, asset_id, keeper_id))
