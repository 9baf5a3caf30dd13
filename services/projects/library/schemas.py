"""What goes in and out about projects."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.projects.library.kinds import (
    Indicator,
    MoneyKind,
    Nature,
    Operator,
    Origin,
    Procurement,
    Purchase,
)
from services.projects.screening.schemas import Budget, Land, Step
from shared.contracts.projects import BuiltThing
from shared.money import Money, PositiveMoney
from shared.moves import Act
from shared.places import Place

REGION = r"^[0-9]{12}$"
CATEGORY = r"^[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,2}$"
PHONE = r"^(1\d{10}|0\d{2,3}-?\d{7,8})?$"
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Year = Annotated[int, Field(ge=2000, le=2100)]
Words = Annotated[str, Field(max_length=4000)]


class PlaceWrite(BaseModel):
    """项目地点."""

    region: str = Field(pattern=REGION, description="所在村或乡镇, 须在项目所在县内")
    address: str = Field("", max_length=300)
    point: Place | None = Field(None, description="坐标, 须写明坐标系")


class PlannedMoneyWrite(BaseModel):
    """计划资金来源."""

    model_config = ConfigDict(from_attributes=True)

    kind: MoneyKind
    amount: PositiveMoney
    note: str = Field("", max_length=300)


class Quantity(BaseModel):
    """建设规模的一项."""

    name: str = Field(min_length=1, max_length=100)
    amount: Decimal = Field(ge=0, max_digits=15, decimal_places=4)
    unit: str = Field(min_length=1, max_length=20)


class TargetWrite(BaseModel):
    """一条绩效目标."""

    model_config = ConfigDict(from_attributes=True)

    kind: Indicator
    name: str = Field(min_length=2, max_length=200)
    operator: Operator = Operator.AT_LEAST
    value: str = Field(min_length=1, max_length=100)
    unit: str = Field("", max_length=40)
    core: bool = False


class ProjectFields(BaseModel):
    """项目申报表. Amounts in 元; places and money are lists that replace what was there."""

    name: str = Field(min_length=2, max_length=300)
    content: Words = Field("", description="建设内容与规模")
    category: str = Field(pattern=CATEGORY, description="项目子类型代码, 见 /projects/categories")
    counts_as_industry: bool | None = Field(None, description="是否计入产业; 空则按项目类型, 不同须说明理由")
    industry_reason: str = Field("", max_length=500)
    nature: Nature = Nature.NEW
    origin: Origin | None = Field(None, description="申报主体; 空则按所在区划层级")
    year: Year = Field(description="项目年度")
    parent_id: UUID | None = Field(None, description="所属项目包或上级项目")
    place: str = Field("", max_length=500, description="实施地点")
    places: list[PlaceWrite] = Field(default=[], max_length=100)
    planned_start: date | None = None
    planned_end: date | None = None
    managing_unit: str = Field("", max_length=200, description="主管部门")
    implementing_unit: str = Field("", max_length=200, description="实施单位")
    leader_name: str = Field("", max_length=60, description="责任人")
    leader_phone: str = Field("", pattern=PHONE, description="责任人电话; 加密保存, 只显示部分")
    quantities: list[Quantity] = Field(default=[], max_length=50, description="建设规模: 数量与单位")
    total: PositiveMoney = Field(description="预算总投资, 等于各来源之和")
    money: list[PlannedMoneyWrite] = Field(default=[], max_length=7, description="计划资金来源")
    household: bool = Field(False, description="是否到户项目")
    relocation: bool = Field(False, description="是否易地搬迁后扶项目")
    asset_income: bool = Field(False, description="是否资产收益项目")
    collective_income: bool = Field(False, description="是否增加村集体经济收入")
    villages: Count = Field(0, description="受益村数")
    households: Count = Field(0, description="受益户数")
    people: Count = Field(0, description="受益人口")
    poor_households: Count = Field(0, description="其中脱贫户和监测户户数")
    poor_people: Count = Field(0, description="其中脱贫户和监测户人数")
    goal: Words = Field("", description="总体绩效目标")
    targets: list[TargetWrite] = Field(default=[], max_length=50)
    participation: Words = Field("", description="群众参与")
    linkage: str = Field("", max_length=2000, description="联农带农机制")
    operator: str = Field("", max_length=200, description="建成后的经营或管护主体")
    land: Land | None = None
    design: Step | None = None
    environment: Step | None = None
    budget: Budget | None = None
    remark: Words = ""


class ProjectCreate(ProjectFields):
    """新建项目(草稿)."""

    id: UUID | None = Field(None, description="UUIDv7 made by the phone; the server makes one when absent")
    region: str = Field(pattern=REGION, description="项目所在的村、乡镇或县")
    happened_at: AwareDatetime | None = Field(None, description="实际提出时间; 空为现在. 补录历史时填写")


class ProjectChange(BaseModel):
    """修改项目. 草稿和退回时可改全部字段; 之后只能改联系人、前期条件、经营主体和备注, 其余走变更申请."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=2, max_length=300)
    content: Words | None = None
    category: str | None = Field(None, pattern=CATEGORY)
    counts_as_industry: bool | None = None
    industry_reason: str | None = Field(None, max_length=500)
    nature: Nature | None = None
    origin: Origin | None = None
    year: Year | None = None
    parent_id: UUID | None = None
    place: str | None = Field(None, max_length=500)
    places: list[PlaceWrite] | None = Field(None, max_length=100)
    planned_start: date | None = None
    planned_end: date | None = None
    managing_unit: str | None = Field(None, max_length=200)
    implementing_unit: str | None = Field(None, max_length=200)
    leader_name: str | None = Field(None, max_length=60)
    leader_phone: str | None = Field(None, pattern=PHONE)
    quantities: list[Quantity] | None = Field(None, max_length=50)
    total: PositiveMoney | None = None
    money: list[PlannedMoneyWrite] | None = Field(None, max_length=7)
    household: bool | None = None
    relocation: bool | None = None
    asset_income: bool | None = None
    collective_income: bool | None = None
    villages: Count | None = None
    households: Count | None = None
    people: Count | None = None
    poor_households: Count | None = None
    poor_people: Count | None = None
    goal: Words | None = None
    targets: list[TargetWrite] | None = Field(None, max_length=50)
    participation: Words | None = None
    linkage: str | None = Field(None, max_length=2000)
    operator: str | None = Field(None, max_length=200)
    land: Land | None = None
    design: Step | None = None
    environment: Step | None = None
    budget: Budget | None = None
    remark: Words | None = None

    def given(self) -> dict[str, Any]:
        """The fields that were sent, nulls left out where a null means nothing."""
        clearable = {"parent_id", "planned_start", "planned_end", "land", "design", "environment", "budget"}
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in sent.items() if value is not None or name in clearable}


class ProjectAct(Act):
    """办理项目. Which fields a move needs is in the table of moves; the others are ignored."""

    opinion: str = Field("", max_length=4000, description="审核、论证意见")
    statements: list[Annotated[str, Field(max_length=40)]] = Field(
        default=[], max_length=30, description="逐项确认的内容代码, 见规则 admission.statements"
    )
    decision_no: str = Field("", max_length=100, description="审定或依据文件文号")
    decision_on: date | None = Field(None, description="审定日期")
    plan_year: Year | None = Field(None, description="计划年度; 空则为项目年度")
    procurement: Procurement | None = Field(None, description="发包方式")
    purchase: Purchase | None = Field(None, description="采购对象: 工程、货物、服务; 空则按项目类型")
    estimate: Money | None = Field(None, description="单项合同估算价; 空则为总投资")
    settled: Money | None = Field(None, description="审定结算金额")
    built: list[BuiltThing] = Field(default=[], max_length=100, description="形成的资产; 空则按项目登记一项")
