"""Documents over many assets, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.scoped import repository as scoped
from services.assets.transfers import service
from services.assets.transfers.kinds import TransferKind
from services.assets.transfers.lifecycle import TRANSFER, TransferAction, TransferState
from services.assets.transfers.models import Transfer
from services.assets.transfers.schemas import TransferAct, TransferCreate, TransferDetail, TransferRead
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.notices.router import of_record
from shared.notices.service import Subject
from shared.pages import Page, Paging
from shared.permissions import May
from shared.work import Work

router = APIRouter(prefix="/assets/transfers", tags=["权属文书"], route_class=Route)
BODY = 512 * 1024


@router.post(
    "",
    status_code=201,
    response_model=TransferDetail,
    **allows(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound), body=BODY),
)
async def draw_up_transfer(work: Writing, body: TransferCreate) -> TransferDetail:
    """编制权属文书: 一份文书办理多项资产的确权、移交或权属变更."""
    return await service.detail(work, await service.draw_up(work, body))


@router.get("", response_model=Page[TransferRead], **allows(May.ASSET_READ))
async def list_transfers(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    kind: TransferKind | None = None,
    state: TransferState | None = None,
) -> Page[Transfer]:
    """权属文书列表."""
    where = scoped.system_same({col(Transfer.kind): kind, col(Transfer.state): state})
    orders = {"created_at": col(Transfer.created_at)}
    return await scoped.paged(
        work, asked, Transfer, *where, orders=orders, default="-created_at", region=region
    )


@router.get("/{transfer_id}", response_model=TransferDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_transfer(work: Reading, transfer_id: UUID) -> TransferDetail:
    """权属文书, 资产明细, 可办事项."""
    return await service.detail(work, await service.get(work, transfer_id))


async def _subject(work: Work, record_id: UUID, /, *, lock: bool) -> Subject:
    return await service.subject(work, record_id, lock=lock)


notices = of_record("/assets/transfers", load=_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE)
verbs = APIRouter(prefix="/assets/transfers", tags=["权属文书"], route_class=Route)


@verbs.post(
    "/{transfer_id}/{action}",
    response_model=TransferDetail | Preview,
    description=f"```mermaid\n{TRANSFER.mermaid()}\n```",
    **allows(*TRANSFER.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_transfer(
    work: Writing,
    transfer_id: UUID,
    action: TransferAction,
    body: TransferAct,
    match: IfMatch,
    dry_run: bool = False,
) -> TransferDetail | Preview:
    """办理权属文书; 文书中的资产一起变动, 或都不变动."""
    return await service.carry_on(work, transfer_id, action, body, match=match, dry_run=dry_run)
