"""`/attendance/duty-swaps`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance.fields import RegionQuery
from services.attendance.swaps import repository, service
from services.attendance.swaps.lifecycle import SWAP, SwapAction, SwapState
from services.attendance.swaps.models import DutySwap
from services.attendance.swaps.schemas import SwapCreate, SwapDetail, SwapRead
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Act, Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/duty-swaps", tags=["换班"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=SwapRead,
    **allows(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def ask_for_swap(work: Writing, body: SwapCreate) -> DutySwap:
    """申请换班或替班."""
    return await service.ask(work, body)


@router.get("", response_model=Page[SwapRead], **allows(May.PRESENCE_READ))
async def list_swaps(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    state: SwapState | None = None,
    to_agree: Annotated[bool, Query(description="只看等本人同意的")] = False,
) -> Page[DutySwap]:
    """换班列表; a cadre sees those they asked for or are asked for."""
    return await repository.listed(work, asked, region=region, state=state, to_agree=to_agree)


@router.get("/{swap_id}", response_model=SwapDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_swap(work: Reading, swap_id: UUID) -> SwapDetail:
    """换班与可办事项."""
    return await service.detail(work, swap_id)


@router.post(
    "/{swap_id}/{action}",
    response_model=SwapRead | Preview,
    description=f"```mermaid\n{SWAP.mermaid()}\n```",
    **allows(*SWAP.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_swap(
    work: Writing,
    swap_id: UUID,
    action: SwapAction,
    body: Act,
    match: IfMatch,
    dry_run: bool = False,
) -> DutySwap | Preview:
    """办理换班: 同意, 不同意, 批准, 不批准, 撤回."""
    return await service.act(work, swap_id, action, body, match=match, dry_run=dry_run)
