"""An asset's value over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.assets.book import service
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction
from services.assets.book.models import ValueAdjustment
from services.assets.book.schemas import AdjustmentAct, AdjustmentPost, AdjustmentRead, BookRead
from services.assets.register import repository as register
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产价值"], route_class=Route)


@router.get("/{asset_id}/book", response_model=BookRead, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_book(
    work: Reading, asset_id: UUID, on: Annotated[date | None, Query(description="空为今天")] = None
) -> BookRead:
    """一项资产在某日的价值: 原值、调整、折旧、净值."""
    return await service.book(work, await register.get(work, asset_id), on or work.today)


@router.post(
    "/{asset_id}/adjustments",
    status_code=201,
    response_model=AdjustmentRead,
    **allows(May.ASSET_REGISTER, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_adjustment(work: Writing, asset_id: UUID, body: AdjustmentPost) -> ValueAdjustment:
    """提出价值调整, 由另一人批准后生效."""
    return await service.propose(work, asset_id, body)


@router.post(
    "/adjustments/{adjustment_id}/{action}",
    response_model=AdjustmentRead | Preview,
    description=f"```mermaid\n{ADJUSTMENT.mermaid()}\n```",
    **allows(*ADJUSTMENT.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def decide_adjustment(
    work: Writing,
    adjustment_id: UUID,
    action: AdjustmentAction,
    body: AdjustmentAct,
    match: IfMatch,
    dry_run: bool = False,
) -> ValueAdjustment | Preview:
    """批准或不批准价值调整."""
    return await service.decide(work, adjustment_id, action, body, match=match, dry_run=dry_run)
