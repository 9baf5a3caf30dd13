"""Requests, responses and code sets of posts, assignments and phones."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.fields import Day, Person, Region
from services.attendance.posts.lifecycle import DeviceState
from shared.china import Datum, FenceIn, Fix, LabelledEnum
from shared.http import PatchBody
from shared.request_body import RequestBody


class PostKind(LabelledEnum):
    """驻村点类型. Herding villages may follow the herds (乐都 2024: 冬夏季放牧点)."""

    VILLAGE = "village", "村"
    PASTURE = "pasture", "放牧点"
    SITE = "site", "项目点"


class PostCreate(RequestBody):
    """新设驻村点."""

    id: UUID | None = None
    name: str = Field(min_length=2, max_length=100, examples=["新店村村委会"])
    kind: PostKind = PostKind.VILLAGE
    region: Region
    fences: list[FenceIn] = Field(min_length=1, max_length=20, description="围栏, 圆形或多边形")
    address: str = Field("", max_length=200)


class PostChange(PatchBody):
    """修改驻村点; absent fields stay."""

    clearable = frozenset({"closed_on"})

    name: str | None = Field(None, min_length=2, max_length=100)
    fences: list[FenceIn] | None = Field(None, min_length=1, max_length=20)
    address: str | None = Field(None, max_length=200)
    closed_on: Day | None = Field(None, description="停用日期")


class PostRead(BaseModel):
    """驻村点; fences in WGS-84."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    kind: PostKind
    region: str
    fences: list[dict[str, Any]]
    address: str
    closed_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class FenceHere(RequestBody):
    """以我现在的位置设围栏."""

    fix: Fix
    radius_m: int | None = Field(None, ge=10, le=50_000, description="半径, 米; 空为考勤规则的半径")


class FenceImport(RequestBody):
    """导入 GeoJSON 围栏: Polygon, MultiPolygon, Feature or FeatureCollection."""

    datum: Datum = Field(description="坐标系, 必填")
    geojson: dict[str, Any]


class AssignmentCreate(RequestBody):
    """派驻: a person at a post for a time."""

    id: UUID | None = None
    person: Person
    person_name: str = Field(min_length=2, max_length=50)
    starts_on: Day
    ends_on: Day | None = Field(None, description="空为未定")

    @model_validator(mode="after")
    def _check_order(self) -> "AssignmentCreate":
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("结束日期早于开始日期")
        return self


class AssignmentEnd(RequestBody):
    """结束派驻."""

    ends_on: Day
    reason: str = Field(min_length=2, max_length=500)


class AssignmentRead(BaseModel):
    """一次派驻."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    post_id: UUID
    person: str
    person_name: str
    region: str
    starts_on: date
    ends_on: date | None
    group_id: UUID | None = Field(description="由哪个考勤组派驻; 空为直接派驻")
    version: int


class DeviceRead(BaseModel):
    """常用手机."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    region: str
    device: str
    state: DeviceState
    state_since: datetime
    created_at: datetime
    version: int
