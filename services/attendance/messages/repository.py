"""Queries on messages, limited to the caller's own."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.messages.models import Message
from services.attendance.messages.schemas import MessageKind, MessageRead
from shared.db import execute_core
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork


async def list_own_messages(
    work: UnitOfWork, page_params: PageParams, *, unread: bool | None, kind: MessageKind | None
) -> PageAnswer:
    """Returns a page of the caller's messages, newest first."""
    query = select(Message).where(Message.person == work.actor.id)
    if unread is not None:
        query = query.where(col(Message.unread).is_(unread))
    if kind is not None:
        query = query.where(Message.kind == kind)
    orders = {"created_at": col(Message.created_at)}
    return await answer_page(
        work.session,
        query,
        page_params,
        orders=orders,
        key=col(Message.id),
        default="-created_at",
        read=MessageRead,
    )


async def find_own_message(work: UnitOfWork, message_id: Any) -> Message | None:  # noqa: ANN401 - an id
    """Returns one message of the caller, or None."""
    query = select(Message).where(Message.id == message_id, Message.person == work.actor.id)
    return (await work.session.exec(query)).first()


async def update_read_until(work: UnitOfWork, until: Message) -> int:
    """Marks the caller's messages up to this one as read; returns how many were unread."""
    table: Any = Message.__table__  # type: ignore[attr-defined]
    where = (
        table.c.person == work.actor.id,
        table.c.unread.is_(True),
        sa.or_(
            table.c.created_at < until.created_at,
            sa.and_(table.c.created_at == until.created_at, table.c.id <= until.id),
        ),
    )
    change = sa.update(table).where(*where)
    result = await execute_core(
        work.session,
        change.values(unread=False, read_at=work.at, updated_at=work.at, version=table.c.version + 1),
    )
    return int(result.rowcount)
