"""Schemas and code sets of performance targets, in the order of 绩效目标申报表."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.funds.targets.lifecycle import TargetState
from shared.china import LabelledEnum, Money, MoneySum
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class TargetSection(LabelledEnum):
    """一级指标."""

    OUTPUT = "output", "产出指标"
    BENEFIT = "benefit", "效益指标"
    SATISFACTION = "satisfaction", "满意度指标"


class Aspect(LabelledEnum):
    """二级指标."""

    QUANTITY = "quantity", "数量指标"
    QUALITY = "quality", "质量指标"
    TIMELINESS = "timeliness", "时效指标"
    COST = "cost", "成本指标"
    ECONOMIC = "economic", "经济效益指标"
    SOCIAL = "social", "社会效益指标"
    ECOLOGICAL = "ecological", "生态效益指标"
    LASTING = "lasting", "可持续影响指标"
    SERVED = "served", "服务对象满意度指标"

    @property
    def part(self) -> TargetSection:
        """The 一级指标 of this 二级指标."""
        if self in {Aspect.QUANTITY, Aspect.QUALITY, Aspect.TIMELINESS, Aspect.COST}:
            return TargetSection.OUTPUT
        return TargetSection.SATISFACTION if self is Aspect.SERVED else TargetSection.BENEFIT


class TargetOperator(LabelledEnum):
    """指标值的比较."""

    GE = "ge", "≥"
    EQ = "eq", "="
    LE = "le", "≤"


DecimalText = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$")]
"""指标值: a decimal number as text, without a sign."""


class IndicatorWrite(RequestBody):
    """填写的绩效指标."""

    id: UUID | None = None
    aspect: Aspect
    name: str = Field(min_length=2, max_length=200, description="三级指标")
    operator: TargetOperator = TargetOperator.GE
    value: DecimalText | None = Field(None, description="指标值")
    unit: str = Field("", max_length=40)
    weight: int | None = Field(None, ge=0, le=100, description="权重; 空为平均分配")
    core: bool = Field(False, description="★核心指标")


class TargetCreate(RequestBody):
    """编制绩效目标. Without indicators the template of the project's category is used."""

    id: UUID | None = None
    plan_id: UUID
    project_id: UUID
    department: str = Field("", max_length=200, description="主管部门")
    unit: str = Field("", max_length=200, description="实施单位; 空为方案明细所写")
    leader: str = Field("", max_length=100, description="项目负责人")
    amount: Money | None = Field(None, description="年度资金总额; 空为方案安排的金额")
    goal: str = Field("", max_length=2000, description="年度目标")
    template: str = Field("", max_length=80, description="模板; 空为按项目类型")
    indicators: list[IndicatorWrite] = Field([], max_length=60)


class TargetChange(PatchBody):
    """修改编制中的绩效目标."""

    department: str | None = Field(None, max_length=200)
    unit: str | None = Field(None, max_length=200)
    leader: str | None = Field(None, max_length=100)
    amount: Money | None = None
    goal: str | None = Field(None, max_length=2000)
    indicators: list[IndicatorWrite] | None = Field(None, max_length=60, description="给出则整表替换")


class IndicatorResult(RequestBody):
    """一项指标的完成情况."""

    indicator_id: UUID
    actual: DecimalText
    deviation_reason: str = Field("", max_length=2000)
    file_ids: list[UUID] = Field([], max_length=20, description="佐证材料")


class ResultsWrite(RequestBody):
    """自评填报."""

    results: list[IndicatorResult] = Field(max_length=60)
    summary: str = Field("", max_length=5000, description="自评结论, 存在问题和改进措施")


class MonitoringCreate(RequestBody):
    """绩效运行监控."""

    id: UUID | None = None
    monitored_on: date
    values: list[IndicatorResult] = Field([], max_length=60, description="截至监控日的完成值")
    problems: str = Field("", max_length=5000, description="偏差和存在问题")
    measures: str = Field("", max_length=5000, description="纠正措施")


class TargetTransitionRequest(TransitionRequest):
    """办理绩效目标."""

    published_on: date | None = Field(None, description="公开日期, 公开时必填")
    published_at: str = Field("", max_length=500, description="公开位置(网址或公开栏), 公开时必填")


