"""The one address a whole nation calls at eight, on the short way (shared/express.py)."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from services.attendance.check_ins import service
from services.attendance.check_ins.schemas import (
    BATCH_BYTES,
    LARGEST_BATCH,
    CheckInAnswer,
    CheckInBatch,
    CheckInPost,
)
from shared.access import Actor
from shared.express import Express
from shared.permissions import May
from shared.work import Context


class _Sound(BaseModel):
    """A batch whose items are all well-formed."""

    items: list[CheckInPost] = Field(min_length=1, max_length=LARGEST_BATCH)


ONE = TypeAdapter(CheckInPost)
SOUND = TypeAdapter(_Sound)
MANY = TypeAdapter(CheckInBatch)


async def _short(context: Context, actor: Actor, body: bytes) -> bytes | None:
    items = _items(body)
    if items is None:
        return None
    answer = CheckInAnswer.model_construct(items=await service.take(context, actor, items))
    return CheckInAnswer.__pydantic_serializer__.to_json(answer)


def _items(body: bytes) -> Sequence[CheckInPost | dict[str, Any]] | None:
    """One check-in or a batch; None for anything else, whose answer the ordinary way knows."""
    if b'"items"' not in body[:20]:
        return _read(ONE, body, lambda one: [one])
    # Where some are not sound, each is looked at by itself.
    return _read(SOUND, body, _items_of) or _read(MANY, body, _items_of)


def _read(kind: TypeAdapter[Any], body: bytes, items: Callable[[Any], list[Any]]) -> list[Any] | None:
    try:
        return items(kind.validate_json(body))
    except ValidationError:
        return None


def _items_of(batch: CheckInBatch | _Sound) -> list[Any]:
    return list(batch.items)


CHECK_IN = Express("/api/v1/attendance/check-ins", May.CHECK_IN, BATCH_BYTES, _short)
