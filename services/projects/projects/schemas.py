"""Request and response schemas and code sets of projects, packages (项目包) and batches (批量办理)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.projects.attachments.schemas import DocumentKind
from services.projects.projects.guards import Procurement, Purchase
from services.projects.projects.lifecycle import Stage, State
from services.projects.quantities.schemas import QuantityProgress
from services.projects.screening.schemas import Budget, Land, PreparationStatus
from shared.china import LabelledEnum, Money, Place, PositiveMoney, RegionCode, SignedMoney
from shared.clients.projects import BuiltAsset
from shared.db import NULL_AS_BLANK
from shared.errors import FieldErrorRead
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class ApplicantKind(LabelledEnum):
    """申报主体."""

    VILLAGE = "village", "村级申报"
    TOWN = "town", "乡镇申报"
    DISTRICT = "district", "县级申报"


class Nature(LabelledEnum):
    """建设性质."""

    NEW = "new", "新建"
    REBUILT_EXTENDED = "rebuilt_extended", "改扩建"
    CONTINUED = "continued", "续建"
    REBUILT = "rebuilt", "改建"
    EXTENDED = "extended", "扩建"
    REPAIRED = "repaired", "维修"
    OTHER = "other", "其他"


class MoneyKind(LabelledEnum):
    """计划资金来源."""

    CENTRAL = "central", "中央衔接资金"
    PROVINCIAL = "provincial", "省级衔接资金"
    CITY = "city", "市级衔接资金"
    COUNTY = "county", "县级衔接资金"
    FISCAL = "fiscal", "其他财政资金"
    SELF_RAISED = "self_raised", "自筹资金"
    OTHER = "other", "其他资金"


class Indicator(LabelledEnum):
    """绩效指标类别. The order follows 产出, 效益, 满意度."""

    QUANTITY = "quantity", "数量指标"
    QUALITY = "quality", "质量指标"
    TIMELINESS = "timeliness", "时效指标"
    COST = "cost", "成本指标"
    ECONOMIC = "economic", "经济效益指标"
    SOCIAL = "social", "社会效益指标"
    ECOLOGICAL = "ecological", "生态效益指标"
    LASTING = "lasting", "可持续影响指标"
    SATISFACTION = "satisfaction", "服务对象满意度指标"


class Operator(LabelledEnum):
    """指标值的比较."""

    AT_LEAST = ">=", "不低于"
    EQUAL = "=", "等于"
    AT_MOST = "<=", "不高于"


CATEGORY_PATTERN = r"^[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,2}$"
DRAFT_CATEGORY_PATTERN = r"^([1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,2})?$"
PHONE_PATTERN = r"^(1\d{10}|0\d{2,3}-?\d{7,8})?$"
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Year = Annotated[int, Field(ge=2000, le=2100)]
MAX_QUANTITY = 1_000_000_000
LongText = Annotated[str, Field(max_length=4000)]


class PlaceWrite(RequestBody):
    """项目地点."""

    region: RegionCode = Field(description="所在村或乡镇, 须在项目所在县内")
    address: str = Field("", max_length=300)
    point: Place | None = Field(None, description="坐标, 须写明坐标系")


class PlannedMoneyWrite(RequestBody):
    """计划资金来源."""

    model_config = ConfigDict(from_attributes=True)

    kind: MoneyKind
    amount: PositiveMoney
    note: str = Field("", max_length=300)


class Quantity(RequestBody):
    """建设规模的一项."""

    name: str = Field(min_length=1, max_length=100)
    amount: Decimal = Field(ge=0, le=MAX_QUANTITY, decimal_places=4)
    unit: str = Field(
        min_length=1,
        max_length=20,
        description="计量单位, 见规则 quantity.units",
        json_schema_extra={"x-codes": "projects.units"},
    )


class TargetWrite(RequestBody):
    """一条绩效目标."""

    model_config = ConfigDict(from_attributes=True)

    kind: Indicator
    name: str = Field(min_length=2, max_length=200)
    operator: Operator = Operator.AT_LEAST
    value: str = Field(min_length=1, max_length=100)
    unit: str = Field("", max_length=40)
    core: bool = False


class ProjectFields(RequestBody):
    """项目申报表. Amounts in 元; lists (places, money, targets) replace the stored rows."""

    name: str = Field(min_length=2, max_length=300)
    content: LongText = Field("", description="建设内容与规模")
    category: str = Field(
        pattern=DRAFT_CATEGORY_PATTERN,
        description="项目子类型代码, 见 /projects/categories; 草稿可先留空",
        json_schema_extra={"x-codes": "projects.categories"},
    )
    counts_as_industry: bool | None = Field(None, description="是否计入产业; 空则按项目类型, 不同须说明理由")
    industry_reason: str = Field("", max_length=500)
    nature: Nature = Nature.NEW
    origin: ApplicantKind | None = Field(None, description="申报主体; 空则按所在区划层级")
    year: Year = Field(description="项目年度")
    parent_id: UUID | None = Field(None, description="所属项目包或上级项目")
    place: str = Field("", max_length=500, description="实施地点")
    places: list[PlaceWrite] = Field(default=[], max_length=100)
    planned_start: date | None = None
    planned_end: date | None = None
    managing_unit: str = Field("", max_length=200, description="主管部门")
    implementing_unit: str = Field("", max_length=200, description="实施单位")
    leader_name: str = Field("", max_length=60, description="责任人")
    leader_phone: str = Field("", pattern=PHONE_PATTERN, description="责任人电话; 加密保存, 只显示部分")
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
    goal: LongText = Field("", description="总体绩效目标")
    targets: list[TargetWrite] = Field(default=[], max_length=50)
    participation: LongText = Field("", description="群众参与")
    linkage: str = Field("", max_length=2000, description="联农带农机制")
    operator: str = Field("", max_length=200, description="建成后的经营或管护主体")
    land: Land | None = None
    design: PreparationStatus | None = None
    environment: PreparationStatus | None = None
    budget: Budget | None = None
    remark: LongText = ""


class ProjectCreate(ProjectFields):
    """新建项目(草稿)."""

    id: UUID | None = Field(
        None, description="any UUID, best a UUIDv7 made by the phone; the server makes one when absent"
    )
    region: RegionCode = Field(description="项目所在的村、乡镇或县")
    happened_at: AwareDatetime | None = Field(None, description="实际提出时间; 空为现在. 补录历史时填写")


class ProjectChange(PatchBody):
    """修改项目. 草稿和退回时可改全部字段; 之后只能改联系人、前期条件、经营主体和备注, 其余走变更申请."""

    clearable = frozenset(
        {
            "budget",
            "counts_as_industry",
            "design",
            "environment",
            "land",
            "parent_id",
            "planned_end",
            "planned_start",
        }
    )

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=2, max_length=300)
    content: LongText | None = None
    category: str | None = Field(
        None, pattern=CATEGORY_PATTERN, json_schema_extra={"x-codes": "projects.categories"}
    )
    counts_as_industry: bool | None = None
    industry_reason: str | None = Field(None, max_length=500)
    nature: Nature | None = None
    origin: ApplicantKind | None = None
    year: Year | None = None
    parent_id: UUID | None = None
    place: str | None = Field(None, max_length=500)
    places: list[PlaceWrite] | None = Field(None, max_length=100)
    planned_start: date | None = None
    planned_end: date | None = None
    managing_unit: str | None = Field(None, max_length=200)
    implementing_unit: str | None = Field(None, max_length=200)
    leader_name: str | None = Field(None, max_length=60)
    leader_phone: str | None = Field(None, pattern=PHONE_PATTERN)
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
    goal: LongText | None = None
    targets: list[TargetWrite] | None = Field(None, max_length=50)
    participation: LongText | None = None
    linkage: str | None = Field(None, max_length=2000)
    operator: str | None = Field(None, max_length=200)
    land: Land | None = None
    design: PreparationStatus | None = None
    environment: PreparationStatus | None = None
    budget: Budget | None = None
    remark: LongText | None = None

    def get_sent_fields(self) -> dict[str, Any]:
        """Return the fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class BuiltAssetWrite(BuiltAsset, RequestBody):
    """形成的一项资产."""


