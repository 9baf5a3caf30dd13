"""Routes of `/projects/inbox`."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.projects.inbox import service
from services.projects.inbox.schemas import InboxCounts, InboxItem
from services.projects.projects.lifecycle import State
from shared.auth import May
from shared.errors import BadRequest
from shared.http import Page, Pagination, ReadWork, Route, requires

router = APIRouter(prefix="/projects/inbox", tags=["待办"], route_class=Route)


@router.get("/counts", response_model=InboxCounts, **requires(May.PROJECT_READ))
async def count_inbox(work: ReadWork) -> InboxCounts:
    """待办件数: 等我办的、临近时限的、超时的."""
    return await service.count_inbox(work)


@router.get("", response_model=Page[InboxItem], **requires(May.PROJECT_READ, refuses=(BadRequest,)))
async def list_inbox(
    work: ReadWork,
    params: Pagination,
    state: State | None = None,
    overdue: Annotated[bool, Query(description="只看超时的")] = False,
) -> Page[InboxItem]:
    """待办, 等得最久的在前."""
    return await service.list_inbox(work, params, state, overdue=overdue)
