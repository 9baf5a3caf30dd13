"""`/projects/inbox`: what waits for me."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.projects.inbox import service
from services.projects.inbox.schemas import InboxCounts, InboxItem
from services.projects.library.states import State
from shared.errors import BadRequest
from shared.http import Reading, Route, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects/inbox", tags=["待办"], route_class=Route)


@router.get("/counts", response_model=InboxCounts, **allows(May.PROJECT_READ))
async def count_inbox(work: Reading) -> InboxCounts:
    """待办件数: 等我办的、临近时限的、超时的."""
    return await service.counts(work)


@router.get("", response_model=Page[InboxItem], **allows(May.PROJECT_READ, refuses=(BadRequest,)))
async def list_inbox(
    work: Reading,
    asked: Paging,
    state: State | None = None,
    overdue: Annotated[bool, Query(description="只看超时的")] = False,
) -> Page[InboxItem]:
    """待办, 等得最久的在前."""
    return await service.listed(work, asked, state, overdue=overdue)
