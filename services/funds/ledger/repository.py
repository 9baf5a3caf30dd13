"""Statements of the ledger, and its integrity checks. Balances change only in SQL, under row locks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.funds.ledger.accounts import Account, AccountKind, Posting
from services.funds.ledger.models import LedgerAccount, LedgerEntry, LedgerPosting, YearClosing
from shared.auth import May
from shared.db import execute_core
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
ENTRY: sa.Table = LedgerEntry.__table__  # type: ignore[attr-defined]
CLOSING: sa.Table = YearClosing.__table__  # type: ignore[attr-defined]
POSTING: sa.Table = LedgerPosting.__table__  # type: ignore[attr-defined]


def _is_postgres(work: UnitOfWork) -> bool:
    return work.session.get_bind().dialect.name == "postgresql"


def _insert_if_absent(table: sa.Table, *, postgres: bool) -> Any:  # noqa: ANN401 - one of two dialects' Insert
    return (postgresql.insert if postgres else sqlite.insert)(table).on_conflict_do_nothing()


# Statements of a posting are put together once: that costs more than running them.
@lru_cache
def _build_entry_insert(*, postgres: bool) -> Any:  # noqa: ANN401 - an Insert
    # RETURNING, since a driver may not count the rows of an INSERT.
    return _insert_if_absent(ENTRY, postgres=postgres).returning(ENTRY.c.id)


@lru_cache
def _build_postings_insert(lines: int) -> sa.Insert:
    names = POSTING.c.keys()
    return POSTING.insert().values(
        [
            {name: sa.bindparam(f"{name}{line}", type_=POSTING.c[name].type) for name in names}
            for line in range(lines)
        ]
    )


@lru_cache
def _build_balance_update(accounts: int) -> Any:  # noqa: ANN401 - an Update with RETURNING
    ids = [sa.bindparam(f"id{n}", type_=ACCOUNT.c.id.type) for n in range(accounts)]
    changes = [sa.bindparam(f"change{n}", type_=sa.BigInteger) for n in range(accounts)]
    locked = _select_locked_accounts(ids).subquery()
    pairs = [
        (ACCOUNT.c.id == one, sa.cast(change, sa.BigInteger))
        for one, change in zip(ids, changes, strict=True)
    ]
    change = sa.case(*pairs)
    # The rows are named twice, or the planner may read the whole table to find what is locked.
    return (
        sa.update(ACCOUNT)
        .where(
            ACCOUNT.c.id == locked.c.id,
            ACCOUNT.c.id.in_(ids),
            ACCOUNT.c.balance + change >= 0,
            ACCOUNT.c.closed_year < sa.bindparam("booked"),
        )
        .values(balance=ACCOUNT.c.balance + change)
        .returning(ACCOUNT.c.id)
    )


async def insert_entry(work: UnitOfWork, values: Mapping[str, Any]) -> bool:
    """Write the entry unless its key is there already; whether it was written."""
    statement = _build_entry_insert(postgres=_is_postgres(work))
    return (await execute_core(work.session, statement, values)).first() is not None


async def find_entry_by_key(work: UnitOfWork, key: str) -> LedgerEntry | None:
    """The entry an idempotent posting made."""
    return (await work.session.exec(select(LedgerEntry).where(LedgerEntry.key == key))).first()


def _select_locked_accounts(ids: Iterable[Any]) -> sa.Select[Any]:
    """Account rows, locked in the order of their ids so that two writers never wait on each other."""
    return (
        sa.select(ACCOUNT.c.id, ACCOUNT.c.balance, ACCOUNT.c.closed_year)
        .where(ACCOUNT.c.id.in_(ids))
        .order_by(ACCOUNT.c.id)
        .with_for_update(key_share=True)
    )


async def lock_account(work: UnitOfWork, account: Account) -> int:
    """What an account holds; nobody else can change it until the transaction ends."""
    found = await lock_account_states(work, [account.id])
    if not found:
        await insert_accounts(work, [account])
        found = await lock_account_states(work, [account.id])
    return found[account.id][0]


async def lock_account_states(work: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """Account id → (balance, closed year) of those there are, locked."""
    rows = await execute_core(work.session, _select_locked_accounts(ids))
    return {row.id: (int(row.balance), int(row.closed_year)) for row in rows}


async def insert_accounts(work: UnitOfWork, accounts: Iterable[Account]) -> None:
    """Open accounts nobody used before, with nothing in them, closed as far as their region is."""
    wanted = {account.id: account for account in accounts}
    closed = {one.region: 0 for one in wanted.values()}
    for region in closed:
        closed[region] = await system_get_closed_year(work, region)
    rows = [_build_account_row(wanted[one], closed[wanted[one].region]) for one in sorted(wanted)]
    await execute_core(work.session, _insert_if_absent(ACCOUNT, postgres=_is_postgres(work)).values(rows))


async def system_get_closed_year(work: UnitOfWork, region: str) -> int:
    """The last year of a region or of one that contains it that is closed now; 0 when none is."""
    query = sa.select(sa.func.max(CLOSING.c.year)).where(
        CLOSING.c.region.in_(ancestor_codes(region)), CLOSING.c.reopened_at.is_(None)
    )
    return int((await execute_core(work.session, query)).scalar_one() or 0)


async def get_balance(work: UnitOfWork, account: Account) -> int:
    """What an account holds; zero when it was never used."""
    found = await execute_core(work.session, sa.select(ACCOUNT.c.balance).where(ACCOUNT.c.id == account.id))
    return int(found.scalar_one_or_none() or 0)


def _build_account_row(account: Account, closed_year: int) -> dict[str, Any]:
    return {
        "id": account.id,
        "kind": account.kind,
        "source_id": account.source_id,
        "project_id": account.project_id,
        "allocation_id": account.allocation_id,
        "payee": account.payee,
        "year": account.year,
        "region": account.region,
        "balance": 0,
        "closed_year": closed_year,
    }


async def update_balances(work: UnitOfWork, changes: Mapping[UUID, int], year: int) -> set[UUID]:
    """Add to balances in one statement; the accounts that were moved.

    Left alone are accounts that do not exist yet, that would fall below zero, or that are closed for the year: each
    is judged as it is when its row is ours.
    """
    values: dict[str, Any] = {"booked": year}
    for number, (one, change) in enumerate(changes.items()):
        values |= {f"id{number}": one, f"change{number}": change}
    return set((await execute_core(work.session, _build_balance_update(len(changes)), values)).scalars())


async def insert_postings(
    work: UnitOfWork, entry_id: UUID, postings: Sequence[Posting], happened_on: date
) -> None:
    """The entry's lines."""
    values: dict[str, Any] = {}
    for number, posting in enumerate(postings):
        values |= {
            f"entry_id{number}": entry_id,
            f"position{number}": number + 1,
            f"account_id{number}": posting.account.id,
            f"amount{number}": posting.amount,
            f"happened_on{number}": happened_on,
        }
    await execute_core(work.session, _build_postings_insert(len(postings)), values)


