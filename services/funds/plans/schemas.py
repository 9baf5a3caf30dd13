"""What goes in and out about distribution plans."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.funds.checking.finding import Finding
from services.funds.plans.kinds import PlanKind
from services.funds.plans.lifecycle import PlanState
from shared.money import Money, PositiveMoney, SignedMoney
from shared.moves import Act, Offer

REGION = r"^[0-9]{12}$"
MOST_LINES = 500


class LineWrite(BaseModel):
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


class LinesWrite(BaseModel):
    """替换方案的全部明细."""

    lines: list[LineWrite] = Field(max_length=MOST_LINES)


class PlanChange(BaseModel):
    """修改方案的文字."""

    title: str | None = Field(None, min_length=2, max_length=300)
    batch: str | None = Field(None, max_length=200)
    principle: str | None = Field(None, max_length=4000)
    basis: str | None = Field(None, max_length=4000)
    announced_total: PositiveMoney | None = None
    hotline: str | None = Field(None, max_length=100)


class PlanCreate(BaseModel):
    """编制分配方案."""

    id: UUID | None = None
    region: str = Field(pattern=REGION)
    kind: PlanKind = PlanKind.ORIGINAL
    amends: UUID | None = Field(None, description="调整方案所调整的方案")
    title: str = Field(min_length=2, max_length=300)
    year: int = Field(ge=2000, le=2100)
    batch: str = Field("", max_length=200)
    principle: str = Field("", max_length=4000, description="分配原则")
    basis: str = Field("", max_length=4000, description="依据")
    announced_total: PositiveMoney | None = Field(None, description="方案总额; 填写后明细必须分毫不差")
    hotline: str = Field("", max_length=100)
    happened_at: AwareDatetime | None = Field(None, description="实际编制时间; 空为现在. 补录历史时填写")
    lines: list[LineWrite] = Field(default=[], max_length=MOST_LINES)


class LineRead(BaseModel):
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

    total: SignedMoney
    lines: list[LineRead]
    available_actions: list[Offer]


class PlanAct(Act):
    """办理方案."""

    decision_no: str = Field("", max_length=100, description="审定文件文号")
    decision_on: date | None = Field(None, description="审定日期")
    decision_file: UUID | None = Field(None, description="审定文件的文件编号")


class Checks(BaseModel):
    """方案检查: what every dated rule says now."""

    model_config = ConfigDict(from_attributes=True)

    plan_id: UUID
    total: SignedMoney
    stops: int
    warnings: int
    findings: list[Finding]
    missing: list[str] = Field([], description="暂时问不到的服务")