class ProjectTransitionRequest(TransitionRequest):
    """办理项目. The lifecycle table names the fields an action needs; the others are ignored."""

    opinion: str = Field("", max_length=4000, description="审核、论证意见")
    statements: list[
        Annotated[str, Field(max_length=40, json_schema_extra={"x-codes": "projects.statements"})]
    ] = Field(default=[], max_length=30, description="逐项确认的内容, 见规则 admission.statements")
    decision_no: str = Field("", max_length=100, description="审定或依据文件文号")
    decision_on: date | None = Field(None, description="审定日期")
    plan_year: Year | None = Field(None, description="计划年度; 空则为项目年度")
    procurement: Procurement | None = Field(None, description="发包方式")
    purchase: Purchase | None = Field(None, description="采购对象: 工程、货物、服务; 空则按项目类型")
    estimate: Money | None = Field(None, description="单项合同估算价; 空则为总投资")
    settled: Money | None = Field(None, description="审定结算金额")
    built: list[BuiltAssetWrite] = Field(
        default=[], max_length=100, description="形成的资产; 空则按项目登记一项"
    )


class PlaceRead(BaseModel):
    """项目地点 (WGS-84)."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    address: str
    lon: float | None
    lat: float | None


class ProjectRow(BaseModel):
    """列表中的项目."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    name: str
    state: State
    state_label: str = ""
    stage: Stage
    state_since: datetime
    category: str
    category_label: str
    counts_as_industry: bool
    library_code: Annotated[str, NULL_AS_BLANK] = ""
    year: int
    plan_year: int | None
    place: str
    lon: float | None
    lat: float | None
    managing_unit: str
    implementing_unit: str
    total: Money
    allocated: Money
    paid: Money
    settled: Money
    blocked: bool
    physical_percent: int | None
    planned_end: date | None
    schedule_due_on: date | None = Field(description="计划进度首次超过形象进度的月底")
    payment_due_on: date | None = Field(description="计划支付首次超过已支付的月底")
    parent_id: UUID | None
    is_package: bool
    updated_at: datetime