def _build_stage_sums(kind: Any, balance: Any) -> list[Any]:  # noqa: ANN401 - column expressions
    return [
        sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((kind == one, balance), else_=0)), 0), sa.BigInteger
        ).label(one)
        for one in AccountKind
    ]


def build_account_conditions(work: UnitOfWork, filters: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """The accounts of the caller's regions under filters: a pair is a range, a list a choice, else a value; None is none."""
    conditions: list[sa.ColumnElement[bool]] = [work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region)]
    for name, value in filters.items():
        if value is None:
            continue
        column = ACCOUNT.c[name]
        if isinstance(value, tuple):
            conditions.append(column.between(*value))
        elif isinstance(value, list):
            conditions.append(column.in_(value))
        else:
            conditions.append(column == value)
    return conditions


async def sum_by_stage(
    work: UnitOfWork, groups: Sequence[str], filters: Mapping[str, Any], as_of: date | None = None
) -> list[sa.Row[Any]]:
    """Balance per stage, grouped by account columns: from the running balances, or from postings up to a day."""
    columns = [ACCOUNT.c[name] for name in groups]
    conditions = build_account_conditions(work, filters)
    if as_of is None:
        query = sa.select(*columns, *_build_stage_sums(ACCOUNT.c.kind, ACCOUNT.c.balance)).where(*conditions)
        return list(await execute_core(work.session, query.group_by(*columns).order_by(*columns)))
    # Each account's postings by the index, or a planner may read every posting there is to find a district's.
    then = (
        sa.select(sa.func.sum(POSTING.c.amount))
        .where(POSTING.c.account_id == ACCOUNT.c.id, POSTING.c.happened_on <= as_of)
        .scalar_subquery()
    )
    sign = sa.case((ACCOUNT.c.kind == AccountKind.RECEIVED, -1), else_=1)
    parts = sa.select(*columns, ACCOUNT.c.kind.label("stage"), sa.func.sum(sign * then).label("held"))
    held = parts.where(*conditions).group_by(*columns, ACCOUNT.c.kind).subquery()
    grouped = [held.c[name] for name in groups]
    query = sa.select(*grouped, *_build_stage_sums(held.c.stage, held.c.held)).where(held.c.held.is_not(None))
    return list(await execute_core(work.session, query.group_by(*grouped).order_by(*grouped)))


