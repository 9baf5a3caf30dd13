"""`/handovers`: the work of a person who leaves goes to another."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.identity.handovers import repository, service
from services.identity.handovers.models import Handover
from services.identity.handovers.schemas import HandoverCreate, HandoverRead
from shared.auth import May
from shared.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind

router = APIRouter(prefix="/handovers", tags=["账号"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=HandoverRead,
    **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, Conflict, Forbidden, Invalid), statements=40),
)
async def hand_over(work: WriteWork, body: HandoverCreate) -> Handover:
    """移交工作: 授权、预警、驻村点、任期、值班、审批委托一并转给接手人."""
    return await service.create_handover(work, body)


@router.get("", response_model=Page[HandoverRead], **requires(May.ACCOUNT_MANAGE, refuses=(BadRequest,)))
async def list_handovers(
    work: ReadWork, params: Pagination, account: Annotated[str, Query(max_length=64)] = ""
) -> PageAnswer:
    """移交记录, 新的在前."""
    return await repository.list_handovers(work, params, account)


@router.get(
    "/{handover_id}", response_model=HandoverRead, **requires(May.ACCOUNT_MANAGE, refuses=(NotFound,))
)
async def read_handover(work: ReadWork, handover_id: UUID) -> Handover:
    """一次移交."""
    return await repository.get_handover(work, handover_id)


HANDOVER_KIND = RecordKind(
    name="handover",
    label="工作移交",
    path="/handovers",
    model=Handover,
    read=HandoverRead,
    may=May.ACCOUNT_MANAGE,
    title="account_name",
    columns=("account_name", "successor_name", "starts_on", "reason", "created_by", "created_at"),
    filters=("account",),
    topics=("account.handed_over",),
)
