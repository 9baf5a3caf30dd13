"""What goes in and out about fund documents."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.ledger.figures import Figures
from services.funds.sources.kinds import Adjustment, Fund, Level, Origin, Task
from shared.money import Money, PositiveMoney

REGION = r"^[0-9]{12}$"


class SourceCreate(BaseModel):
    """登记指标文."""

    id: UUID | None = Field(None, description="UUIDv7 given by the client, so that a repeat is recognised")
    region: str = Field(pattern=REGION, description="接收指标的区划, 12 位")
    document_no: str = Field(
        min_length=2, max_length=100, description="本级指标文号", examples=["青财农字〔2023〕505号"]
    )
    upper_document_no: str = Field("", max_length=100, description="上级指标文号")
    title: str = Field(min_length=2, max_length=300)
    fiscal_year: int = Field(ge=2000, le=2100)
    level: Level
    fund: Fund
    task: Task = Task.CONSOLIDATION
    origin: Origin = Origin.TRANSFER
    transfer_code: str = Field("", max_length=40, description="转移支付项目代码")
    function_subject: str = Field("", max_length=20, description="支出功能分类科目, 如 2130505")
    government_subject: str = Field("", max_length=20, description="政府支出经济分类")
    department_subject: str = Field("", max_length=20, description="部门支出经济分类")
    amount: PositiveMoney
    document_date: date
    received_on: date
    file_ids: list[UUID] = Field(default=[], max_length=20)
    note: str = Field("", max_length=2000)


class SourceRead(BaseModel):
    """指标文."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    document_no: str
    upper_document_no: str
    title: str
    fiscal_year: int
    level: Level
    fund: Fund
    task: Task
    origin: Origin
    transfer_code: str
    function_subject: str
    government_subject: str
    department_subject: str
    amount: Money = Field(description="文件金额; 调整见 adjustments, 余额见 figures")
    document_date: date
    received_on: date
    carried_from: UUID | None
    file_ids: list[str]
    note: str
    created_at: datetime
    created_by: str


class AdjustmentCreate(BaseModel):
    """登记指标调整."""

    id: UUID | None = None
    kind: Adjustment
    amount: PositiveMoney
    document_no: str = Field(min_length=2, max_length=100)
    happened_on: date
    reason: str = Field("", max_length=2000)


class AdjustmentRead(BaseModel):
    """指标调整."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source_id: UUID
    kind: Adjustment
    amount: Money
    document_no: str
    happened_on: date
    reason: str
    created_at: datetime
    created_by: str


class SourceDetail(SourceRead):
    """指标文及其去向."""

    figures: Figures
    adjustments: list[AdjustmentRead]
