"""What is shown of the ledger."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.ledger.accounts import AccountKind, EntryKind
from services.funds.ledger.figures import Figures
from shared.money import Money, SignedMoney


class LineOfEntry(BaseModel):
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
    lines: list[LineOfEntry] = []


class TrialRow(BaseModel):
    """试算平衡的一行."""

    model_config = ConfigDict(from_attributes=True)

    kind: AccountKind
    label: str
    debits: Money
    credits: Money
    balance: SignedMoney = Field(description="按账户方向")


class Trial(BaseModel):
    """试算平衡表. `balanced`: nothing is in any of the three lists of what is wrong.

    A part of a source (one project, one town) has debits and credits that differ; every entry is whole all the same.
    """

    model_config = ConfigDict(from_attributes=True)

    as_of: date | None
    rows: list[TrialRow]
    debits: Money
    credits: Money
    balanced: bool
    broken_accounts: list[UUID]
    lopsided_entries: int
    unbalanced_sources: list[UUID] = Field([], description="到位 不等于 未安排 + 已下达 的来源")


class Position(BaseModel):
    """一组账户的资金情况."""

    model_config = ConfigDict(from_attributes=True)

    source_id: UUID | None = None
    project_id: UUID | None = None
    payee: str | None = None
    year: int | None = None
    figures: Figures


class Positions(BaseModel):
    """资金情况, 按 `by` 分组, 附合计."""

    model_config = ConfigDict(from_attributes=True)

    as_of: date | None
    rows: list[Position]
    total: Figures
