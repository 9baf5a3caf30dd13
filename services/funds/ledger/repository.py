"""Statements of the ledger, and its integrity checks. Balances change only in SQL, under row locks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.funds.ledger.accounts import AccountKey, AccountKind, Posting
from services.funds.ledger.models import LedgerAccount, LedgerEntry, LedgerPosting, YearClosing
from shared.auth import May
from shared.db import execute_core, note_rows
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
ENTRY: sa.Table = LedgerEntry.__table__  # type: ignore[attr-defined]
CLOSING: sa.Table = YearClosing.__table__  # type: ignore[attr-defined]
POSTING: sa.Table = LedgerPosting.__table__  # type: ignore[attr-defined]


MAX_NEGATIVE_ACCOUNTS = 1000


def _is_postgres(work: UnitOfWork) -> bool:
    return work.session.get_bind().dialect.name == "postgresql"


def _insert_if_absent(table: sa.Table, *, postgres: bool) -> Any:  # noqa: ANN401 - one of two dialects' Insert
    return (postgresql.insert if postgres else sqlite.insert)(table).on_conflict_do_nothing()


# Statements of a posting are cached: building them costs more than executing them.
@lru_cache
def _build_entry_insert(*, postgres: bool) -> Any:  # noqa: ANN401 - an Insert
    # RETURNING, because a driver may not report the row count of an INSERT.
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
        (ACCOUNT.c.id == account_id, sa.cast(change, sa.BigInteger))
        for account_id, change in zip(ids, changes, strict=True)
    ]
    change = sa.case(*pairs)
    # The ids stand in the subquery and in the UPDATE: with the subquery alone, the planner may scan the whole table.
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
    """Insert the entry unless its key exists; return whether it was inserted."""
    statement = _build_entry_insert(postgres=_is_postgres(work))
    inserted = (await execute_core(work.session, statement, values)).first() is not None
    if inserted:
        note_rows(work.session, ENTRY, [values])
    return inserted


async def find_entry_by_key(work: UnitOfWork, key: str) -> LedgerEntry | None:
    """Find the entry of an idempotency key."""
    return (await work.session.exec(select(LedgerEntry).where(LedgerEntry.key == key))).first()


def _select_locked_accounts(ids: Iterable[Any]) -> sa.Select[Any]:
    """Select accounts FOR UPDATE in the order of their ids, so that two writers never deadlock."""
    return (
        sa.select(ACCOUNT.c.id, ACCOUNT.c.balance, ACCOUNT.c.closed_year)
        .where(ACCOUNT.c.id.in_(ids))
        .order_by(ACCOUNT.c.id)
        .with_for_update(key_share=True)
    )


async def lock_account(work: UnitOfWork, account: AccountKey) -> int:
    """Lock an account until the transaction ends and return its balance in 分; open it if it does not exist."""
    states = await lock_account_states(work, [account.id])
    if not states:
        await insert_accounts(work, [account])
        states = await lock_account_states(work, [account.id])
    return states[account.id][0]


async def lock_account_states(work: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """Lock the existing accounts among these ids: account id → (balance in 分, last closed year)."""
    rows = await execute_core(work.session, _select_locked_accounts(ids))
    return {row.id: (int(row.balance), int(row.closed_year)) for row in rows}


async def insert_accounts(work: UnitOfWork, accounts: Iterable[AccountKey]) -> None:
    """Open accounts with balance zero, closed up to the last closed year of their region."""
    by_id = {account.id: account for account in accounts}
    closed_years = {account.region: 0 for account in by_id.values()}
    for region in closed_years:
        closed_years[region] = await system_get_closed_year(work, region)
    rows = [_build_account_row(account, closed_years[account.region]) for _, account in sorted(by_id.items())]
    await execute_core(work.session, _insert_if_absent(ACCOUNT, postgres=_is_postgres(work)).values(rows))


async def system_get_closed_year(work: UnitOfWork, region: str) -> int:
    """Last closed year of a region or one of its ancestors; 0 if none is closed."""
    query = sa.select(sa.func.max(CLOSING.c.year)).where(
        CLOSING.c.region.in_(ancestor_codes(region)), CLOSING.c.reopened_at.is_(None)
    )
    return int((await execute_core(work.session, query)).scalar_one() or 0)


async def get_balance(work: UnitOfWork, account: AccountKey) -> int:
    """Balance of an account in 分; zero if it does not exist."""
    rows = await execute_core(work.session, sa.select(ACCOUNT.c.balance).where(ACCOUNT.c.id == account.id))
    return int(rows.scalar_one_or_none() or 0)


def _build_account_row(account: AccountKey, closed_year: int) -> dict[str, Any]:
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
    """Add changes to balances in one statement; return the ids of the accounts that were changed.

    Accounts are skipped that do not exist, would fall below zero, or are closed for the year. The conditions are
    evaluated under the row lock.
    """
    values: dict[str, Any] = {"booked": year}
    for number, (account_id, change) in enumerate(changes.items()):
        values |= {f"id{number}": account_id, f"change{number}": change}
    return set((await execute_core(work.session, _build_balance_update(len(changes)), values)).scalars())


async def list_later_changes(work: UnitOfWork, ids: Iterable[UUID], on: date) -> list[sa.Row[Any]]:
    """Balance of each account now, and the sum of its postings on each day after `on`, latest day first.

    (account id, balance, day or None, change on the day); an account without later postings has one row.
    """
    sign = sa.case((ACCOUNT.c.kind == AccountKind.RECEIVED, -1), else_=1)
    later = sa.and_(POSTING.c.account_id == ACCOUNT.c.id, POSTING.c.happened_on > on)
    query = (
        sa.select(
            ACCOUNT.c.id,
            ACCOUNT.c.balance,
            POSTING.c.happened_on,
            sa.cast(sa.func.coalesce(sa.func.sum(POSTING.c.amount * sign), 0), sa.BigInteger).label("change"),
        )
        .select_from(ACCOUNT.outerjoin(POSTING, later))
        .where(ACCOUNT.c.id.in_(ids))
        .group_by(ACCOUNT.c.id, ACCOUNT.c.balance, POSTING.c.happened_on)
        .order_by(ACCOUNT.c.id, POSTING.c.happened_on.desc())
    )
    return list(await execute_core(work.session, query))


async def list_negative_accounts(work: UnitOfWork, filters: Mapping[str, Any], as_of: date) -> list[UUID]:
    """Accounts of the caller's regions whose postings up to a day add up to less than zero; expected none."""
    sign = sa.case((ACCOUNT.c.kind == AccountKind.RECEIVED, -1), else_=1)
    posted = (
        sa.select(sa.func.sum(POSTING.c.amount))
        .where(POSTING.c.account_id == ACCOUNT.c.id, POSTING.c.happened_on <= as_of)
        .scalar_subquery()
    )
    query = (
        sa.select(ACCOUNT.c.id)
        .where(*build_account_conditions(work, filters), sign * posted < 0)
        .order_by(ACCOUNT.c.id)
        .limit(MAX_NEGATIVE_ACCOUNTS)
    )
    return list((await execute_core(work.session, query)).scalars())


