"""Request and response bodies of rectification items."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.rectification.items.lifecycle import ItemState
from shared.china import LabelledEnum, Money, MoneySum, RegionCode
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody

Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ItemSource(LabelledEnum):
    """问题来源."""

    STATE_EVALUATION = "state_evaluation", "国家后评估"
    ASSESSMENT = "assessment", "省级成效考核"
    AUDIT = "audit", "审计"
    DISCIPLINE = "discipline", "巡视巡察"
    SUPERVISION = "supervision", "督查暗访"
    HOTLINE = "hotline", "12317 和信访"
    MEDIA = "media", "媒体反映"
    SELF_CHECK = "self_check", "自查"
    ALERT = "alert", "系统预警"


class ItemCategory(LabelledEnum):
    """问题类别."""

    RESPONSIBILITY = "responsibility", "责任落实"
    POLICY = "policy", "政策落实"
    WORK = "work", "工作落实"
    FUNDS = "funds", "资金使用"
    PROJECTS = "projects", "项目管理"
    ASSETS = "assets", "资产管理"
    MONITORING = "monitoring", "监测帮扶"
    STATIONED = "stationed", "驻村帮扶"
    INCOME = "income", "产业就业"
    LIVING = "living", "三保障和饮水"
    OTHER = "other", "其他"


class MeasureTerm(LabelledEnum):
    """措施的时限."""

    BY_DATE = "by_date", "限期完成"
    AT_ONCE = "at_once", "立行立改"
    ONGOING = "ongoing", "长期坚持"


class Measure(RequestBody):
    """一条整改措施: 任务清单的一行. `no` 由 1 起编号."""

    no: int = Field(ge=1, le=50, description="措施序号")
    text: str = Field(min_length=2, max_length=1000, description="整改措施")
    person: str = Field("", max_length=100, description="责任人, 空为本问题的责任人")
    term: MeasureTerm = MeasureTerm.BY_DATE
    due_on: date | None = Field(None, description="完成日期, 限期完成的必填")
    result: str = Field("", max_length=1000, description="完成情况")
    percent: int = Field(0, ge=0, le=100, description="完成比例")

    @model_validator(mode="after")
    def _require_date(self) -> "Measure":
        if self.term is MeasureTerm.BY_DATE and self.due_on is None:
            raise ValueError("限期完成的措施须写明完成日期")
        return self


class Responsibility(RequestBody):
    """责任清单和任务清单的内容: 谁负责, 做什么, 何时完成."""

    leader: str = Field("", max_length=100, description="牵头领导")
    unit: str = Field("", max_length=200, description="责任单位")
    person: str = Field("", max_length=100, description="责任人")
    goal: str = Field("", max_length=1000, description="整改目标")
    due_on: date | None = Field(None, description="整改时限")
    measures: list[Measure] = Field([], max_length=50, description="整改措施")

    @model_validator(mode="after")
    def _require_own_numbers(self) -> "Responsibility":
        numbers = [measure.no for measure in self.measures]
        if len(set(numbers)) < len(numbers):
            raise ValueError("措施序号重复")
        return self


class ItemContent(Responsibility):
    """问题清单的内容, 连同责任、时限和任务."""

    source: ItemSource
    document_no: str = Field("", max_length=80, description="反馈文件号")
    number: str = Field(min_length=1, max_length=40, description="问题编号, 同一反馈文件内不重复")
    found_on: date = Field(description="反馈日期")
    category: ItemCategory
    problem: str = Field(min_length=4, max_length=4000, description="问题描述")
    amount_found: Money | None = Field(None, description="涉及金额")
    households: int | None = Field(None, ge=0, le=1_000_000, description="涉及户数")
    project_id: UUID | None = Field(None, description="涉及的项目")
    asset_id: UUID | None = Field(None, description="涉及的资产")


class ItemCreate(ItemContent):
    """登记整改问题."""

    id: UUID | None = Field(None, description="UUIDv7, 空为由系统编号")
    region: RegionCode


class ItemFromAlert(Responsibility):
    """由一条预警登记整改问题: 问题描述、地区、涉及的项目和资产取自预警."""

    id: UUID | None = None
    service: str = Field(pattern=r"^[a-z_]{2,40}$", description="预警所在的服务, 如 funds")
    alert_id: UUID
    category: ItemCategory
    amount_found: Money | None = Field(None, description="涉及金额")


class ItemChange(PatchBody):
    """修改责任、时限、措施; 未给出的不改."""

    leader: str | None = Field(None, max_length=100)
    unit: str | None = Field(None, max_length=200)
    person: str | None = Field(None, max_length=100)
    goal: str | None = Field(None, max_length=1000)
    due_on: date | None = None
    measures: list[Measure] | None = Field(None, max_length=50)


class MeasureProgress(RequestBody):
    """一条措施的进展."""

    no: int = Field(ge=1, le=50)
    result: str = Field(min_length=1, max_length=1000, description="完成情况")
    percent: int = Field(ge=0, le=100, description="完成比例")


class ItemProgressCreate(RequestBody):
    """月度整改进展."""

    id: UUID | None = None
    month: Month
    text: str = Field(min_length=2, max_length=2000, description="本月进展")
    measures: list[MeasureProgress] = Field([], max_length=50)
    amount_corrected: Money | None = Field(None, description="累计已整改金额")
    file_ids: list[UUID] = Field([], max_length=20, description="佐证材料")


class ItemProgressRead(BaseModel):
    """月度整改进展."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    item_id: UUID
    month: str
    text: str
    percent: int
    amount_corrected: Money | None
    file_ids: list[str]
    created_at: datetime
    created_by: str