async def sum_by_account_kind(
    work: UnitOfWork, filters: Mapping[str, Any], as_of: date | None
) -> list[sa.Row[Any]]:
    """Per kind: debits, credits and running balance, for a trial balance."""
    amount = POSTING.c.amount
    debits = sa.func.coalesce(sa.func.sum(sa.case((amount > 0, amount), else_=0)), 0)
    credits_ = sa.func.coalesce(sa.func.sum(sa.case((amount < 0, -amount), else_=0)), 0)
    joined = POSTING.join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
    big = sa.BigInteger
    query = sa.select(
        ACCOUNT.c.kind, sa.cast(debits, big).label("debits"), sa.cast(credits_, big).label("credits")
    )
    query = query.select_from(joined).where(*build_account_conditions(work, filters))
    if as_of is not None:
        query = query.where(POSTING.c.happened_on <= as_of)
    return list(await execute_core(work.session, query.group_by(ACCOUNT.c.kind)))


def select_entries(work: UnitOfWork, filters: Mapping[str, Any], as_of: date | None) -> Any:  # noqa: ANN401 - SelectOfScalar
    """Entries of the caller's regions that touch the accounts of a report figure (the drill-down)."""
    query = select(LedgerEntry).where(work.actor.scope_filter(May.FUND_READ, col(LedgerEntry.region)))
    if as_of is not None:
        query = query.where(col(LedgerEntry.happened_on) <= as_of)
    if any(value is not None for value in filters.values()):
        touched = (
            sa.select(POSTING.c.entry_id)
            .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
            .where(*build_account_conditions(work, filters))
        )
        query = query.where(col(LedgerEntry.id).in_(touched))
    return query


async def list_postings(work: UnitOfWork, entry_ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """The lines of some entries with their accounts' dimensions."""
    query = (
        sa.select(POSTING, ACCOUNT.c.kind, ACCOUNT.c.source_id, ACCOUNT.c.project_id, ACCOUNT.c.payee)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .where(POSTING.c.entry_id.in_(entry_ids), work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region))
        .order_by(POSTING.c.entry_id, POSTING.c.position)
    )
    return list(await execute_core(work.session, query))


async def list_drifted_accounts(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Accounts in the caller's regions whose running balance is not the sum of their postings: always none."""
    sign = sa.case((ACCOUNT.c.kind == AccountKind.RECEIVED, -1), else_=1)
    joined = ACCOUNT.outerjoin(POSTING, POSTING.c.account_id == ACCOUNT.c.id)
    total = sa.func.coalesce(sa.func.sum(POSTING.c.amount), 0) * sign
    query = (
        sa.select(
            ACCOUNT.c.id, ACCOUNT.c.kind, ACCOUNT.c.balance, sa.cast(total, sa.BigInteger).label("posted")
        )
        .select_from(joined)
        .where(*build_account_conditions(work, {}))
        .group_by(ACCOUNT.c.id, ACCOUNT.c.kind, ACCOUNT.c.balance)
        .having(total != ACCOUNT.c.balance)
    )
    return list(await execute_core(work.session, query))


async def list_unbalanced_sources(work: UnitOfWork) -> list[UUID]:
    """Sources that break received = available + allocated in one query over the running balances: always none."""
    received = ACCOUNT.c.kind == AccountKind.RECEIVED
    gap = sa.func.sum(sa.case((received, -ACCOUNT.c.balance), else_=ACCOUNT.c.balance))
    query = (
        sa.select(ACCOUNT.c.source_id)
        .where(*build_account_conditions(work, {}))
        .group_by(ACCOUNT.c.source_id)
        .having(gap != 0, sa.func.count(sa.case((received, 1))) > 0)
    )
    return list((await execute_core(work.session, query)).scalars())


async def count_unbalanced_entries(work: UnitOfWork) -> int:
    """How many entries have debits that differ from credits: always none."""
    sums = (
        sa.select(POSTING.c.entry_id)
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(work.actor.scope_filter(May.FUND_READ, ENTRY.c.region))
        .group_by(POSTING.c.entry_id)
        .having(sa.func.sum(POSTING.c.amount) != 0)
    )
    return int(
        (
            await execute_core(work.session, sa.select(sa.func.count()).select_from(sums.subquery()))
        ).scalar_one()
    )
