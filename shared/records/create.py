"""Idempotent creation: clients generate the id; a repeat with the same content returns the first record."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select

from shared.db import Record, new_id
from shared.errors import Conflict
from shared.events import Event
from shared.records.save import insert_record
from shared.unit_of_work import UnitOfWork

RecordT = TypeVar("RecordT", bound=Record)


def content_digest(body: BaseModel) -> str:
    """SHA-256 of a request body; equal bodies have equal digests."""
    text = json.dumps(body.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def create_record(
    work: UnitOfWork,
    table: type[RecordT],
    body: BaseModel,
    *,
    region: str,
    id: UUID | None = None,  # noqa: A002 - the record's own word
    event: Callable[[RecordT], Event] | None = None,
    event_reason: str = "",
    event_time: datetime | None = None,
    **columns: Any,  # noqa: ANN401 - the table's columns
) -> tuple[RecordT, bool]:
    """Insert a record and return (record, True); return (existing record, False) for a repeated request.

    Raises Conflict when the id exists with another content or creator. The record is flushed, not committed;
    `created_by` is the actor, `created_digest` the digest of `body`.
    `event` builds the event of a new record; a caller whose event needs rows added later calls `log_event`.
    """
    digest = content_digest(body)
    if id is not None:
        earlier = (await work.session.exec(select(table).where(table.id == id))).first()
        if earlier is not None:
            if earlier.created_digest == digest and earlier.created_by == work.actor.id:
                return earlier, False
            raise Conflict("这个编号已有内容不同的记录", "This id is taken by another content")
    record = table(
        id=id or new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        created_digest=digest,
        **columns,
    )
    if event is None:
        work.session.add(record)
        await work.session.flush()
    else:
        await insert_record(work, record, event(record), reason=event_reason, happened_at=event_time)
    return record, True