class ProjectRead(ProjectRow):
    """项目."""

    content: str
    industry_reason: str
    nature: Nature
    origin: ApplicantKind
    planned_start: date | None
    leader_name: str
    leader_phone: str = Field(description="只显示部分号码")
    quantities: list[Quantity]
    household: bool
    relocation: bool
    asset_income: bool
    collective_income: bool
    villages: int
    households: int
    people: int
    poor_households: int
    poor_people: int
    goal: str
    participation: str
    linkage: str
    operator: str
    land: Land | None
    design: PreparationStatus | None
    environment: PreparationStatus | None
    budget: Budget | None
    remark: str
    declared_by: str
    endorsed_by: str
    appraised_by: str
    approved_by: str
    opinions: list[dict[str, Any]] = Field(description="各环节的意见, 确认内容, 办理人, 时间, 规则版本")
    decision_no: str
    decision_on: date | None
    declared_on: date | None
    admitted_on: date | None
    screened_at: datetime | None
    verdict: str
    verdict_label: str = ""
    findings: list[dict[str, Any]]
    rules_version: str
    allocated_on: date | None
    paid_on: date | None
    procurement: Procurement | None
    started_on: date | None
    progressed_on: date | None
    completed_on: date | None
    accepted_on: date | None
    built: list[dict[str, Any]]
    handed_over_on: date | None
    handed_over_value: Money
    uncovered_reason: str
    closed_on: date | None
    evaluation: dict[str, Any]
    created_at: datetime
    created_by: str


class ProjectDetail(ProjectRead):
    """项目全貌和可办事项."""

    places: list[PlaceRead]
    money: list[PlannedMoneyWrite]
    targets: list[TargetWrite]
    reached: list[QuantityProgress] = Field(description="累计完成工程量与计划对照")
    documents: list[DocumentKind] = Field(description="已有附件类别")
    committed: Money = Field(description="财政已登记、尚未下达的安排")
    available_actions: list[AvailableAction]


class HistoryItem(BaseModel):
    """项目经历的一步, with the time it happened and the time it was recorded."""

    position: str
    type: str
    at: datetime = Field(description="实际发生时间")
    recorded_at: datetime = Field(description="录入时间")
    late_days: int = Field(description="录入晚于发生的天数")
    actor: str
    on_behalf_of: str
    reason: str
    before: dict[str, Any] = Field(description="变更前的值; 办理另有 request_digest, 是办理请求的校验值")
    after: dict[str, Any]


class History(BaseModel):
    """项目经历, oldest first."""

    items: list[HistoryItem]
    next_cursor: str | None = None


class PartsRollup(BaseModel):
    """下级项目合计(只计最末级)."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    total: Money
    allocated: Money
    paid: Money
    settled: Money
    completed: int = Field(description="已完工及以后的项目数")


class ProjectParts(BaseModel):
    """项目包及其下级."""

    id: UUID
    name: str
    total: Money
    sum: PartsRollup
    difference: SignedMoney = Field(description="本级总投资减下级合计")
    items: list[ProjectRow]


MAX_BATCH_ITEMS = 200
BatchAction = Literal[
    "declare",
    "forward",
    "submit",
    "recall",
    "endorse",
    "appraise",
    "approve",
    "admit",
    "return",
    "plan",
    "withdraw",
]


class BatchWrite(RequestBody):
    """批量办理. Projects are processed independently; each one succeeds or reports its own problem."""

    action: BatchAction
    ids: list[UUID] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)
    act: ProjectTransitionRequest = ProjectTransitionRequest()


class RollOver(RequestBody):
    """滚动纳入下一年度: projects in reserve that were not funded and are still needed."""

    ids: list[UUID] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)
    year: Year = Field(description="纳入的年度")
    decision_no: str = Field(min_length=2, max_length=100, description="审定文件文号")
    reason: str = Field("", max_length=2000)


class BatchItemResult(BaseModel):
    """一个项目的办理结果."""

    id: UUID
    name: str = ""
    done: bool
    state: State | None = Field(None, description="办理后的状态")
    problem: str = Field("", description="错误类型; 空为成功")
    detail: str = ""
    errors: list[FieldErrorRead] = []


class TransitionBatchRead(BaseModel):
    """批量办理结果, in the order of the request."""

    dry_run: bool
    done: int
    refused: int
    items: list[BatchItemResult]
