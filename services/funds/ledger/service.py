"""Post balanced entries exactly once, read figures, and report positions, trial balance and entries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.funds.ledger import repository
from services.funds.ledger.accounts import AccountKey, EntryKind, Posting, require_zero_sum
from services.funds.ledger.errors import build_not_enough, build_not_enough_then
from services.funds.ledger.models import LedgerEntry
from services.funds.ledger.repository import ALL_DAYS, LedgerPeriod
from services.funds.ledger.schemas import (
    EntryRead,
    LedgerFigures,
    Position,
    Positions,
    PostingRead,
    TrialBalance,
    TrialBalanceRow,
    build_figures,
)
from shared.db import new_id
from shared.errors import Conflict, Unavailable
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork


async def post_entry(
    work: UnitOfWork,
    key: str,
    kind: EntryKind,
    postings: Sequence[Posting],
    *,
    subject: UUID,
    region: str,
    happened_on: date,
    document_no: str = "",
    reason: str = "",
) -> bool:
    """Post one balanced entry exactly once; False if `key` was posted before.

    NotEnough if an account would fall below zero, Conflict if the key was used with another kind or amount. Locks the
    accounts until the transaction ends.
    """
    lines = require_zero_sum(list(postings))
    amount = sum(line.amount for line in lines if line.amount > 0)
    entry_id = new_id()
    values = {
        "id": entry_id,
        "key": key,
        "kind": kind,
        "subject": str(subject),
        "document_no": document_no,
        "amount": amount,
        "region": region,
        "happened_on": happened_on,
        "recorded_at": work.at,
        "recorded_by": work.actor.id,
        "reason": reason,
    }
    if not await repository.insert_entry(work, values):
        earlier = await repository.find_entry_by_key(work, key)
        if earlier is None or (earlier.kind, earlier.amount) != (kind, amount):
            raise Conflict(f"凭据 {key} 已用于另一笔分录", f"{key} was posted with other content")
        return False
    await repository.insert_postings(work, entry_id, lines, happened_on)
    await _apply_postings(work, lines, happened_on)
    await _require_covered_days(work, lines, happened_on)
    return True


async def _require_covered_days(work: UnitOfWork, lines: Sequence[Posting], on: date) -> None:
    """NotEnough if a back-dated entry makes the balance of an account negative on its day or on a later day.

    The accounts are locked and already hold the change: the balance on an earlier day is the one now without the
    postings after that day.
    """
    accounts = {line.account.id: line.account for line in lines if line.change < 0}
    if on >= work.today or not accounts:
        return
    days: dict[UUID, list[tuple[int, date]]] = {}
    earlier: dict[UUID, int] = {}
    for row in await repository.list_later_changes(work, accounts, on):
        balance = earlier.get(row.id, int(row.balance))
        days.setdefault(row.id, []).append((balance, row.happened_on or on))
        earlier[row.id] = balance - int(row.change)
    for account_id, account in accounts.items():
        lowest, day = min([*days[account_id], (earlier[account_id], on)])
        if lowest < 0:
            required = -sum(line.change for line in lines if line.account.id == account_id)
            raise build_not_enough_then(account, day, lowest + required, required)


async def _apply_postings(work: UnitOfWork, lines: Sequence[Posting], on: date) -> None:
    """Update the balance of every account or raise. Last statement of a posting, so that locks are held briefly."""
    accounts = {line.account.id: line.account for line in lines}
    changes = dict.fromkeys(accounts, 0)
    for line in lines:
        changes[line.account.id] += line.change
    skipped = changes.keys() - await repository.update_balances(work, changes, on.year)
    if not skipped:
        return
    await _check_accounts(work, accounts, changes, skipped, on)
    await repository.insert_accounts(work, [accounts[account_id] for account_id in skipped])
    skipped -= await repository.update_balances(
        work, {account_id: changes[account_id] for account_id in skipped}, on.year
    )
    if not skipped:
        return
    await _check_accounts(work, accounts, changes, skipped, on)
    raise Unavailable("有人正在修改同一账户, 请稍后重试", "The same account is being changed", retry_after=1)


async def _check_accounts(
    work: UnitOfWork,
    accounts: Mapping[UUID, AccountKey],
    changes: Mapping[UUID, int],
    skipped: Collection[UUID],
    on: date,
) -> None:
    """Lock the accounts that were not updated and raise for the first one, in the order of the entry, that exists."""
    states = await repository.lock_account_states(work, skipped)
    for account_id, account in accounts.items():
        if account_id in states:
            balance, closed_year = states[account_id]
            _check_account(account, balance, changes[account_id], closed_year, on)


def _check_account(account: AccountKey, balance: int, change: int, closed_year: int, on: date) -> None:
    """Conflict if the account is closed for the year, NotEnough if its balance is too low."""
    if on.year <= closed_year:
        raise Conflict(
            f"{closed_year} 年已结账, 不能再登记 {on} 的业务",
            f"{closed_year} is closed",
            next_step="请以结账后的日期登记, 并在理由中写明实际日期; 确需登记到已结账年度的, 凭文件申请重开",
        )
    if balance + change < 0:
        raise build_not_enough(account, balance, -change)


async def get_balance(work: UnitOfWork, account: AccountKey, *, lock: bool = False) -> int:
    """Balance of an account in 分; with `lock` it is locked until the transaction ends."""
    if lock:
        return await repository.lock_account(work, account)
    return await repository.get_balance(work, account)


PARTIAL_COLUMNS = frozenset({"project_id", "allocation_id", "payee", "kind"})
"""Columns that split a source: a group or filter by one of them does not cover whole sources."""


def _covers_whole_sources(groups: Sequence[str], filters: Mapping[str, Any]) -> bool:
    return not PARTIAL_COLUMNS & {*groups, *(name for name, value in filters.items() if value is not None)}


async def get_figures(
    work: UnitOfWork, filters: Mapping[str, Any], period: LedgerPeriod = ALL_DAYS
) -> LedgerFigures:
    """LedgerFigures of all accounts of the caller's regions that match the filters: balances, or the changes of a period."""
    rows = await repository.sum_by_stage(work, (), filters, period)
    return (
        build_figures(rows[0]._asdict(), has_whole_sources=_covers_whole_sources((), filters))
        if rows
        else LedgerFigures()
    )


