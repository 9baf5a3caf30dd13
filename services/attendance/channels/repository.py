"""Every query about channels that is not one record or one page. A pull is claimed, renewed and ended by `attempts`."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.channels.kinds import PullState
from services.attendance.channels.models import PullChannel
from shared.db import run

LEASE = timedelta(minutes=5)
"""How long a pull that says nothing is believed alive."""


async def system_claim(session: AsyncSession, at: datetime) -> PullChannel | None:
    """A channel that is due and that nobody is at, taken for this process."""
    query = select(PullChannel).where(
        col(PullChannel.enabled).is_(True),
        PullChannel.due_at <= at,
        sa.or_(col(PullChannel.leased_until).is_(None), col(PullChannel.leased_until) < at),
    )
    query = query.order_by(col(PullChannel.due_at)).limit(1).with_for_update(skip_locked=True)
    found = (await session.exec(query)).first()
    if found is not None:
        found.state, found.leased_until, found.attempts = PullState.RUNNING, at + LEASE, found.attempts + 1
        session.add(found)
        await session.flush()
    return found


async def system_note(
    session: AsyncSession,
    channel_id: UUID,
    attempt: int,
    at: datetime,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    """Write how a pull goes, while it is still this process's; whether it is."""
    table: sa.Table = PullChannel.__table__  # type: ignore[attr-defined]
    mine = (table.c.id == channel_id, table.c.attempts == attempt, table.c.leased_until.is_not(None))
    lease: dict[str, Any] = {"leased_until": at + LEASE, "updated_at": at}
    done = await run(session, sa.update(table).where(*mine).values(**(lease | values)))
    return bool(done.rowcount)
