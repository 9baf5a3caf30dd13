"""Statements over items."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, delete, select, update

from services.sync.items.calculation import SETTLED
from services.sync.items.models import SyncItem
from services.sync.items.schemas import HoldReason, ItemVerdict, SyncItemRead
from shared.auth import May
from shared.db import bulk_insert, execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ITEM_TABLE = cast("sa.Table", SyncItem.__table__)  # type: ignore[attr-defined]
SORT_COLUMNS = {"created_at": col(SyncItem.created_at)}
MAX_ACCOUNTS_PER_ROUND = 20


async def system_put_items(work: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert items, or replace those that are not settled: what was done stays as it was told first."""
    await bulk_insert(work.session, ITEM_TABLE, rows, _keep_settled)


def _keep_settled(insert: Any) -> Any:  # noqa: ANN401 - the insert of either dialect
    key = {"account", "id"}
    return insert.on_conflict_do_update(
        index_elements=[ITEM_TABLE.c.account, ITEM_TABLE.c.id],
        set_={name: insert.excluded[name] for name in ITEM_TABLE.c.keys() if name not in key},  # noqa: SIM118 - a collection of columns
        where=sa.and_(*(ITEM_TABLE.c.verdict != one for one in sorted(SETTLED))),
    )


async def system_list_items(work: UnitOfWork, account: str, ids: Collection[UUID]) -> dict[UUID, SyncItem]:
    """The stored items of an account among these ids."""
    query = select(SyncItem).where(SyncItem.account == account, col(SyncItem.id).in_(ids))
    return {item.id: item for item in await work.session.exec(query)}


async def system_list_settled(work: UnitOfWork, account: str, ids: Collection[UUID]) -> Sequence[UUID]:
    """Those of the ids that were done, sent by this account or recorded by it and sent by a colleague's phone."""
    query = select(SyncItem.id).where(
        col(SyncItem.id).in_(ids),
        sa.or_(col(SyncItem.account) == account, col(SyncItem.recorded_by) == account),
        col(SyncItem.verdict).in_(sorted(SETTLED)),
    )
    return (await work.session.exec(query)).all()


async def system_list_waiting(work: UnitOfWork, account: str, limit: int) -> Sequence[SyncItem]:
    """Items of an account that wait for another item or a file, the oldest first."""
    query = select(SyncItem).where(
        SyncItem.account == account,
        SyncItem.verdict == ItemVerdict.HELD,
        col(SyncItem.reason).in_([HoldReason.AFTER, HoldReason.FILE]),
        SyncItem.held_until > work.at,
    )
    return (await work.session.exec(query.order_by(col(SyncItem.created_at)).limit(limit))).all()


async def system_list_due_accounts(work: UnitOfWork) -> list[str]:
    """Accounts with held items that are due to be tried again."""
    query = select(SyncItem.account).where(
        SyncItem.verdict == ItemVerdict.HELD, col(SyncItem.due_at) <= work.at, SyncItem.held_until > work.at
    )
    return list(await work.session.exec(query.distinct().limit(MAX_ACCOUNTS_PER_ROUND)))


async def system_claim_due(work: UnitOfWork, account: str, until: datetime, limit: int) -> Sequence[SyncItem]:
    """Due items of an account, taken until a time: another process does not take them meanwhile."""
    query = select(SyncItem).where(
        SyncItem.account == account,
        SyncItem.verdict == ItemVerdict.HELD,
        col(SyncItem.due_at) <= work.at,
        SyncItem.held_until > work.at,
    )
    query = query.order_by(col(SyncItem.created_at), col(SyncItem.id)).limit(limit)
    found = (await work.session.exec(query.with_for_update(skip_locked=True))).all()
    for item in found:
        item.due_at = until
        work.session.add(item)
    return found


async def system_give_up_overdue(work: UnitOfWork, words: str) -> None:
    """End the wait of items that were held too long."""
    statement = update(SyncItem).where(
        col(SyncItem.verdict) == ItemVerdict.HELD, col(SyncItem.held_until) <= work.at
    )
    ended = statement.values(
        verdict=ItemVerdict.REFUSED, reason=HoldReason.EXPIRED, words=words, due_at=None, settled_at=work.at
    )
    await execute_core(work.session, ended)


async def system_delete_old(work: UnitOfWork, before: datetime) -> None:
    """Forget items received before a time."""
    await execute_core(work.session, delete(SyncItem).where(col(SyncItem.created_at) < before))


async def list_items(work: UnitOfWork, params: PageParams, verdict: ItemVerdict | None) -> PageAnswer:
    """The caller's items."""
    query = select(SyncItem).where(
        work.actor.scope_filter(May.SYNC_READ, col(SyncItem.region), col(SyncItem.account))
    )
    if verdict is not None:
        query = query.where(SyncItem.verdict == verdict)
    return await answer_page(
        work.session,
        query,
        params,
        read=SyncItemRead,
        orders=SORT_COLUMNS,
        key=col(SyncItem.id),
        default="-created_at",
    )


async def get_item(work: UnitOfWork, item_id: UUID) -> SyncItem:
    """One of the caller's items, locked; NotFound for another's."""
    query = select(SyncItem).where(SyncItem.account == work.actor.id, SyncItem.id == item_id)
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这条同步记录", "No such item")
    return found


def is_given_up(_work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Whether an item was given up and its sender has not taken note."""
    return sa.and_(
        ITEM_TABLE.c.verdict == ItemVerdict.REFUSED,
        ITEM_TABLE.c.reason == HoldReason.EXPIRED,
        ITEM_TABLE.c.seen_at.is_(None),
    )


def waits_for_person(_work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Whether an item waits for something that a person must see to: a grant, a signature, an account."""
    return sa.and_(
        ITEM_TABLE.c.verdict == ItemVerdict.HELD,
        ITEM_TABLE.c.reason.in_([HoldReason.GRANT, HoldReason.SIGNATURE, HoldReason.ACCOUNT]),
    )
