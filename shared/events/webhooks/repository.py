"""All queries over webhooks; `manage` is the service's permission to manage them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import May
from shared.db import event_log, execute_core, webhook
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

EVENT_FORM = "cloudevent"
"""Form of an ordinary subscription; the others are reminders."""


def subscriber_name(webhook_id: UUID) -> str:
    """The subscriber name of a webhook in the cursor table."""
    return f"webhook:{webhook_id}"


def visible_to(spans: list[list[str]]) -> sa.ColumnElement[bool]:
    """SQL condition: the event's region is in the webhook's spans."""
    return sa.or_(sa.false(), *(event_log.c.region.between(low, high) for low, high in spans))


async def get_webhook(work: UnitOfWork, manage: May, webhook_id: UUID, *, lock: bool = False) -> sa.Row[Any]:
    """One webhook in the caller's regions; NotFound otherwise."""
    query = sa.select(webhook).where(
        webhook.c.id == webhook_id,
        webhook.c.form == EVENT_FORM,
        work.actor.scope_filter(manage, webhook.c.region, webhook.c.created_by),
    )
    row = (await execute_core(work.session, query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound(f"没有这个推送订阅: {webhook_id}", f"No webhook {webhook_id}")
    return row


async def list_webhooks(work: UnitOfWork, manage: May, after: UUID | None, limit: int) -> list[sa.Row[Any]]:
    """Webhooks in the caller's regions in order of creation."""
    query = sa.select(webhook).where(
        webhook.c.form == EVENT_FORM,
        work.actor.scope_filter(manage, webhook.c.region, webhook.c.created_by),
    )
    if after is not None:
        query = query.where(webhook.c.id > after)
    return list(await execute_core(work.session, query.order_by(webhook.c.id).limit(limit)))


def _is_reminder() -> sa.ColumnElement[bool]:
    return webhook.c.form != EVENT_FORM


async def list_reminders(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Where reminders of the caller's regions go, in order of creation."""
    scope = work.actor.scope_filter(May.REMINDER_MANAGE, webhook.c.region)
    query = sa.select(webhook).where(_is_reminder(), scope).order_by(webhook.c.id).limit(200)
    return list(await execute_core(work.session, query))


async def lock_reminder(work: UnitOfWork, reminder_id: UUID) -> sa.Row[Any]:
    """One of them, locked; NotFound otherwise."""
    scope = work.actor.scope_filter(May.REMINDER_MANAGE, webhook.c.region)
    query = sa.select(webhook).where(webhook.c.id == reminder_id, _is_reminder(), scope).with_for_update()
    row = (await execute_core(work.session, query)).first()
    if row is None:
        raise NotFound(f"没有这个到期提醒: {reminder_id}", f"No reminder {reminder_id}")
    return row


async def insert_webhook(work: UnitOfWork, **values: Any) -> sa.Row[Any]:  # noqa: ANN401 - the table's columns
    """Insert a webhook and return its row."""
    return (await execute_core(work.session, webhook.insert().values(**values).returning(*webhook.c))).one()


async def update_webhook(work: UnitOfWork, row: sa.Row[Any], **values: Any) -> sa.Row[Any]:  # noqa: ANN401 - the table's columns
    """Update a locked row, increment its version and return the new row."""
    statement = webhook.update().where(webhook.c.id == row.id)
    statement = statement.values(version=row.version + 1, updated_at=work.at, **values)
    return (await execute_core(work.session, statement.returning(*webhook.c))).one()


async def delete_webhook(work: UnitOfWork, row: sa.Row[Any]) -> None:
    """Delete a webhook."""
    await execute_core(work.session, webhook.delete().where(webhook.c.id == row.id))


async def system_find_webhook(session: AsyncSession, webhook_id: UUID) -> sa.Row[Any] | None:
    """A webhook by id, in any region."""
    return (await execute_core(session, sa.select(webhook).where(webhook.c.id == webhook_id))).first()


async def system_list_active(session: AsyncSession) -> list[sa.Row[Any]]:
    """All active webhooks."""
    return list(
        await execute_core(session, sa.select(webhook).where(webhook.c.active).order_by(webhook.c.id))
    )


async def system_update_status(session: AsyncSession, webhook_id: UUID, **values: Any) -> None:  # noqa: ANN401 - columns
    """Update the delivery status; the version stays, because no person changed the webhook."""
    await execute_core(session, webhook.update().where(webhook.c.id == webhook_id).values(**values))


async def system_stop_webhook(
    session: AsyncSession, webhook_id: UUID, reason: str, at: datetime
) -> sa.Row[Any] | None:
    """Stop an active webhook and return its row; None when it is stopped already."""
    statement = webhook.update().where(webhook.c.id == webhook_id, webhook.c.active)
    statement = statement.values(
        active=False, stopped_reason=reason, version=webhook.c.version + 1, updated_at=at
    )
    return (await execute_core(session, statement.returning(*webhook.c))).first()
