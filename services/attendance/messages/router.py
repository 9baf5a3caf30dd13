"""`/attendance/messages`: a person's own."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.attendance.messages import repository, service
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.models import Message
from services.attendance.messages.schemas import MessageRead, MessagesSeen, SeenCount
from shared.errors import Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/messages", tags=["消息"], route_class=Route)


@router.get("", response_model=Page[MessageRead], **allows(May.CHECK_IN))
async def list_messages(
    work: Reading,
    asked: Paging,
    unread: Annotated[bool | None, Query(description="空为全部")] = None,
    kind: MessageKind | None = None,
) -> Page[Message]:
    """本人的消息: 审批、复核、抽查、值班、月表中与本人有关的决定."""
    return await repository.listed(work, asked, unread=unread, kind=kind)


@router.post("/seen", response_model=SeenCount, **allows(May.CHECK_IN, refuses=(NotFound, Invalid)))
async def see_messages(work: Writing, body: MessagesSeen) -> SeenCount:
    """记为已读, up to one of them."""
    return await service.seen(work, body.until)
