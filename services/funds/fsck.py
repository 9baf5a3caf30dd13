"""What the event log of funds proves: the books, re-derived from the log, and documents against the books."""

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from services.funds.ledger.accounts import AccountKey, AccountKind
from services.funds.ledger.repository import ACCOUNT, CLOSING
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import SourceAdjustmentKind
from services.funds.tables import Base
from shared.china import format_yuan
from shared.db import ProvedTables, execute_core
from shared.events.fsck import Difference, DifferenceKind, Fsck, Told, build_difference
from shared.rules import ancestor_codes

PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
REFUND: sa.Table = Refund.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]
ADJUSTMENT: sa.Table = SourceAdjustment.__table__  # type: ignore[attr-defined]


def _list_told(told: Told, table: str) -> dict[str, dict[str, Any]]:
    return {key: row for (name, key), row in told.items() if name == table and isinstance(row, dict)}


async def check_entries(_session: AsyncSession, told: Told) -> AsyncIterator[Difference]:
    """Entries as the log tells them are balanced and of their amount."""
    amounts: dict[str, list[int]] = defaultdict(list)
    for key, line in _list_told(told, "ledger_posting").items():
        amounts[key.split(":")[0]].append(line["amount"])
    for key, entry in _list_told(told, "ledger_entry").items():
        lines = amounts[key]
        if sum(lines) or sum(one for one in lines if one > 0) != entry["amount"]:
            words = f"分录 {entry['key']} 借贷不平, 或与金额 {format_yuan(entry['amount'])} 元不符"
            yield build_difference(DifferenceKind.SUM, "ledger_entry", key, words)


def _sum_postings(told: Told) -> dict[UUID, int]:
    sums: dict[UUID, int] = defaultdict(int)
    for line in _list_told(told, "ledger_posting").values():
        sums[UUID(line["account_id"])] += line["amount"]
    return sums


async def check_accounts(session: AsyncSession, told: Told) -> AsyncIterator[Difference]:
    """Balances of accounts are the sums of the postings that the log tells of; accounts are closed by their closings."""
    sums, closed = _sum_postings(told), await _read_closed_years(session)
    for row in await execute_core(session, sa.select(ACCOUNT)):
        for found in _check_account(row, sums.pop(row.id, 0), closed):
            yield found
    for key, amount in sums.items():
        words = f"账户 {key} 不存在, 日志里的分录记入 {format_yuan(amount)} 元"
        yield build_difference(DifferenceKind.MISSING, "ledger_account", str(key), words)


async def _read_closed_years(session: AsyncSession) -> dict[str, int]:
    newest = sa.func.max(CLOSING.c.year).label("newest")
    query = sa.select(CLOSING.c.region, newest).where(CLOSING.c.reopened_at.is_(None))
    return {row.region: row.newest for row in await execute_core(session, query.group_by(CLOSING.c.region))}


def _check_account(row: Any, posted: int, closed: dict[str, int]) -> list[Difference]:  # noqa: ANN401 - a row
    faults = []
    key = AccountKey(
        row.kind, row.source_id, row.year, row.region, row.project_id, row.allocation_id, row.payee
    )
    if key.id != row.id:
        faults.append((DifferenceKind.CHANGED, "来源、项目、资金安排或收款人被改动: 与账户编号不符"))
    if posted * row.kind.sign != row.balance:
        words = (
            f"余额 {format_yuan(row.balance)} 元, 日志里的分录相加是 {format_yuan(posted * row.kind.sign)} 元"
        )
        faults.append((DifferenceKind.SUM, words))
    year = max((closed.get(code, 0) for code in ancestor_codes(row.region)), default=0)
    if year != row.closed_year:
        faults.append((DifferenceKind.SUM, f"账户结到 {row.closed_year} 年, 结账记录是 {year} 年"))
    return [
        build_difference(kind, "ledger_account", str(row.id), f"{row.kind.label}账户 {row.id}: {words}")
        for kind, words in faults
    ]


async def check_payments(session: AsyncSession, told: Told) -> AsyncIterator[Difference]:
    """Paid payments less what was refunded, against the accounts of what was paid."""
    posted = _sum_postings(told)
    booked: dict[UUID, int] = defaultdict(int)
    accounts = sa.select(ACCOUNT.c.id, ACCOUNT.c.allocation_id).where(ACCOUNT.c.kind == AccountKind.PAID)
    for row in await execute_core(session, accounts):
        booked[row.allocation_id] += posted[row.id]
    net = sa.cast(sa.func.sum(PAYMENT.c.amount - PAYMENT.c.refunded), sa.BigInteger).label("net")
    settled = PAYMENT.c.state.in_((PaymentState.PAID, PaymentState.REVERSED))
    query = sa.select(PAYMENT.c.allocation_id, net).where(settled).group_by(PAYMENT.c.allocation_id)
    stated = {row.allocation_id: row.net for row in await execute_core(session, query)}
    for key in sorted(booked.keys() | stated.keys()):
        if booked.get(key, 0) != stated.get(key, 0):
            words = (
                f"资金安排 {key}: 支付单净额 {format_yuan(stated.get(key, 0))} 元, "
                f"总账已支付 {format_yuan(booked.get(key, 0))} 元"
            )
            yield build_difference(DifferenceKind.SUM, "payment", str(key), words)


