"""Schemas of the ledger and the figures computed from balances."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.ledger.accounts import AccountKind, EntryKind
from shared.china import Money, MoneySum, SignedMoney


class LedgerFigures(BaseModel):
    """资金情况. received = available + allocated, allocated = paid + unpaid, in every row, to the 分."""

    model_config = ConfigDict(from_attributes=True)

    received: MoneySum = Field(0, description="到位")
    available: MoneySum = Field(0, description="未安排: 到位减去已下达")
    planned: MoneySum = Field(0, description="未安排中已审定待下达的部分")
    allocated: MoneySum = Field(0, description="已下达")
    unpaid: MoneySum = Field(0, description="已下达未支付")
    applied: MoneySum = Field(0, description="未支付中支付在途的部分")
    paid: MoneySum = Field(0, description="已支付, 扣除退款")


def build_figures(balances: Mapping[str, Any], *, has_whole_sources: bool = True) -> LedgerFigures:
    """Compute the figures from the balance of each stage, in 分.

    A part of a source (a project, a payee, a town) has no account of 到位; its received amount is the sum of its other
    stages. `has_whole_sources` says whether the balances may include accounts of 到位, which are then used as posted.
    """
    balances_by_kind = {kind: int(balances.get(kind) or 0) for kind in AccountKind}
    unpaid = balances_by_kind[AccountKind.UNPAID] + balances_by_kind[AccountKind.APPLIED]
    distributed = sum(
        balance for kind, balance in balances_by_kind.items() if kind is not AccountKind.RECEIVED
    )
    return LedgerFigures.model_construct(
        received=(balances_by_kind[AccountKind.RECEIVED] if has_whole_sources else 0) or distributed,
        available=balances_by_kind[AccountKind.AVAILABLE] + balances_by_kind[AccountKind.PLANNED],
        planned=balances_by_kind[AccountKind.PLANNED],
        allocated=unpaid + balances_by_kind[AccountKind.PAID],
        unpaid=unpaid,
        applied=balances_by_kind[AccountKind.APPLIED],
        paid=balances_by_kind[AccountKind.PAID],
    )


class PostingRead(BaseModel):
    """分录行: debit above zero, credit below."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    account_id: UUID
    kind: AccountKind
    source_id: UUID
    project_id: UUID | None
    payee: str
    amount: SignedMoney


class EntryRead(BaseModel):
    """分录."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: EntryKind
    subject: str = Field(description="the record whose business this is")
    document_no: str
    amount: Money
    region: str
    happened_on: date
    recorded_at: datetime
    recorded_by: str
    reason: str
    lines: list[PostingRead] = []


class TrialBalanceRow(BaseModel):
    """试算平衡的一行."""

    model_config = ConfigDict(from_attributes=True)

    kind: AccountKind
    label: str
    debits: MoneySum
    credits: MoneySum
    balance: MoneySum = Field(description="按账户方向")


class TrialBalance(BaseModel):
    """试算平衡表. `balanced`: nothing is in any of the lists of what is wrong.

    A part of a source (one project, one town) has debits and credits that differ; every entry is whole all the same.
    """

    model_config = ConfigDict(from_attributes=True)

    since: date | None = Field(None, description="期间的首日; 空为从头")
    as_of: date | None
    rows: list[TrialBalanceRow]
    debits: MoneySum
    credits: MoneySum
    balanced: bool
    broken_accounts: list[UUID]
    lopsided_entries: int
    unbalanced_sources: list[UUID] = Field([], description="到位 不等于 未安排 + 已下达 的来源")
    negative_accounts: list[UUID] = Field([], description="到这一天余额为负的账户")


class Position(BaseModel):
    """一组账户的资金情况."""

    model_config = ConfigDict(from_attributes=True)

    source_id: UUID | None = None
    project_id: UUID | None = None
    payee: str | None = None
    year: int | None = None
    figures: LedgerFigures


class Positions(BaseModel):
    """资金情况, 按 `by` 分组, 附合计."""

    model_config = ConfigDict(from_attributes=True)

    since: date | None = Field(None, description="期间的首日; 空为从头")
    as_of: date | None
    rows: list[Position]
    total: LedgerFigures
