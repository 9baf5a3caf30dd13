"""The one serializer of events: what the log, the feed, webhooks and subscribers read, the same on both databases.

Money is a string in 元 ("500000.00"), an instant is in UTC with its offset, a date is ISO 8601, a UUID is a string.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_jsonable_python
from sqlmodel import SQLModel

from shared.china import format_yuan
from shared.db import Fen
from shared.events.event import Event


def serialize_event(event: Event) -> dict[str, Any]:
    """The `after` of a log row. Amounts are annotated Money and instants Instant (tests/shared/test_event_json.py)."""
    return event.model_dump(mode="json")


def serialize_columns(table: type[SQLModel] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by column name as the log holds them: a column of type Fen is money. Names of no column keep their value's form."""
    columns = sa.inspect(table).columns if table is not None else {}
    return {
        name: format_yuan(value)
        if isinstance(value, int) and name in columns and isinstance(columns[name].type, Fen)
        else serialize_value(value)
        for name, value in values.items()
    }


def serialize_value(value: object) -> Any:  # noqa: ANN401 - any JSON
    """A value that is no money as JSON holds it."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"an instant without zone: {value}")
        value = value.astimezone(UTC)
    elif isinstance(value, Mapping):
        return {str(key): serialize_value(one) for key, one in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        return [serialize_value(one) for one in value]
    return to_jsonable_python(value)
