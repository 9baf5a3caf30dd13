"""Revitalisation plans over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.revivals import service
from services.assets.revivals.lifecycle import REVIVAL, RevivalAction, RevivalState
from services.assets.revivals.models import Revival
from services.assets.revivals.schemas import RevivalAct, RevivalCreate, RevivalDetail, RevivalRead
from services.assets.scoped import repository as scoped
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets/revivals", tags=["资产盘活"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=RevivalDetail,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_revival(work: Writing, body: RevivalCreate) -> RevivalDetail:
    """提出盘活方案; 盘活前的使用状态、收益、户数自动带入."""
    return await service.detail(work, await service.propose(work, body))


@router.get("", response_model=Page[RevivalRead], **allows(May.ASSET_READ))
async def list_revivals(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    state: RevivalState | None = None,
    asset_id: UUID | None = None,
) -> Page[Revival]:
    """盘活方案, 先到期的在前."""
    where = scoped.system_same({col(Revival.state): state, col(Revival.asset_id): asset_id})
    orders = {"deadline": col(Revival.deadline)}
    return await scoped.paged(work, asked, Revival, *where, orders=orders, default="deadline", region=region)


@router.get("/{revival_id}", response_model=RevivalDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_revival(work: Reading, revival_id: UUID) -> RevivalDetail:
    """盘活方案和可办事项."""
    return await service.detail(work, await service.get(work, revival_id))


@router.post(
    "/{revival_id}/{action}",
    response_model=RevivalDetail | Preview,
    description=f"```mermaid\n{REVIVAL.mermaid()}\n```",
    **allows(*REVIVAL.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_revival(
    work: Writing,
    revival_id: UUID,
    action: RevivalAction,
    body: RevivalAct,
    match: IfMatch,
    dry_run: bool = False,
) -> RevivalDetail | Preview:
    """办理盘活."""
    return await service.act(work, revival_id, action, body, match=match, dry_run=dry_run)