class RectificationItemRead(BaseModel):
    """整改问题."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    source: ItemSource
    document_no: str
    number: str
    found_on: date
    category: ItemCategory
    problem: str
    amount_found: Money | None
    amount_corrected: Money | None
    households: int | None
    project_id: UUID | None
    asset_id: UUID | None
    alert: str = Field(description="由预警登记的: 预警的地址")
    leader: str
    unit: str
    person: str
    goal: str
    due_on: date | None
    measures: list[Measure]
    percent: int = Field(description="完成比例: 各条措施的平均")
    last_month: str = Field(description="最近报告进展的月份")
    file_ids: list[str] = Field(description="整改佐证材料")
    similar: str = Field(description="举一反三")
    mechanism: str = Field(description="长效机制")
    people_held: int | None = Field(description="追责问责人数")
    visited_on: date | None = Field(description="现场核查日期")
    visitors: str = Field(description="现场核查人")
    site_file_ids: list[str] = Field(description="现场核查照片")
    closing_no: str = Field(description="销号文号")
    closed_on: date | None
    looked_back_on: date | None = Field(description="回头看日期")
    rebounds: int = Field(description="反弹次数")
    state: ItemState
    state_since: datetime
    created_at: datetime
    created_by: str


class ItemDetail(RectificationItemRead):
    """整改问题, 月度进展和可办事项."""

    progress: list[ItemProgressRead]
    available_actions: list[AvailableAction]


class ItemTransitionRequest(TransitionRequest):
    """办理整改问题."""

    file_ids: list[UUID] = Field([], max_length=20, description="佐证材料; 核查时为现场照片")
    due_on: date | None = Field(None, description="整改时限; 反弹时为新的时限")
    similar: str = Field("", max_length=2000, description="举一反三")
    mechanism: str = Field("", max_length=2000, description="长效机制")
    people_held: int | None = Field(None, ge=0, le=10_000, description="追责问责人数")
    amount_corrected: Money | None = Field(None, description="累计已整改金额")
    visited_on: date | None = Field(None, description="现场核查日期")
    visitors: str = Field("", max_length=200, description="现场核查人")
    closing_no: str = Field("", max_length=80, description="销号文号")


class SourceCount(BaseModel):
    """一种来源的问题."""

    source: ItemSource
    label: str
    count: int
    closed: int
    overdue: int


class RectificationSummary(BaseModel):
    """整改台账合计."""

    region: str
    year: int | None
    count: int = Field(description="问题数")
    closed: int = Field(description="已销号")
    closed_percent: str = Field(description="销号率, %")
    closed_percent_of_towns: str | None = Field(description="各乡镇销号率的平均值, %; 县级才有")
    overdue: int = Field(description="逾期未销号")
    rebounds: int = Field(description="反弹")
    amount_found: MoneySum
    amount_corrected: MoneySum
    by_state: dict[ItemState, int]
    by_source: list[SourceCount]
