"""One statement that counts, one that forgets."""

from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.identity.rate_windows.models import RateWindow
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def system_count(work: UnitOfWork, key: str, period: timedelta) -> tuple[int, datetime]:
    """Count once more; the count in the window, and when the window ends. Concurrent counts are serialised by the row."""
    insert: Any = postgresql.insert if work.context.database.dialect == "postgresql" else sqlite.insert
    table = cast("sa.Table", RateWindow.__table__)  # type: ignore[attr-defined]
    fresh = insert(table).values(key=key, count=1, ends_at=work.at + period)
    over = table.c.ends_at <= work.at
    statement = fresh.on_conflict_do_update(
        index_elements=[table.c.key],
        set_={
            "count": sa.case((over, 1), else_=table.c.count + 1),
            "ends_at": sa.case((over, fresh.excluded.ends_at), else_=table.c.ends_at),
        },
    ).returning(table.c.count, table.c.ends_at)
    row: Any = (await execute_core(work.session, statement)).one()
    return int(row[0]), row[1]


async def system_purge(work: UnitOfWork) -> None:
    """Forget windows that are over."""
    await execute_core(work.session, sa.delete(RateWindow).where(col(RateWindow.ends_at) <= work.at))
