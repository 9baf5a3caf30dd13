"""What the ledger promises: an entry is posted once, balances, and never takes more than there is."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.funds.ledger import repository
from services.funds.ledger.accounts import Account, EntryKind, Posting, balanced
from services.funds.ledger.errors import not_enough
from services.funds.ledger.figures import Figures, figures
from shared.errors import Conflict, Unavailable
from shared.ids import new_id
from shared.work import Work


async def post(
    work: Work,
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
    lines = balanced(list(postings))
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
    if not await repository.add_entry(work, values):
        earlier = await repository.entry_by_key(work, key)
        if earlier is None or (earlier.kind, earlier.amount) != (kind, amount):
            raise Conflict(f"凭据 {key} 已用于另一笔分录", f"{key} was posted with other content")
        return False
    await repository.add_postings(work, entry_id, lines, happened_on)
    await _apply(work, lines, happened_on)
    return True


async def _apply(work: Work, lines: Sequence[Posting], on: date) -> None:
    """Move every account, or refuse. It is the last statement of a posting, so that accounts are held briefly."""
    accounts = {line.account.id: line.account for line in lines}
    changes = dict.fromkeys(accounts, 0)
    for line in lines:
        changes[line.account.id] += line.change
    left = changes.keys() - await repository.move_balances(work, changes, on.year)
    if not left:
        return
    await _refusing(work, accounts, changes, left, on)
    await repository.open_accounts(work, [accounts[one] for one in left])
    left -= await repository.move_balances(work, {one: changes[one] for one in left}, on.year)
    if not left:
        return
    await _refusing(work, accounts, changes, left, on)
    raise Unavailable("有人正在修改同一账户, 请稍后重试", "The same account is being changed", retry_after=1)


async def _refusing(
    work: Work,
    accounts: Mapping[UUID, Account],
    changes: Mapping[UUID, int],
    left: Collection[UUID],
    on: date,
) -> None:
    """Refuse for the first account, in the order of the entry's lines, that is there and was left alone for a reason."""
    known = await repository.states(work, left)
    for one, account in accounts.items():
        if one in known:
            balance, closed = known[one]
            _refuse(account, balance, changes[one], closed, on)


def _refuse(account: Account, balance: int, change: int, closed: int, on: date) -> None:
    """Why an account was left alone: its year is closed, or it holds too little."""
    if on.year <= closed:
        raise Conflict(
            f"{closed} 年已结账, 不能再登记 {on} 的业务",
            f"{closed} is closed",
            next_step="请以结账后的日期登记, 并在理由中写明实际日期; 确需登记到已结账年度的, 凭文件申请重开",
        )
    if balance + change < 0:
        raise not_enough(account, balance, -change)


async def balance(work: Work, account: Account, *, lock: bool = False) -> int:
    """What one account holds; with `lock` nobody else can change it until the transaction ends."""
    if lock:
        return await repository.lock_account(work, account)
    return await repository.balance(work, account)


PARTS = frozenset({"project_id", "allocation_id", "payee", "kind"})
"""Columns that cut a source into parts."""


def _whole(groups: Sequence[str], filters: Mapping[str, Any]) -> bool:
    return not PARTS & {*groups, *(name for name, value in filters.items() if value is not None)}


async def position(work: Work, filters: Mapping[str, Any], as_of: date | None = None) -> Figures:
    """One set of figures for everything the filters leave, within the caller's regions."""
    rows = await repository.stages(work, (), filters, as_of)
    return figures(rows[0]._asdict(), whole=_whole((), filters)) if rows else Figures()


async def positions(
    work: Work, groups: Sequence[str], filters: Mapping[str, Any], as_of: date | None = None
) -> list[tuple[dict[str, Any], Figures]]:
    """Figures per group, as (the group's columns, figures), in one query."""
    rows = await repository.stages(work, groups, filters, as_of)
    whole = _whole(groups, filters)
    return [
        ({name: row._mapping[name] for name in groups}, figures(row._asdict(), whole=whole))  # noqa: SLF001
        for row in rows
    ]