async def insert_postings(
    work: UnitOfWork, entry_id: UUID, postings: Sequence[Posting], happened_on: date
) -> None:
    """Insert the postings of an entry, numbered from 1."""
    rows = [
        {
            "entry_id": entry_id,
            "position": number,
            "account_id": posting.account.id,
            "amount": posting.amount,
            "happened_on": happened_on,
        }
        for number, posting in enumerate(postings, 1)
    ]
    values = {f"{name}{number}": value for number, row in enumerate(rows) for name, value in row.items()}
    await execute_core(work.session, _build_postings_insert(len(postings)), values)
    note_rows(work.session, POSTING, rows)


def _build_stage_sums(kind: Any, balance: Any) -> list[Any]:  # noqa: ANN401 - column expressions
    return [
        sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((kind == stage, balance), else_=0)), 0), sa.BigInteger
        ).label(stage)
        for stage in AccountKind
    ]


def build_account_conditions(work: UnitOfWork, filters: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """Conditions on accounts of the caller's regions: a region filters all within it, a list a set, None nothing."""
    conditions: list[sa.ColumnElement[bool]] = [work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region)]
    for name, value in filters.items():
        if value is None:
            continue
        column = ACCOUNT.c[name]
        if name == "region":
            conditions.append(work.within_region(column, value))
        elif isinstance(value, list):
            conditions.append(column.in_(value))
        else:
            conditions.append(column == value)
    return conditions


@dataclass(frozen=True)
class LedgerPeriod:
    """Days of postings, both included: without `first` from the beginning, without `last` up to now."""

    first: date | None = None
    last: date | None = None

    def build_conditions(self, day: Any) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401 - a column
        """Conditions on a column with the day of business."""
        conditions = [] if self.first is None else [day >= self.first]
        return conditions if self.last is None else [*conditions, day <= self.last]


ALL_DAYS = LedgerPeriod()


