"""Statements over pulls."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select

from services.sync.watermelon.models import SyncPull
from shared.db import execute_core
from shared.errors import Conflict
from shared.unit_of_work import UnitOfWork

MAX_TRIES = 5


async def find_pull(work: UnitOfWork, number: int) -> SyncPull | None:
    """One of the caller's pulls."""
    query = select(SyncPull).where(SyncPull.account == work.actor.id, SyncPull.number == number)
    return (await work.session.exec(query)).first()


async def system_is_known(work: UnitOfWork, number: int) -> bool:
    """Whether the number is of anybody's pull."""
    query = select(SyncPull.number).where(SyncPull.number == number).limit(1)
    return (await work.session.exec(query)).first() is not None


async def create_pull(work: UnitOfWork, cursor: str) -> int:
    """Keep a cursor of the caller under a new number, later than all of theirs."""
    insert: Any = postgresql.insert if work.context.database.dialect == "postgresql" else sqlite.insert
    last = select(sa.func.max(SyncPull.number)).where(SyncPull.account == work.actor.id)
    for _ in range(MAX_TRIES):
        number = max(round(work.at.timestamp() * 1000), ((await work.session.exec(last)).one() or 0) + 1)
        row = {
            "account": work.actor.id,
            "number": number,
            "cursor": cursor,
            "anew": [],
            "created_at": work.at,
        }
        statement = insert(SyncPull).values(row).on_conflict_do_nothing().returning(col(SyncPull.number))
        if (await execute_core(work.session, statement)).first() is not None:
            return number
    raise Conflict("同一账号正在另一台手机上同步, 请稍后再试", "Numbers of pulls are taken at the same time")


async def note_anew(work: UnitOfWork, number: int, tables: Collection[str]) -> None:
    """Have tables sent whole by the caller's next pull after this one."""
    found = await find_pull(work, number)
    if found is not None:
        found.anew = sorted({*found.anew, *tables})
        work.session.add(found)


async def system_delete_old(work: UnitOfWork, before: datetime) -> None:
    """Forget pulls made before a time."""
    await execute_core(work.session, delete(SyncPull).where(col(SyncPull.created_at) < before))
