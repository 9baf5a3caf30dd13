"""Post balanced entries exactly once, read figures, and report positions, trial balance and entries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.funds.ledger import repository as proof
from services.funds.ledger.accounts import Account, EntryKind, Posting, require_zero_sum
from services.funds.ledger.errors import build_not_enough
from services.funds.ledger.models import LedgerEntry
from services.funds.ledger.schemas import (
    EntryRead,
    Figures,
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
    """Post one balanced entry exactly once; False when `key` was posted before.

    NotEnough when an account would fall below zero, Conflict when the key was used for another amount. Locks the
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
    if not await proof.insert_entry(work, values):
        earlier = await proof.find_entry_by_key(work, key)
        if earlier is None or (earlier.kind, earlier.amount) != (kind, amount):
            raise Conflict(f"凭据 {key} 已用于另一笔分录", f"{key} was posted with other content")
        return False
    await proof.insert_postings(work, entry_id, lines, happened_on)
    await _apply_postings(work, lines, happened_on)
    return True


async def _apply_postings(work: UnitOfWork, lines: Sequence[Posting], on: date) -> None:
    """Move every account, or refuse. It is the last statement of a posting, so that accounts are held briefly."""
    accounts = {line.account.id: line.account for line in lines}
    changes = dict.fromkeys(accounts, 0)
    for line in lines:
        changes[line.account.id] += line.change
    left = changes.keys() - await proof.update_balances(work, changes, on.year)
    if not left:
        return
    await _check_accounts(work, accounts, changes, left, on)
    await proof.insert_accounts(work, [accounts[one] for one in left])
    left -= await proof.update_balances(work, {one: changes[one] for one in left}, on.year)
    if not left:
        return
    await _check_accounts(work, accounts, changes, left, on)
    raise Unavailable("有人正在修改同一账户, 请稍后重试", "The same account is being changed", retry_after=1)


async def _check_accounts(
    work: UnitOfWork,
    accounts: Mapping[UUID, Account],
    changes: Mapping[UUID, int],
    left: Collection[UUID],
    on: date,
) -> None:
    """Refuse for the first account, in the order of the entry's lines, that is there and was left alone for a reason."""
    known = await proof.lock_account_states(work, left)
    for one, account in accounts.items():
        if one in known:
            balance, closed = known[one]
            _check_account(account, balance, changes[one], closed, on)


def _check_account(account: Account, balance: int, change: int, closed: int, on: date) -> None:
    """Why an account was left alone: its year is closed, or it holds too little."""
    if on.year <= closed:
        raise Conflict(
            f"{closed} 年已结账, 不能再登记 {on} 的业务",
            f"{closed} is closed",
            next_step="请以结账后的日期登记, 并在理由中写明实际日期; 确需登记到已结账年度的, 凭文件申请重开",
        )
    if balance + change < 0:
        raise build_not_enough(account, balance, -change)


async def get_balance(work: UnitOfWork, account: Account, *, lock: bool = False) -> int:
    """What one account holds; with `lock` nobody else can change it until the transaction ends."""
    if lock:
        return await proof.lock_account(work, account)
    return await proof.get_balance(work, account)


PARTIAL_COLUMNS = frozenset({"project_id", "allocation_id", "payee", "kind"})
"""Columns that cut a source into parts."""


def _covers_whole_sources(groups: Sequence[str], filters: Mapping[str, Any]) -> bool:
    return not PARTIAL_COLUMNS & {*groups, *(name for name, value in filters.items() if value is not None)}


async def get_figures(work: UnitOfWork, filters: Mapping[str, Any], as_of: date | None = None) -> Figures:
    """One set of figures for everything the filters leave, within the caller's regions."""
    rows = await proof.sum_by_stage(work, (), filters, as_of)
    return build_figures(rows[0]._asdict(), whole=_covers_whole_sources((), filters)) if rows else Figures()


async def list_figures(
    work: UnitOfWork, groups: Sequence[str], filters: Mapping[str, Any], as_of: date | None = None
) -> list[tuple[dict[str, Any], Figures]]:
    """Figures per group, as (the group's columns, figures), in one query."""
    rows = await proof.sum_by_stage(work, groups, filters, as_of)
    whole = _covers_whole_sources(groups, filters)
    return [
        ({name: row._mapping[name] for name in groups}, build_figures(row._asdict(), whole=whole))  # noqa: SLF001
        for row in rows
    ]


ENTRY_ORDERS = {"happened_on": col(LedgerEntry.happened_on)}


async def get_positions(
    work: UnitOfWork, by: str, filters: Mapping[str, Any], as_of: date | None
) -> Positions:
    """Figures per source, project, payee or year, and in all."""
    column = {"source": "source_id", "project": "project_id"}.get(by, by)
    rows = await list_figures(work, (column,), filters, as_of)
    return Positions.model_construct(
        as_of=as_of,
        rows=[Position.model_construct(figures=figures, **group) for group, figures in rows],
        total=await get_figures(work, filters, as_of),
    )


async def get_trial_balance(work: UnitOfWork, filters: Mapping[str, Any], as_of: date | None) -> TrialBalance:
    """The trial balance, with everything that would be wrong named."""
    rows = [
        TrialBalanceRow.model_construct(
            kind=row.kind,
            label=row.kind.label,
            debits=row.debits,
            credits=row.credits,
            balance=(row.debits - row.credits) * row.kind.sign,
        )
        for row in await proof.sum_by_account_kind(work, filters, as_of)
    ]
    broken = [row.id for row in await proof.list_drifted_accounts(work)]
    lopsided = await proof.count_unbalanced_entries(work)
    unbalanced = await proof.list_unbalanced_sources(work)
    debits, credited = sum(row.debits for row in rows), sum(row.credits for row in rows)
    return TrialBalance.model_construct(
        as_of=as_of,
        rows=rows,
        debits=debits,
        credits=credited,
        balanced=not (broken or lopsided or unbalanced),
        broken_accounts=broken,
        lopsided_entries=lopsided,
        unbalanced_sources=unbalanced,
    )


async def list_entries(
    work: UnitOfWork, asked: PageParams, filters: Mapping[str, Any], as_of: date | None
) -> Page[EntryRead]:
    """The entries behind a figure, newest first, with their lines."""
    query = proof.select_entries(work, filters, as_of)
    found = await list_page(
        work.session, query, asked, orders=ENTRY_ORDERS, key=col(LedgerEntry.id), default="-happened_on"
    )
    lines: dict[UUID, list[PostingRead]] = {entry.id: [] for entry in found.items}
    for row in await proof.list_postings(work, list(lines)):
        lines[row.entry_id].append(PostingRead.model_validate(row))
    items = [
        EntryRead.model_validate(entry).model_copy(update={"lines": lines[entry.id]}) for entry in found.items
    ]
    return Page[EntryRead].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)