async def check_sources(session: AsyncSession, told: Told) -> AsyncIterator[Difference]:
    """Amounts of fund documents with their adjustments, against the accounts of what was received."""
    posted = _sum_postings(told)
    received: dict[UUID, int] = defaultdict(int)
    accounts = sa.select(ACCOUNT.c.id, ACCOUNT.c.source_id).where(ACCOUNT.c.kind == AccountKind.RECEIVED)
    for row in await execute_core(session, accounts):
        received[row.source_id] -= posted[row.id]
    for key, (number, stated) in (await _sum_sources(session)).items():
        if received[key] != stated:
            words = f"指标文 {number}: 金额和调整共 {format_yuan(stated)} 元, 总账收到 {format_yuan(received[key])} 元"
            yield build_difference(DifferenceKind.SUM, "source", str(key), words)


async def _sum_sources(session: AsyncSession) -> dict[UUID, tuple[str, int]]:
    is_addition = ADJUSTMENT.c.kind == SourceAdjustmentKind.ADDITION
    signed = sa.case((is_addition, ADJUSTMENT.c.amount), else_=-ADJUSTMENT.c.amount)
    changes = sa.select(sa.func.coalesce(sa.func.sum(signed), 0)).where(ADJUSTMENT.c.source_id == SOURCE.c.id)
    total = sa.cast(SOURCE.c.amount + changes.scalar_subquery(), sa.BigInteger)
    return {
        row.id: (row.document_no, row.total)
        for row in await execute_core(
            session, sa.select(SOURCE.c.id, SOURCE.c.document_no, total.label("total"))
        )
    }


async def check_refunds(session: AsyncSession, _told: Told) -> AsyncIterator[Difference]:
    """`refunded` of paid payments against their refunds."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(REFUND.c.amount), 0), sa.BigInteger)
    query = (
        sa.select(PAYMENT.c.id, PAYMENT.c.refunded, total.label("total"))
        .select_from(PAYMENT.outerjoin(REFUND, REFUND.c.payment_id == PAYMENT.c.id))
        .where(PAYMENT.c.state == PaymentState.PAID)
        .group_by(PAYMENT.c.id, PAYMENT.c.refunded)
        .having(total != PAYMENT.c.refunded)
    )
    for row in await execute_core(session, query):
        words = (
            f"支付单 {row.id} 已退 {format_yuan(row.refunded)} 元, 退款记录相加是 {format_yuan(row.total)} 元"
        )
        yield build_difference(DifferenceKind.SUM, "payment", str(row.id), words)


async def read_figures(session: AsyncSession) -> dict[str, dict[str, int]]:
    """Allocated and paid by project in 分, as the books have them."""
    kind, balance = ACCOUNT.c.kind, sa.cast(sa.func.sum(ACCOUNT.c.balance), sa.BigInteger)
    figures = {}
    for name, kinds in (
        ("paid", (AccountKind.PAID,)),
        ("allocated", (AccountKind.PAID, AccountKind.UNPAID, AccountKind.APPLIED)),
    ):
        query = sa.select(ACCOUNT.c.project_id, balance.label("balance")).where(
            kind.in_(kinds), ACCOUNT.c.project_id.is_not(None)
        )
        rows = await execute_core(session, query.group_by(ACCOUNT.c.project_id).having(balance != 0))
        figures[name] = {str(row.project_id): row.balance for row in rows}
    return figures


FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "import_job": "a table on its way; its records are proved",
            "import_row": "a table on its way; its records are proved",
            "import_mapping": "how heads were read last time",
            "ledger_account": "its id follows from its columns and its balance from postings; compared",
            "project_card": "a copy of what projects tells",
        },
        derived={
            "commitment": frozenset({"asked_at", "last_error"}),
        },
        stated={
            "ledger_entry": (
                "key", "kind", "subject", "document_no", "amount", "region", "happened_on", "recorded_by",
            ),
            "ledger_posting": ("account_id", "amount", "happened_on"),
            "year_closing": ("region", "year", "round", "reopened_at"),
            "source": ("document_no", "title", "amount", "fiscal_year", "received_on"),
            "source_adjustment": ("source_id", "kind", "amount", "happened_on"),
            "allocation": ("source_id", "project_id", "amount", "issued_on"),
            "plan_line": ("source_id", "project_id", "amount"),
            "payment": (
                "allocation_id", "amount", "refunded", "state", "applied_on", "paid_on", "voucher_no",
                "submitted_by", "reviewed_by", "approved_by",
            ),
            "refund": ("payment_id", "amount", "happened_on", "voucher_no"),
        },
    ),
    checks=(check_entries, check_accounts, check_payments, check_sources, check_refunds),
    read_figures=read_figures,
)  # fmt: skip
"""The tables, without copies and balances; the books are compared with the log and documents with the books."""