class IndicatorRead(BaseModel):
    """绩效指标."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    position: int
    part: TargetSection = Field(description="一级指标")
    aspect: Aspect = Field(description="二级指标")
    name: str = Field(description="三级指标")
    operator: TargetOperator
    value: str
    unit: str
    weight: int
    core: bool
    actual: str
    completion: str = Field(description="完成率, %; 空为未填")
    deviates: bool
    deviation_reason: str
    file_ids: list[str]


class MonitoringRead(BaseModel):
    """绩效运行监控."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    monitored_on: date
    allocated: MoneySum = Field(description="截至监控日已下达")
    paid: MoneySum = Field(description="截至监控日已支付")
    values: list[dict[str, str]] = Field(description="各项指标的完成值和完成率")
    problems: str
    measures: str
    created_at: datetime
    created_by: str


class TargetRead(BaseModel):
    """绩效目标."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    plan_id: UUID
    project_id: UUID
    project_name: str
    year: int
    department: str
    unit: str
    leader: str
    amount: Money = Field(description="年度资金总额")
    fiscal_amount: Money = Field(description="其中财政拨款")
    goal: str
    template: str
    state: TargetState
    state_since: datetime
    submitted_by: str
    approved_by: str
    decision_no: str = Field(description="批复文件文号, 与资金方案相同")
    approved_on: date | None
    due_on: date | None = Field(description="公开期限: 批复后规定的工作日")
    published_on: date | None
    published_at: str
    evaluated_by: str
    paid: Money | None = Field(description="自评时已支付")
    score: str | None = Field(description="自评得分")
    summary: str
    rules_used: list[str]
    created_at: datetime
    created_by: str


class PublicIndicator(BaseModel):
    """公开的绩效指标."""

    model_config = ConfigDict(from_attributes=True)

    part: TargetSection = Field(description="一级指标")
    aspect: Aspect = Field(description="二级指标")
    name: str = Field(description="三级指标")
    operator: TargetOperator
    value: str
    unit: str
    actual: str = Field("", description="完成值; 自评审定后公开")
    completion: str = Field("", description="完成率, %; 自评审定后公开")


class PublicTarget(BaseModel):
    """公开的绩效目标: no names or numbers of people; results once another person confirmed them."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    year: int
    project_name: str
    department: str = Field(description="主管部门")
    unit: str = Field(description="实施单位")
    amount: Money = Field(description="年度资金总额")
    fiscal_amount: Money = Field(description="其中财政拨款")
    goal: str
    decision_no: str = Field(description="批复文件文号")
    approved_on: date | None
    published_on: date
    published_at: str
    confirmed: bool = Field(description="自评结果已审定")
    score: str | None = Field(description="自评得分; 审定后公开")
    summary: str = Field(description="自评结论; 审定后公开")
    indicators: list[PublicIndicator]


class TargetDetail(TargetRead):
    """绩效目标, 指标, 监控和可办事项."""

    indicators: list[IndicatorRead]
    monitorings: list[MonitoringRead]
    available_actions: list[AvailableAction]


class TemplateIndicator(BaseModel):
    """模板中的指标."""

    aspect: Aspect
    part: TargetSection
    name: str
    operator: TargetOperator
    unit: str = ""
    value: str = ""
    core: bool = False


class TargetTemplate(BaseModel):
    """绩效指标模板."""

    code: str
    title: str
    categories: list[str] = Field(description="适用的项目类型代码开头")
    indicators: list[TemplateIndicator]
    basis: str
    confirmed: bool
    rule: str


class TargetSheetRow(BaseModel):
    """年度绩效表中的一行."""

    model_config = ConfigDict(from_attributes=True)

    target_id: UUID
    project_id: UUID
    project_name: str
    region: str
    state: TargetState
    amount: Money
    allocated: MoneySum
    paid: MoneySum
    execution: str = Field(description="预算执行率, %")
    indicators: int
    met: int = Field(description="完成的指标数")
    deviating: int = Field(description="偏差较大的指标数")
    monitorings: int
    published_on: date | None
    due_on: date | None
    score: str | None


class YearSheet(BaseModel):
    """年度绩效表: every target of a region and year, and their sums."""

    region: str
    year: int
    targets: int
    confirmed: int
    published: int
    published_in_time: int
    amount: MoneySum
    allocated: MoneySum
    paid: MoneySum
    execution: str
    rows: list[TargetSheetRow] = Field(description="最多 1000 行")
