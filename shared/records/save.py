"""The one way to save: a record and the event that tells of it are written together.

Nothing else raises a version or writes to the event log (tests/architecture/lint_rules.py names the bulk writers).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from shared.auth import NATION_CODE
from shared.events import Event, EventRecord, publish, publish_many
from shared.unit_of_work import UnitOfWork


class Versioned(Protocol):
    """What saving needs of a record: every `Record`, and an account, whose id is a name."""

    id: Any
    region: str
    version: int
    updated_at: datetime


async def insert_record(
    work: UnitOfWork,
    record: Versioned,
    event: Event,
    *,
    reason: str = "",
    happened_at: datetime | None = None,
) -> None:
    """Add a new record that the caller built, and write its event."""
    work.session.add(record)
    await work.session.flush()
    await log_event(work, record, event, reason=reason, happened_at=happened_at)


async def save_record(
    work: UnitOfWork,
    record: Versioned,
    event: Event,
    *,
    before: dict[str, Any] | None = None,
    reason: str = "",
    happened_at: datetime | None = None,
) -> None:
    """Save a changed record: raise its version, set `updated_at`, write the event.

    `before` has the old values of changed columns as the record held them.
    """
    touch_record(work, record)
    await log_event(work, record, event, before=before, reason=reason, happened_at=happened_at)


def touch_record(work: UnitOfWork, record: Versioned) -> None:
    """Raise the version of a record whose change another event tells: that of its parent, or one written later."""
    record.version += 1
    record.updated_at = work.at
    work.session.add(record)


async def log_event(
    work: UnitOfWork,
    record: Versioned,
    event: Event,
    *,
    before: dict[str, Any] | None = None,
    reason: str = "",
    happened_at: datetime | None = None,
) -> None:
    """Write an event about a record whose version stays: a secret was read, or the record was saved before."""
    table: type[Any] = type(record)
    await publish(
        work.session,
        event,
        actor=work.actor,
        subject=str(record.id),
        version=record.version,
        region=record.region or NATION_CODE,
        at=work.at,
        recorded_at=happened_at or work.recorded_at,
        table=table,
        before=before,
        reason=reason,
    )


async def log_events(work: UnitOfWork, events: Sequence[EventRecord]) -> None:
    """Write the events of a bulk writer, which inserts many rows in one statement, in one statement and in their order."""
    await publish_many(work.session, events, actor=work.actor, at=work.at)
