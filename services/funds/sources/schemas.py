"""Schemas and code sets of fund documents; the codes allowed on a day are dated rules (`codes.*`)."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.ledger.schemas import LedgerFigures
from shared.china import LabelledEnum, Money, PositiveMoney, RegionCode
from shared.request_body import RequestBody


class FundLevel(LabelledEnum):
    """资金级次."""

    CENTRAL = "central", "中央"
    PROVINCIAL = "provincial", "省级"
    CITY = "city", "市级"
    COUNTY = "county", "县级"


class Fund(LabelledEnum):
    """资金类型."""

    POVERTY = "poverty", "财政专项扶贫资金"
    BRIDGING = "bridging", "财政衔接推进乡村振兴补助资金"
    REGULAR = "regular", "常态化帮扶资金"
    POOLED = "pooled", "统筹整合财政涉农资金"
    WORK_RELIEF = "work_relief", "以工代赈"
    EAST_WEST = "east_west", "东西部协作资金"
    PAIRED = "paired", "中央单位定点帮扶资金"
    BOND = "bond", "地方政府债券"
    LAND = "land", "土地出让收入"
    LOTTERY = "lottery", "彩票公益金"
    DONATION = "donation", "社会捐赠"
    OWN = "own", "其他自有资金"


class Task(LabelledEnum):
    """资金任务."""

    CONSOLIDATION = "consolidation", "巩固拓展脱贫攻坚成果和乡村振兴"
    WORK_RELIEF = "work_relief", "以工代赈"
    MINORITY = "minority", "少数民族发展"
    STATE_FARM = "state_farm", "欠发达国有农场巩固提升"
    STATE_FOREST = "state_forest", "欠发达国有林场巩固提升"
    SANXI = "sanxi", "三西农业建设"
    OTHER = "other", "其他"


class SourceOrigin(LabelledEnum):
    """指标来源."""

    TRANSFER = "transfer", "上级下达"
    BUDGET = "budget", "本级预算安排"
    CARRIED = "carried", "上年结转"
    OUTSIDE = "outside", "帮扶单位或社会投入"


class SourceAdjustmentKind(LabelledEnum):
    """指标调整."""

    ADDITION = "addition", "追加"
    REDUCTION = "reduction", "追减"
    TAKE_BACK = "take_back", "收回"


class SourceCreate(RequestBody):
    """登记指标文."""

    id: UUID | None = Field(None, description="UUIDv7 given by the client, so that a repeat is recognised")
    region: RegionCode = Field(description="接收指标的区划, 12 位")
    document_no: str = Field(
        min_length=2, max_length=100, description="本级指标文号", examples=["青财农字〔2023〕505号"]
    )
    upper_document_no: str = Field("", max_length=100, description="上级指标文号")
    title: str = Field(min_length=2, max_length=300)
    fiscal_year: int = Field(ge=2000, le=2100)
    level: FundLevel
    fund: Fund
    task: Task = Task.CONSOLIDATION
    origin: SourceOrigin = SourceOrigin.TRANSFER
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
    level: FundLevel
    fund: Fund
    task: Task
    origin: SourceOrigin
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


class AdjustmentCreate(RequestBody):
    """登记指标调整."""

    id: UUID | None = None
    kind: SourceAdjustmentKind
    amount: PositiveMoney
    document_no: str = Field(min_length=2, max_length=100)
    happened_on: date
    reason: str = Field("", max_length=2000)


class SourceAdjustmentRead(BaseModel):
    """指标调整."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source_id: UUID
    kind: SourceAdjustmentKind
    amount: Money
    document_no: str
    happened_on: date
    reason: str
    created_at: datetime
    created_by: str


class SourceDetail(SourceRead):
    """指标文及其去向."""

    figures: LedgerFigures
    adjustments: list[SourceAdjustmentRead]
