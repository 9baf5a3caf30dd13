"""Disposals over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.disposals import service
from services.assets.disposals.lifecycle import DISPOSAL, DisposalAction, DisposalState
from services.assets.disposals.models import Disposal
from services.assets.disposals.schemas import DisposalAct, DisposalCreate, DisposalDetail, DisposalRead
from services.assets.scoped import repository as scoped
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.notices.router import of_record
from shared.notices.service import Subject
from shared.pages import Page, Paging
from shared.permissions import May
from shared.work import Work

router = APIRouter(prefix="/assets/disposals", tags=["资产处置"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=DisposalDetail,
    **allows(May.ASSET_DISPOSE, refuses=(NotFound, Conflict, Invalid)),
)
async def request_disposal(work: Writing, body: DisposalCreate) -> DisposalDetail:
    """申请处置."""
    return await service.detail(work, await service.request(work, body))


@router.get("", response_model=Page[DisposalRead], **allows(May.ASSET_READ))
async def list_disposals(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    state: DisposalState | None = None,
    asset_id: UUID | None = None,
) -> Page[Disposal]:
    """处置列表."""
    where = scoped.system_same({col(Disposal.state): state, col(Disposal.asset_id): asset_id})
    orders = {"created_at": col(Disposal.created_at)}
    return await scoped.paged(
        work, asked, Disposal, *where, orders=orders, default="-created_at", region=region
    )


@router.get("/{disposal_id}", response_model=DisposalDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_disposal(work: Reading, disposal_id: UUID) -> DisposalDetail:
    """资产处置和可办事项."""
    return await service.detail(work, await service.get(work, disposal_id))


async def _subject(work: Work, record_id: UUID, /, *, lock: bool) -> Subject:
    return await service.subject(work, record_id, lock=lock)


notices = of_record("/assets/disposals", load=_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE)
verbs = APIRouter(prefix="/assets/disposals", tags=["资产处置"], route_class=Route)


@verbs.post(
    "/{disposal_id}/{action}",
    response_model=DisposalDetail | Preview,
    description=f"```mermaid\n{DISPOSAL.mermaid()}\n```",
    **allows(*DISPOSAL.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_disposal(
    work: Writing,
    disposal_id: UUID,
    action: DisposalAction,
    body: DisposalAct,
    match: IfMatch,
    dry_run: bool = False,
) -> DisposalDetail | Preview:
    """办理处置."""
    return await service.act(work, disposal_id, action, body, match=match, dry_run=dry_run)
