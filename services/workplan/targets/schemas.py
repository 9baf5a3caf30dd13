"""Request and response bodies of targets and of what was reached."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.china import LabelledEnum, RegionCode
from shared.request_body import RequestBody

Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]
QUARTERS = 4


class MeasureUnit(LabelledEnum):
    """指标单位. What can be converted is converted to the unit of the target: 米 to 公里, 元 to 万元."""

    MU = "mu", "亩"
    WAN_MU = "wan_mu", "万亩"
    TON = "ton", "吨"
    WAN_TON = "wan_ton", "万吨"
    METRE = "metre", "米"
    KILOMETRE = "kilometre", "公里"
    YUAN = "yuan", "元"
    WAN_YUAN = "wan_yuan", "万元"
    PERSON = "person", "人"
    WAN_PERSON = "wan_person", "万人"
    HOUSEHOLD = "household", "户"
    PLACE = "place", "处"
    PIECE = "piece", "个"
    PERCENT = "percent", "百分数(%)"


BASE_UNITS: dict[MeasureUnit, tuple[MeasureUnit, int]] = {
    MeasureUnit.WAN_MU: (MeasureUnit.MU, 10_000),
    MeasureUnit.WAN_TON: (MeasureUnit.TON, 10_000),
    MeasureUnit.KILOMETRE: (MeasureUnit.METRE, 1000),
    MeasureUnit.WAN_YUAN: (MeasureUnit.YUAN, 10_000),
    MeasureUnit.WAN_PERSON: (MeasureUnit.PERSON, 10_000),
}
"""Unit → the smaller unit of the same kind, and how many of it make one."""


class Direction(LabelledEnum):
    """指标方向."""

    AT_LEAST = "at_least", "≥ 不低于"
    AT_MOST = "at_most", "≤ 不超过"
    EQUAL = "equal", "= 等于"
    NOT_BELOW_BASE = "not_below_base", "不低于去年"


class ActualSource(LabelledEnum):
    """进度来源."""

    COMPUTED = "computed", "系统计算"
    REPORTED = "reported", "填报"
    STATISTIC = "statistic", "外部统计"


class ActualState(LabelledEnum):
    """进度核实状态."""

    REPORTED = "reported", "待核实"
    CONFIRMED = "confirmed", "已核实"
    REJECTED = "rejected", "不属实"


class Light(LabelledEnum):
    """进度灯."""

    GREEN = "green", "达到序时进度"
    YELLOW = "yellow", "略有滞后"
    RED = "red", "滞后"
    GREY = "grey", "没有数据"


class Computation(RequestBody):
    """系统计算的指标从哪里取数: an address of another service, and the keys that lead to the figure in its answer."""

    service: str = Field(pattern=r"^[a-z_]{2,40}$")
    address: str = Field(pattern=r"^/([a-z0-9_/-]|\{year\}){1,200}$", description="/api/v1 以下的地址")
    params: dict[str, str] = Field(
        {}, max_length=10, description="查询条件; 地址和条件里的 {region}、{year} 由系统填写"
    )
    path: list[Annotated[str, StringConstraints(max_length=60)]] = Field(min_length=1, max_length=6)
    unit: MeasureUnit | None = Field(None, description="取到的数的单位, 空为指标的单位")


class TargetShare(RequestBody):
    """分解到一个镇或村的数."""

    region: RegionCode
    value: Amount


class WorkTargetCreate(RequestBody):
    """设定一项任务的指标."""

    id: UUID | None = None
    item_id: UUID = Field(description="要点的哪一项")
    name: str = Field(min_length=2, max_length=120, description="指标名称")
    unit: MeasureUnit
    direction: Direction = Direction.AT_LEAST
    base: Amount | None = Field(None, description="去年的数, 不低于去年的必填")
    value: Amount = Field(description="目标值")
    due_on: date = Field(description="完成期限")
    milestones: list[Amount] = Field([], max_length=QUARTERS, description="各季度末应达到的累计数")
    source: ActualSource = ActualSource.REPORTED
    computation: Computation | None = None
    shares: list[TargetShare] = Field([], max_length=500, description="分解到镇村, 合计须等于目标值")

    @model_validator(mode="after")
    def _check(self) -> "WorkTargetCreate":
        if self.direction is Direction.NOT_BELOW_BASE and self.base is None:
            raise ValueError("不低于去年的指标须写明去年的数")
        if (self.source is ActualSource.COMPUTED) != (self.computation is not None):
            raise ValueError("系统计算的指标须写明取数地址, 其他指标不写")
        if self.milestones and len(self.milestones) != QUARTERS:
            raise ValueError("季度进度须写四个数")
        if self.shares and self.unit is MeasureUnit.PERCENT:
            raise ValueError("比例不能分解相加")
        if self.shares and (total := sum(one.value for one in self.shares)) != self.value:
            raise ValueError(f"分解合计 {total} 与目标值 {self.value} 不符, 相差 {total - self.value}")
        return self


class WorkTargetRead(BaseModel):
    """任务指标和当前进度."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    plan_id: UUID
    item_id: UUID
    item_number: int
    name: str
    unit: MeasureUnit
    direction: Direction
    base: Decimal | None
    value: Decimal
    due_on: date
    milestones: list[str]
    source: ActualSource
    reached: Decimal | None = Field(description="已核实的最近进度")
    reached_on: date | None
    percent: Decimal | None = Field(description="完成比例, %")
    light: Light
    explanation: str = Field(description="滞后说明")
    created_at: datetime


class WorkActualRead(BaseModel):
    """一次进度."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    target_id: UUID
    region: str
    on: date
    value: Decimal
    source: ActualSource
    state: ActualState
    document_no: str
    note: str
    rows: str = Field(description="系统计算的: 打开明细的地址")
    file_ids: list[str]
    created_at: datetime
    created_by: str
    confirmed_by: str


class WorkTargetDetail(WorkTargetRead):
    """任务指标, 分解和各次进度."""

    computation: Computation | None
    shares: list[TargetShare]
    actuals: list[WorkActualRead]


class WorkActualCreate(RequestBody):
    """填报进度: 截至某日的累计数."""

    id: UUID | None = None
    on: date = Field(description="截至日期")
    value: Amount
    unit: MeasureUnit | None = Field(None, description="空为指标的单位")
    document_no: str = Field("", max_length=80, description="外部统计的文件号, 外部统计必填")
    note: str = Field("", max_length=1000)
    file_ids: list[UUID] = Field([], max_length=20, description="佐证材料")


class WorkActualDecision(RequestBody):
    """核实一次进度."""

    confirmed: bool
    reason: str = Field("", max_length=1000, description="不属实的须写明理由")


class Explanation(RequestBody):
    """说明进度滞后的原因和措施."""

    text: str = Field(min_length=4, max_length=2000)


class WorkPlanSummary(BaseModel):
    """一年任务指标的进度."""

    region: str
    year: int | None
    count: int = Field(description="指标数")
    behind: int = Field(description="滞后的指标数")
    unexplained: int = Field(description="滞后而没有说明的")
    by_light: dict[Light, int]
