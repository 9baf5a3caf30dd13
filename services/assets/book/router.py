"""Routes of the value book: adjustments, value on a day, funding."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.book import service
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction, AdjustmentState
from services.assets.book.models import ValueAdjustment
from services.assets.book.schemas import (
    AdjustmentPost,
    AdjustmentTransitionRequest,
    BookRead,
    ValueAdjustmentRead,
)
from services.assets.register import repository as register
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetRead
from services.assets.repository_base import equality_conditions, page_records
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
)
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/assets", tags=["资产价值"], route_class=Route)


@router.get(
    "/adjustments",
    response_model=Page[ValueAdjustmentRead],
    **requires(May.ASSET_READ, refuses=(BadRequest,)),
)
async def list_adjustments(
    work: ReadWork,
    params: Pagination,
    region: Annotated[RegionCode | None, Query(description="空为本人辖区")] = None,
    state: AdjustmentState | None = None,
) -> PageAnswer:
    """价值调整, 新的在前."""
    return await page_records(
        work,
        params,
        ValueAdjustment,
        *equality_conditions({col(ValueAdjustment.state): state}),
        orders={"created_at": col(ValueAdjustment.created_at)},
        default="-created_at",
        region=region,
        read=ValueAdjustmentRead,
    )


@router.get(
    "/{asset_id}/book", response_model=BookRead, **requires(May.ASSET_READ, refuses=(NotFound, Invalid))
)
async def read_book(
    work: ReadWork, asset_id: UUID, on: Annotated[date | None, Query(description="空为今天")] = None
) -> BookRead:
    """一项资产在某日的价值: 原值、调整、折旧、净值."""
    return await service.get_book(work, await register.get_asset(work, asset_id), on or work.today)


@router.post(
    "/{asset_id}/adjustments",
    status_code=201,
    response_model=ValueAdjustmentRead,
    **requires(May.ASSET_REGISTER, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_adjustment(work: WriteWork, asset_id: UUID, body: AdjustmentPost) -> ValueAdjustment:
    """提出价值调整, 由另一人批准后生效."""
    return await service.create_adjustment(work, asset_id, body)


@router.post(
    "/adjustments/{adjustment_id}/{action}",
    response_model=ValueAdjustmentRead | TransitionPreview,
    **moves(ADJUSTMENT),
)
async def decide_adjustment(
    work: WriteWork,
    adjustment_id: UUID,
    action: AdjustmentAction,
    body: AdjustmentTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> ValueAdjustment | TransitionPreview:
    """批准或不批准价值调整."""
    return await service.transition_adjustment(
        work, adjustment_id, action, body, match=match, dry_run=dry_run
    )


funding_router = APIRouter(prefix="/assets", tags=["资产登记"], route_class=Route)


@funding_router.post(
    "/{asset_id}/funding",
    response_model=AssetRead,
    **requires(May.ASSET_REGISTER, refuses=(NotFound, Conflict)),
)
async def carry_funding(work: WriteWork, asset_id: UUID) -> Asset:
    """从资金总账带入形成项目的资金来源, 按比例分到这项资产."""
    return await service.carry_funding(work, asset_id)


ADJUSTMENT_KIND = RecordKind(
    name="value_adjustment",
    label="价值调整",
    path="/assets/adjustments",
    model=ValueAdjustment,
    read=ValueAdjustmentRead,
    may=May.ASSET_READ,
    title="reason",
    columns=("happened_on", "kind", "amount", "region", "reason", "state"),
    create="/assets/{asset_id}/adjustments",
    filters=("region", "state"),
    search=("reason", "document_no"),
    parents={"asset_id": "asset"},
    lifecycle=ADJUSTMENT,
    topics=("asset.value_adjusted",),
    turns=(turn(AdjustmentState.PROPOSED, AdjustmentAction.APPROVE, "待批准的价值调整"),),
)
