"""Schemas of distribution plans and of imported allocation tables."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.funds.findings import RuleFinding
from services.funds.plans.lifecycle import PlanState
from shared.china import LabelledEnum, Money, MoneySum, PositiveMoney, RegionCode, SignedMoney
from shared.errors import FieldErrorRead
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class PlanKind(LabelledEnum):
    """方案类别."""

    ORIGINAL = "original", "分配方案"
    AMENDMENT = "amendment", "调整方案"


MAX_PLAN_LINES = 500


class PlanLineWrite(RequestBody):
    """方案明细. What is left empty is taken from the project library."""

    id: UUID | None = None
    project_id: UUID
    source_id: UUID
    amount: SignedMoney = Field(description="元; 负数为从 allocation_id 收回, 只用于调整方案")
    allocation_id: UUID | None = Field(None, description="收回哪一笔资金安排")
    name: str = Field("", max_length=300)
    place: str = Field("", max_length=300)
    content: str = Field("", max_length=4000)
    project_type: str = Field("", max_length=100)
    fund_note: str = Field("", max_length=200, description="公告中的资金名称; 空则按来源")
    unit: str = Field("", max_length=200, description="责任单位")
    target: str = Field("", max_length=4000, description="绩效目标")
    management_fee: bool | None = Field(None, description="是否项目管理费; 空则按项目类型")
    industry: bool | None = Field(None, description="是否计入产业; 空则按项目库")
    industry_basis: str = Field("", max_length=300, description="计入产业的依据")


class PlanLinesWrite(RequestBody):
    """替换方案的全部明细."""

    lines: list[PlanLineWrite] = Field(max_length=MAX_PLAN_LINES)


class PlanChange(PatchBody):
    """修改方案的文字."""

    clearable = frozenset({"announced_total"})

    title: str | None = Field(None, min_length=2, max_length=300)
    batch: str | None = Field(None, max_length=200)
    principle: str | None = Field(None, max_length=4000)
    basis: str | None = Field(None, max_length=4000)
    announced_total: PositiveMoney | None = None
    hotline: str | None = Field(None, max_length=100, json_schema_extra={"x-declared-number": True})


class PlanCreate(RequestBody):
    """编制分配方案."""

    id: UUID | None = None
    region: RegionCode
    kind: PlanKind = PlanKind.ORIGINAL
    amends: UUID | None = Field(None, description="调整方案所调整的方案")
    title: str = Field(min_length=2, max_length=300)
    year: int = Field(ge=2000, le=2100)
    batch: str = Field("", max_length=200)
    principle: str = Field("", max_length=4000, description="分配原则")
    basis: str = Field("", max_length=4000, description="依据")
    announced_total: PositiveMoney | None = Field(None, description="方案总额; 填写后明细必须分毫不差")
    hotline: str = Field("", max_length=100, json_schema_extra={"x-declared-number": True})
    happened_at: AwareDatetime | None = Field(None, description="实际编制时间; 空为现在. 补录历史时填写")
    lines: list[PlanLineWrite] = Field(default=[], max_length=MAX_PLAN_LINES)


class PlanLineRead(BaseModel):
    """方案明细."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    position: int
    project_id: UUID
    source_id: UUID
    allocation_id: UUID | None
    amount: SignedMoney
    name: str
    place: str
    content: str
    project_type: str
    fund_note: str
    unit: str
    target: str
    management_fee: bool
    industry: bool
    industry_basis: str


class PlanRead(BaseModel):
    """分配方案."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: PlanKind
    amends: UUID | None
    title: str
    year: int
    batch: str
    principle: str
    basis: str
    announced_total: Money | None
    hotline: str
    state: PlanState
    state_since: datetime
    submitted_by: str
    approved_by: str
    issued_by: str
    decision_no: str
    decision_on: date | None
    issued_on: date | None
    rules_used: list[str]
    created_at: datetime
    created_by: str


class PlanDetail(PlanRead):
    """分配方案, 明细和可办事项."""

    total: MoneySum
    lines: list[PlanLineRead]
    available_actions: list[AvailableAction]


class PlanTransitionRequest(TransitionRequest):
    """办理方案."""

    decision_no: str = Field("", max_length=100, description="审定文件文号")
    decision_on: date | None = Field(None, description="审定日期")
    decision_file: UUID | None = Field(None, description="审定文件的文件编号")


class PlanChecks(BaseModel):
    """方案检查: what every dated rule says now."""

    model_config = ConfigDict(from_attributes=True)

    plan_id: UUID
    total: MoneySum
    stops: int
    warnings: int
    findings: list[RuleFinding]
    missing: list[str] = Field([], description="暂时问不到的服务")


class ImportedLine(BaseModel):
    """表中的一行."""

    model_config = ConfigDict(from_attributes=True)

    row: int = Field(description="表格软件中的行号")
    name: str
    place: str
    amount: Money
    project_id: UUID | None = Field(description="项目库中的项目; 空则没有找到或有重名")
    project_state: str
    document_no: str = Field(description="所用指标文; 空则分不清")


class PlanImportRead(BaseModel):
    """导入结果. `plan_id` is empty after a dry run."""

    model_config = ConfigDict(from_attributes=True)

    plan_id: UUID | None
    lines: list[ImportedLine]
    total: MoneySum = Field(description="明细合计")
    announced_total: Money
    difference: MoneySum = Field(description="明细合计减方案总额")
    totals_skipped: list[int] = Field(description="合计行的行号, 不导入")
    columns_ignored: list[str] = Field(description="不认识的列")
    errors: list[FieldErrorRead]