async def list_figures(
    work: UnitOfWork, groups: Sequence[str], filters: Mapping[str, Any], period: LedgerPeriod = ALL_DAYS
) -> list[tuple[dict[str, Any], LedgerFigures]]:
    """Figures per group in one query, as (columns of the group, figures)."""
    rows = await repository.sum_by_stage(work, groups, filters, period)
    whole_sources = _covers_whole_sources(groups, filters)
    return [
        (
            {name: row._mapping[name] for name in groups},  # noqa: SLF001
            build_figures(row._asdict(), has_whole_sources=whole_sources),
        )
        for row in rows
    ]


ENTRY_ORDERS = {"happened_on": col(LedgerEntry.happened_on)}


async def get_positions(
    work: UnitOfWork, by: str, filters: Mapping[str, Any], period: LedgerPeriod
) -> Positions:
    """Figures per source, project, payee or year, and their total."""
    column = {"source": "source_id", "project": "project_id"}.get(by, by)
    rows = await list_figures(work, (column,), filters, period)
    return Positions.model_construct(
        since=period.first,
        as_of=period.last,
        rows=[Position.model_construct(figures=figures, **group) for group, figures in rows],
        total=await get_figures(work, filters, period),
    )


async def get_trial_balance(
    work: UnitOfWork, filters: Mapping[str, Any], period: LedgerPeriod
) -> TrialBalance:
    """Trial balance with the results of the integrity checks."""
    rows = [
        TrialBalanceRow.model_construct(
            kind=row.kind,
            label=row.kind.label,
            debits=row.debits,
            credits=row.credits,
            balance=(row.debits - row.credits) * row.kind.sign,
        )
        for row in await repository.sum_by_account_kind(work, filters, period)
    ]
    broken = [row.id for row in await repository.list_drifted_accounts(work)]
    unbalanced_entries = await repository.count_unbalanced_entries(work)
    unbalanced = await repository.list_unbalanced_sources(work)
    negative = await repository.list_negative_accounts(work, filters, period.last) if period.last else []
    debits, credits_ = sum(row.debits for row in rows), sum(row.credits for row in rows)
    return TrialBalance.model_construct(
        since=period.first,
        as_of=period.last,
        rows=rows,
        debits=debits,
        credits=credits_,
        balanced=not (broken or unbalanced_entries or unbalanced or negative),
        broken_accounts=broken,
        lopsided_entries=unbalanced_entries,
        unbalanced_sources=unbalanced,
        negative_accounts=negative,
    )


async def list_entries(
    work: UnitOfWork, params: PageParams, filters: Mapping[str, Any], period: LedgerPeriod
) -> Page[EntryRead]:
    """Entries behind a figure with their postings, newest first."""
    query = repository.select_entries(work, filters, period)
    page = await list_page(
        work.session, query, params, orders=ENTRY_ORDERS, key=col(LedgerEntry.id), default="-happened_on"
    )
    lines: dict[UUID, list[PostingRead]] = {entry.id: [] for entry in page.items}
    for row in await repository.list_postings(work, list(lines)):
        lines[row.entry_id].append(PostingRead.model_validate(row))
    items = [
        EntryRead.model_validate(entry).model_copy(update={"lines": lines[entry.id]}) for entry in page.items
    ]
    return Page[EntryRead].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)
