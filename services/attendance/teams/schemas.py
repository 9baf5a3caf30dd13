"""Requests, responses and code sets of units, teams and members."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.fields import Day, Person, PersonName, Region
from shared.china import CreditCode, LabelledEnum
from shared.http import PatchBody
from shared.request_body import RequestBody


class MemberRole(LabelledEnum):
    """队内职务."""

    FIRST_SECRETARY = "first_secretary", "第一书记"
    LEADER = "leader", "工作队队长"
    MEMBER = "member", "工作队队员"
    HELPER = "helper", "帮扶责任人"


class UnitLevel(LabelledEnum):
    """帮扶单位层级."""

    CENTRAL = "central", "中央"
    PROVINCE = "province", "省"
    CITY = "city", "市"
    DISTRICT = "district", "县区"
    OTHER = "other", "其他"


class UnitCreate(RequestBody):
    """登记帮扶单位."""

    id: UUID | None = None
    name: str = Field(min_length=2, max_length=200, description="单位全称")
    level: UnitLevel
    credit_code: CreditCode | None = Field(None, description="统一社会信用代码")
    region: Region


class UnitRead(BaseModel):
    """帮扶单位."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    level: UnitLevel
    credit_code: str
    region: str
    version: int


class TeamCreate(RequestBody):
    """组建工作队."""

    id: UUID | None = None
    name: str = Field(min_length=2, max_length=100, examples=["新店村驻村工作队"])
    region: Region
    unit_id: UUID | None = Field(None, description="帮扶单位")


class TeamChange(PatchBody):
    """修改工作队; absent fields stay."""

    clearable = frozenset({"closed_on", "unit_id"})

    name: str | None = Field(None, min_length=2, max_length=100)
    unit_id: UUID | None = None
    closed_on: Day | None = Field(None, description="撤队日期")


class MemberCreate(RequestBody):
    """队员入队."""

    id: UUID | None = None
    person: Person
    person_name: PersonName
    role: MemberRole
    unit_id: UUID | None = Field(None, description="派出单位")
    starts_on: Day
    term_ends_on: Day | None = Field(None, description="任期届满日期; 空为按规则的最短任期")


class MemberEnd(RequestBody):
    """队员离队."""

    ends_on: Day = Field(description="最后一天")
    reason: str = Field(min_length=2, max_length=500)


class HandOver(RequestBody):
    """轮换: 由另一人接任, 职务与驻村点不变."""

    id: UUID | None = Field(None, description="接任者任期的编号")
    person: Person
    person_name: PersonName
    starts_on: Day = Field(description="接任第一天; 前任到前一天为止")
    unit_id: UUID | None = None
    reason: str = Field(min_length=2, max_length=500)


class MemberRead(BaseModel):
    """一段任期."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    team_id: UUID
    region: str
    person: str
    person_name: str
    role: MemberRole
    unit_id: UUID | None
    unit_name: str
    starts_on: date
    ends_on: date | None
    term_ends_on: date | None
    predecessor_id: UUID | None = Field(description="前任的任期")
    version: int


class TeamFinding(BaseModel):
    """一处不符合选派要求的情况: for a person to judge."""

    rule: str
    words: str
    basis: str


class TeamRead(BaseModel):
    """工作队."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    region: str
    unit_id: UUID | None
    closed_on: date | None
    version: int


class TeamDetail(TeamRead):
    """工作队, 在队人员与历任, 不符合要求的情况."""

    unit_name: str
    members: list[MemberRead] = Field(description="在队")
    former: list[MemberRead] = Field(description="历任")
    findings: list[TeamFinding]
