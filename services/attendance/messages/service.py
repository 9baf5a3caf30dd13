"""Telling somebody what was decided about them, in the transaction that decides it."""

from datetime import date
from uuid import UUID

from services.attendance.messages import repository
from services.attendance.messages.models import Message
from services.attendance.messages.schemas import MessageKind, SeenCount
from shared.clients.attendance import MessagesRead
from shared.db import Record, new_id
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

MAX_WORDS_LENGTH = 500


async def send_message(work: UnitOfWork, person: str, kind: MessageKind, about: Record, words: str) -> None:
    """Leave a message for a person about a record; nobody is told of what they did themselves."""
    if not person or person == work.actor.id:
        return
    work.session.add(
        Message(
            id=new_id(),
            region=about.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            person=person,
            kind=kind,
            words=words[:MAX_WORDS_LENGTH],
            about_id=about.id,
        )
    )


def format_days(first: date, last: date) -> str:
    """5月21日, or 5月21日至23日."""
    start = f"{first.month}月{first.day}日"
    if first == last:
        return start
    return (
        f"{start}至{last.day}日"
        if (first.year, first.month) == (last.year, last.month)
        else f"{start}至{last.month}月{last.day}日"
    )


def format_reason(reason: str) -> str:
    """The reason as the end of a sentence."""
    return f": {reason.strip()}" if reason.strip() else ""


async def mark_messages_read(work: UnitOfWork, until: UUID) -> SeenCount:
    """Messages up to this one are read; NotFound for a message of somebody else."""
    last = await repository.find_own_message(work, until)
    if last is None:
        raise NotFound("没有这条消息", "No such message")
    count = await repository.update_read_until(work, last)
    if count:
        await work.publish(MessagesRead(person=work.actor.id, count=count), last)
    return SeenCount(seen=count)
