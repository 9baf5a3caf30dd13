"""Every query over webhooks; `manage` is the permission a service asks for."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import May
from shared.db import event_log, execute_core, webhook
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


def subscriber_name(webhook_id: UUID) -> str:
    """The name under which the log knows a webhook."""
    return f"webhook:{webhook_id}"


def visible_to(spans: list[list[str]]) -> sa.ColumnElement[bool]:
    """True of log rows in the regions a webhook may hear of."""
    return sa.or_(sa.false(), *(event_log.c.region.between(low, high) for low, high in spans))


async def get_webhook(work: UnitOfWork, manage: May, webhook_id: UUID, *, lock: bool = False) -> sa.Row[Any]:
    """One webhook of the caller's regions; NotFound otherwise."""
    query = sa.select(webhook).where(
        webhook.c.id == webhook_id, work.actor.scope_filter(manage, webhook.c.region, webhook.c.created_by)
    )
    row = (await execute_core(work.session, query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound(f"没有这个推送订阅: {webhook_id}", f"No webhook {webhook_id}")
    return row


async def list_webhooks(work: UnitOfWork, manage: May, after: UUID | None, limit: int) -> list[sa.Row[Any]]:
    """Webhooks of the caller's regions in the order they were made."""
    query = sa.select(webhook).where(work.actor.scope_filter(manage, webhook.c.region, webhook.c.created_by))
    if after is not None:
        query = query.where(webhook.c.id > after)
    return list(await execute_core(work.session, query.order_by(webhook.c.id).limit(limit)))


async def insert_webhook(work: UnitOfWork, **values: Any) -> sa.Row[Any]:  # noqa: ANN401 - the table's columns
    """Write a new one."""
    return (await execute_core(work.session, webhook.insert().values(**values).returning(*webhook.c))).one()


async def update_webhook(work: UnitOfWork, row: sa.Row[Any], **values: Any) -> sa.Row[Any]:  # noqa: ANN401 - the table's columns
    """Change the locked row, as its next version."""
    statement = webhook.update().where(webhook.c.id == row.id)
    statement = statement.values(version=row.version + 1, updated_at=work.at, **values)
    return (await execute_core(work.session, statement.returning(*webhook.c))).one()


async def delete_webhook(work: UnitOfWork, row: sa.Row[Any]) -> None:
    """Forget a webhook."""
    await execute_core(work.session, webhook.delete().where(webhook.c.id == row.id))


async def system_find_webhook(session: AsyncSession, webhook_id: UUID) -> sa.Row[Any] | None:
    """A webhook by its id, wherever it is."""
    return (await execute_core(session, sa.select(webhook).where(webhook.c.id == webhook_id))).first()


async def system_list_active(session: AsyncSession) -> list[sa.Row[Any]]:
    """Every webhook that is to be served."""
    return list(
        await execute_core(session, sa.select(webhook).where(webhook.c.active).order_by(webhook.c.id))
    )


async def system_update_status(session: AsyncSession, webhook_id: UUID, **values: Any) -> None:  # noqa: ANN401 - columns
    """Keep how deliveries go; no new version, since nobody decided anything."""
    await execute_core(session, webhook.update().where(webhook.c.id == webhook_id).values(**values))


async def system_stop_webhook(
    session: AsyncSession, webhook_id: UUID, reason: str, at: datetime
) -> sa.Row[Any] | None:
    """Stop one that is still served; None when somebody was faster."""
    statement = webhook.update().where(webhook.c.id == webhook_id, webhook.c.active)
    statement = statement.values(
        active=False, stopped_reason=reason, version=webhook.c.version + 1, updated_at=at
    )
    return (await execute_core(session, statement.returning(*webhook.c))).first()