async def sum_by_stage(
    work: UnitOfWork, groups: Sequence[str], filters: Mapping[str, Any], period: LedgerPeriod = ALL_DAYS
) -> list[sa.Row[Any]]:
    """Balance of each stage grouped by account columns: running balances, or the postings of a period."""
    columns = [ACCOUNT.c[name] for name in groups]
    conditions = build_account_conditions(work, filters)
    if period == ALL_DAYS:
        query = sa.select(*columns, *_build_stage_sums(ACCOUNT.c.kind, ACCOUNT.c.balance)).where(*conditions)
        return list(await execute_core(work.session, query.group_by(*columns).order_by(*columns)))
    # A correlated subquery per account uses the index; with a join the planner may scan the postings of all districts.
    posted = (
        sa.select(sa.func.sum(POSTING.c.amount))
        .where(POSTING.c.account_id == ACCOUNT.c.id, *period.build_conditions(POSTING.c.happened_on))
        .scalar_subquery()
    )
    sign = sa.case((ACCOUNT.c.kind == AccountKind.RECEIVED, -1), else_=1)
    per_account = sa.select(
        *columns, ACCOUNT.c.kind.label("stage"), sa.func.sum(sign * posted).label("balance")
    )
    stages = per_account.where(*conditions).group_by(*columns, ACCOUNT.c.kind).subquery()
    grouped = [stages.c[name] for name in groups]
    query = sa.select(*grouped, *_build_stage_sums(stages.c.stage, stages.c.balance)).where(
        stages.c.balance.is_not(None)
    )
    return list(await execute_core(work.session, query.group_by(*grouped).order_by(*grouped)))


async def sum_by_account_kind(
    work: UnitOfWork, filters: Mapping[str, Any], period: LedgerPeriod
) -> list[sa.Row[Any]]:
    """Debits and credits of each account kind, in 分, for the trial balance."""
    amount = POSTING.c.amount
    debit_sum = sa.func.coalesce(sa.func.sum(sa.case((amount > 0, amount), else_=0)), 0)
    credit_sum = sa.func.coalesce(sa.func.sum(sa.case((amount < 0, -amount), else_=0)), 0)
    joined = POSTING.join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
    integer = sa.BigInteger
    query = sa.select(
        ACCOUNT.c.kind,
        sa.cast(debit_sum, integer).label("debits"),
        sa.cast(credit_sum, integer).label("credits"),
    )
    query = query.select_from(joined).where(
        *build_account_conditions(work, filters), *period.build_conditions(POSTING.c.happened_on)
    )
    return list(await execute_core(work.session, query.group_by(ACCOUNT.c.kind)))


def select_entries(work: UnitOfWork, filters: Mapping[str, Any], period: LedgerPeriod) -> Any:  # noqa: ANN401 - SelectOfScalar
    """Select the entries of the caller's regions that post to the filtered accounts (drill-down of a figure)."""
    query = select(LedgerEntry).where(
        work.actor.scope_filter(May.FUND_READ, col(LedgerEntry.region)),
        *period.build_conditions(col(LedgerEntry.happened_on)),
    )
    if any(value is not None for value in filters.values()):
        entry_ids = (
            sa.select(POSTING.c.entry_id)
            .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
            .where(*build_account_conditions(work, filters))
        )
        query = query.where(col(LedgerEntry.id).in_(entry_ids))
    return query


async def list_postings(work: UnitOfWork, entry_ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Postings of entries with the dimensions of their accounts."""
    query = (
        sa.select(POSTING, ACCOUNT.c.kind, ACCOUNT.c.source_id, ACCOUNT.c.project_id, ACCOUNT.c.payee)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .where(POSTING.c.entry_id.in_(entry_ids), work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region))
        .order_by(POSTING.c.entry_id, POSTING.c.position)
    )
    return list(await execute_core(work.session, query))


async def list_drifted_accounts(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Accounts in the caller's regions whose running balance differs from the sum of their postings; expected none."""
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
    """Sources where received ≠ available + allocated in the running balances; expected none."""
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
    """Count entries whose debits differ from their credits; expected 0."""
    unbalanced = (
        sa.select(POSTING.c.entry_id)
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(work.actor.scope_filter(May.FUND_READ, ENTRY.c.region))
        .group_by(POSTING.c.entry_id)
        .having(sa.func.sum(POSTING.c.amount) != 0)
    )
    return int(
        (
            await execute_core(work.session, sa.select(sa.func.count()).select_from(unbalanced.subquery()))
        ).scalar_one()
    )
