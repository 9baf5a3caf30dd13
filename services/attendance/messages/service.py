"""Personal messages about decisions, written in the transaction of the decision."""

from datetime import date
from uuid import UUID

from services.attendance.messages import repository
from services.attendance.messages.models import Message
from services.attendance.messages.schemas import MessageKind, SeenCount
from shared.clients.attendance import MessagesRead
from shared.db import Record, new_id
from shared.errors import NotFound
from shared.records import log_event
from shared.unit_of_work import UnitOfWork

MAX_TEXT_LENGTH = 500


async def send_message(work: UnitOfWork, person: str, kind: MessageKind, record: Record, text: str) -> None:
    """Inserts a message about a record; does nothing if the person is the caller."""
    if not person or person == work.actor.id:
        return
    work.session.add(
        Message(
            id=new_id(),
            region=record.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            person=person,
            kind=kind,
            words=text[:MAX_TEXT_LENGTH],
            about_id=record.id,
        )
    )


def format_days(first: date, last: date) -> str:
    """Formats days in Chinese: 5月21日, 5月21日至23日."""
    start = f"{first.month}月{first.day}日"
    if first == last:
        return start
    return (
        f"{start}至{last.day}日"
        if (first.year, first.month) == (last.year, last.month)
        else f"{start}至{last.month}月{last.day}日"
    )


def format_reason(reason: str) -> str:
    """Returns ": reason" to end a sentence, or an empty string."""
    return f": {reason.strip()}" if reason.strip() else ""


async def mark_messages_read(work: UnitOfWork, until: UUID) -> SeenCount:
    """Marks messages up to this one as read. Raises NotFound unless it is the caller's."""
    last = await repository.find_own_message(work, until)
    if last is None:
        raise NotFound("没有这条消息", "No such message")
    count = await repository.update_read_until(work, last)
    if count:
        await log_event(work, last, MessagesRead(person=work.actor.id, count=count))
    return SeenCount(seen=count)
