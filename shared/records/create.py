"""A phone makes its own ids: the same id with the same content is the first success, with other content a conflict."""

import hashlib
import json
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import select

from shared.db import Record, new_id
from shared.errors import Conflict
from shared.unit_of_work import UnitOfWork

RecordT = TypeVar("RecordT", bound=Record)


def content_digest(body: BaseModel) -> str:
    """What makes two create requests the same content."""
    text = json.dumps(body.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def create_record(
    work: UnitOfWork,
    table: type[RecordT],
    body: BaseModel,
    *,
    region: str,
    id: UUID | None = None,  # noqa: A002 - the record's own word
    **columns: Any,  # noqa: ANN401 - the table's columns
) -> tuple[RecordT, bool]:
    """The new record and True, or the one made before by an equal request and False; Conflict otherwise.

    The record is added and flushed, not yet committed. Who made it is the actor; the digest is of `body`.
    """
    mark = content_digest(body)
    if id is not None:
        earlier = (await work.session.exec(select(table).where(table.id == id))).first()
        if earlier is not None:
            if earlier.created_digest == mark and earlier.created_by == work.actor.id:
                return earlier, False
            raise Conflict("这个编号已有内容不同的记录", "This id is taken by another content")
    record = table(
        id=id or new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        created_digest=mark,
        **columns,
    )
    work.session.add(record)
    await work.session.flush()
    return record, True
