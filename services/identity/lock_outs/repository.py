"""Every query over sign-in counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select, update

from services.identity.lock_outs.models import SignInCount
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


def _table() -> sa.Table:
    return cast("sa.Table", SignInCount.__table__)  # type: ignore[attr-defined]


async def system_find_count(work: UnitOfWork, name_hash: str, source: str) -> SignInCount | None:
    """The count of a name from a source."""
    query = select(SignInCount).where(SignInCount.name_hash == name_hash, SignInCount.source == source)
    return (await work.session.exec(query)).first()


async def system_count_locked_sources(work: UnitOfWork, name_hash: str) -> int:
    """How many sources are locked out of a name at this moment."""
    query = (
        sa.select(sa.func.count())
        .select_from(SignInCount)
        .where(col(SignInCount.name_hash) == name_hash, col(SignInCount.locked_until) > work.at)
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def system_list_locks(work: UnitOfWork, hashes: Sequence[str]) -> dict[str, datetime]:
    """The latest end of a lock for each of these names that is locked from some source."""
    columns: Any = _table().c
    latest: Any = sa.func.max(columns.locked_until)
    query = (
        sa.select(columns.name_hash, latest)
        .where(columns.name_hash.in_(hashes), columns.locked_until > work.at)
        .group_by(columns.name_hash)
    )
    rows: Any = await execute_core(work.session, query)
    return {row[0]: row[1] for row in rows}


async def system_add_failure(work: UnitOfWork, name_hash: str, source: str) -> int:
    """Count a failure and return how many there are; concurrent failures are serialised by the row."""
    table = _table()
    insert: Any = postgresql.insert if work.context.database.dialect == "postgresql" else sqlite.insert
    new_row = insert(table).values(name_hash=name_hash, source=source, failures=1, updated_at=work.at)
    lock_ended = table.c.locked_until <= work.at
    statement = new_row.on_conflict_do_update(
        index_elements=[table.c.name_hash, table.c.source],
        set_={
            "failures": sa.case((lock_ended, 1), else_=table.c.failures + 1),
            "locked_until": sa.case((lock_ended, sa.null()), else_=table.c.locked_until),
            "updated_at": work.at,
        },
    ).returning(table.c.failures)
    return int((await execute_core(work.session, statement)).scalar_one())


async def system_set_lock(work: UnitOfWork, name_hash: str, source: str, until: datetime) -> None:
    """Lock a source out of a name."""
    row = col(SignInCount.name_hash) == name_hash, col(SignInCount.source) == source
    await execute_core(work.session, update(SignInCount).where(*row).values(locked_until=until))


async def system_clear_failures(work: UnitOfWork, name_hash: str) -> None:
    """Forget the failures of a name from every source."""
    row = col(SignInCount.name_hash) == name_hash
    await execute_core(work.session, update(SignInCount).where(row).values(failures=0, locked_until=None))


async def system_purge_counts(work: UnitOfWork, before: datetime) -> None:
    """Delete counts that nobody changed for long."""
    await execute_core(work.session, delete(SignInCount).where(col(SignInCount.updated_at) < before))


async def system_delete_counts(work: UnitOfWork, name_hash: str) -> None:
    """Delete what is counted of a name, with the addresses it came from."""
    await execute_core(work.session, delete(SignInCount).where(col(SignInCount.name_hash) == name_hash))
