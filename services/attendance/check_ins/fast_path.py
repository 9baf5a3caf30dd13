"""The one address a whole nation calls at eight, on the short way (shared/http/fast_path.py)."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from services.attendance.check_ins import group_commit
from services.attendance.check_ins.schemas import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ITEMS,
    CheckInAnswer,
    CheckInBatch,
    CheckInPost,
)
from shared.auth import Actor, May
from shared.http import FastPath
from shared.unit_of_work import ServiceContext


class _ValidBatch(BaseModel):
    """A batch whose items are all well-formed."""

    items: list[CheckInPost] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)


CHECK_IN_ADAPTER = TypeAdapter(CheckInPost)
VALID_BATCH_ADAPTER = TypeAdapter(_ValidBatch)
BATCH_ADAPTER = TypeAdapter(CheckInBatch)


async def _handle_check_ins(context: ServiceContext, actor: Actor, body: bytes) -> bytes | None:
    items = _parse_items(body)
    if items is None:
        return None
    answer = CheckInAnswer.model_construct(items=await group_commit.ingest_check_ins(context, actor, items))
    return CheckInAnswer.__pydantic_serializer__.to_json(answer)


def _parse_items(body: bytes) -> Sequence[CheckInPost | dict[str, Any]] | None:
    """One check-in or a batch; None for anything else, whose answer the ordinary way knows."""
    if b'"items"' not in body[:20]:
        return _parse_body(CHECK_IN_ADAPTER, body, lambda one: [one])
    # Where some are not sound, each is looked at by itself.
    return _parse_body(VALID_BATCH_ADAPTER, body, _list_items) or _parse_body(
        BATCH_ADAPTER, body, _list_items
    )


def _parse_body(kind: TypeAdapter[Any], body: bytes, items: Callable[[Any], list[Any]]) -> list[Any] | None:
    try:
        return items(kind.validate_json(body))
    except ValidationError:
        return None


def _list_items(batch: CheckInBatch | _ValidBatch) -> list[Any]:
    return list(batch.items)


CHECK_IN_FAST_PATH = FastPath(
    "/api/v1/attendance/check-ins", May.CHECK_IN, MAX_BATCH_BYTES, _handle_check_ins
)
