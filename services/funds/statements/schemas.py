"""Schemas of statements."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.china import LabelledEnum, MoneySum, RegionCode, SignedMoney
from shared.request_body import RequestBody


class Side(LabelledEnum):
    """哪一方的记录."""

    THEIRS = "theirs", "对方"
    OURS = "ours", "我方"


class MatchResult(LabelledEnum):
    """比对结果."""

    EXACT = "exact", "相符"
    TOLERATED = "tolerated", "容差内相符"
    GROUPED = "grouped", "合计相符"
    FEE = "fee", "银行手续费"
    DIFFERS = "differs", "不符"
    ALONE = "alone", "单边"
    RESOLVED = "resolved", "已说明"


class StatementState(LabelledEnum):
    """对账单状态."""

    OPEN = "open", "对账中"
    CLOSED = "closed", "已结清"


OPEN_RESULTS = frozenset({MatchResult.DIFFERS, MatchResult.ALONE})
"""Results that still need an explanation."""

MAX_STATEMENT_LINES = 5000


class StatementLineWrite(RequestBody):
    """对账单的一行; below zero it came back."""

    voucher_no: str = Field("", max_length=100, description="凭证号")
    amount: SignedMoney
    happened_on: date
    payee: str = Field("", max_length=200)
    purpose: str = Field("", max_length=500)


class StatementCreate(RequestBody):
    """上传对账单: its lines, or an uploaded XLSX or CSV with 凭证号, 金额(元), 日期, 收款人."""

    id: UUID | None = None
    region: RegionCode
    title: str = Field(min_length=2, max_length=200, description="如 2024年5月国库支付对账单")
    period_from: date
    period_to: date
    file_id: UUID | None = Field(None, description="对账单文件, 先上传到 /funds/files")
    lines: list[StatementLineWrite] = Field([], max_length=MAX_STATEMENT_LINES)

    @model_validator(mode="after")
    def _check_one_source(self) -> "StatementCreate":
        if self.period_to < self.period_from:
            raise ValueError("期间的止日早于起日")
        if (self.file_id is None) == (not self.lines):
            raise ValueError("请给出 file_id 或 lines 中的一个")
        return self


class StatementLineRead(BaseModel):
    """对账明细."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    side: Side
    position: int
    voucher_no: str
    amount: SignedMoney
    happened_on: date
    payee: str
    purpose: str
    match: MatchResult
    explanation: str
    group_no: int | None = Field(description="合计相符的各行同号: 一笔分几次付出, 或几笔合并付出")
    record_id: UUID | None = Field(description="我方的支付或退款")
    age_days: int = Field(description="未达天数; 已相符的为 0")
    resolution: str
    resolved_by: str
    resolved_at: datetime | None


class StatementRead(BaseModel):
    """对账单."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    title: str
    period_from: date
    period_to: date
    file_id: str
    state: StatementState
    rule_used: str = Field(description="容差规则")
    closed_by: str
    closed_at: datetime | None
    created_at: datetime
    created_by: str


class MatchTally(BaseModel):
    """一种比对结果的笔数和金额."""

    model_config = ConfigDict(from_attributes=True)

    side: Side
    match: MatchResult
    lines: int
    amount: MoneySum


class StatementDetail(StatementRead):
    """对账单, 合计和明细."""

    theirs: MoneySum = Field(description="对账单合计")
    ours: MoneySum = Field(description="我方合计: 与之配对的和对账单中没有的")
    difference: MoneySum = Field(description="差额, 由金额不符和单边的各行构成")
    tallies: list[MatchTally]
    lines: list[StatementLineRead] = Field(description="未了结的在前; 全部相符的只在问到时列出")


class Resolution(RequestBody):
    """说明一笔未达账."""

    reason: str = Field(min_length=2, max_length=2000)
