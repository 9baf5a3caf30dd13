"""Routes `/attendance/messages`: the caller's own messages."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlmodel import col

from services.attendance.messages import repository, service
from services.attendance.messages.models import Message
from services.attendance.messages.schemas import MessageKind, MessageRead, MessagesSeen, SeenCount
from shared.auth import May
from shared.errors import Invalid, NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind, Todo

router = APIRouter(prefix="/attendance/messages", tags=["消息"], route_class=Route)


@router.get("", response_model=Page[MessageRead], **requires(May.CHECK_IN))
async def list_messages(
    work: ReadWork,
    page_params: Pagination,
    unread: Annotated[bool | None, Query(description="空为全部")] = None,
    kind: MessageKind | None = None,
) -> PageAnswer:
    """本人的消息: 审批、复核、抽查、值班、月表中与本人有关的决定."""
    return await repository.list_own_messages(work, page_params, unread=unread, kind=kind)


@router.post("/seen", response_model=SeenCount, **requires(May.CHECK_IN, refuses=(NotFound, Invalid)))
async def see_messages(work: WriteWork, body: MessagesSeen) -> SeenCount:
    """记为已读, up to one of them."""
    return await service.mark_messages_read(work, body.until)


MESSAGE_KIND = RecordKind(
    name="message",
    label="消息",
    path="/attendance/messages",
    model=Message,
    read=MessageRead,
    may=May.CHECK_IN,
    owner="person",
    title="words",
    references={"until": "message"},
    acts=(Act("知道了", "/attendance/messages/seen"),),
    columns=("created_at", "kind", "words", "unread"),
    filters=("unread", "kind"),
    search=("words",),
    todo=(Todo("unread.true", "未读消息", (May.CHECK_IN,), lambda _work: col(Message.unread).is_(True)),),
    phone=True,
)
