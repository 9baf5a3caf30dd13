"""What is shown of projects."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.projects.library.kinds import Nature, Origin, Procurement
from services.projects.library.schemas import PlannedMoneyWrite, Quantity, TargetWrite
from services.projects.library.states import Stage, State
from services.projects.screening.schemas import Budget, Land, Step
from shared.money import Money
from shared.moves import Offer


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
    library_code: str = ""
    year: int
    plan_year: int | None
    place: str
    lon: float | None
    lat: float | None
    implementing_unit: str
    total: Money
    allocated: Money
    paid: Money
    settled: Money
    blocked: bool
    physical_percent: int | None
    planned_end: date | None
    parent_id: UUID | None
    is_package: bool
    updated_at: datetime

    @field_validator("library_code", mode="before")
    @classmethod
    def _empty(cls, value: str | None) -> str:
        return value or ""


class ProjectRead(ProjectRow):
    """项目."""

    content: str
    industry_reason: str
    nature: Nature
    origin: Origin
    planned_start: date | None
    managing_unit: str
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
    design: Step | None
    environment: Step | None
    budget: Budget | None
    remark: str
    declared_by: str
    endorsed_by: str
    appraised_by: str
    approved_by: str
    opinions: list[dict[str, Any]] = Field(
        description="各环节意见: 事项, 意见, 确认内容, 办理人, 时间, 规则版本"
    )
    decision_no: str
    decision_on: date | None
    declared_on: date | None
    admitted_on: date | None
    screened_at: datetime | None
    verdict: str
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


class Reached(BaseModel):
    """一项建设规模: planned, and done by the last report."""

    name: str
    unit: str
    planned: Decimal
    done: Decimal
    percent: int | None = Field(description="完成比例, %; 计划为零时空")


class ProjectDetail(ProjectRead):
    """项目全貌和可办事项."""

    places: list[PlaceRead]
    money: list[PlannedMoneyWrite]
    targets: list[TargetWrite]
    reached: list[Reached] = Field(description="累计完成工程量与计划对照")
    documents: list[str] = Field(description="已有附件类别")
    committed: Money = Field(description="财政已登记、尚未下达的安排")
    available_actions: list[Offer]


class HistoryItem(BaseModel):
    """项目经历的一步: both when it happened and when it was recorded."""

    position: str
    type: str
    at: datetime = Field(description="实际发生时间")
    recorded_at: datetime = Field(description="录入时间")
    late_days: int = Field(description="录入晚于发生的天数")
    actor: str
    on_behalf_of: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]


class History(BaseModel):
    """项目经历, oldest first."""

    items: list[HistoryItem]
    next_cursor: str | None = None
