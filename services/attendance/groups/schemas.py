"""Requests, responses and code sets of attendance groups."""

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.fields import Day, Person, PersonName, Region
from services.attendance.policy import TimeWindow
from shared.china import LabelledEnum
from shared.http import PatchBody
from shared.request_body import RequestBody

Weekday = Annotated[int, Field(ge=1, le=7)]
MAX_POSTS = 20


class GroupKind(LabelledEnum):
    """考勤类型, as DingTalk's groups have them."""

    FIXED = "fixed", "固定班制"
    ROTA = "rota", "排班制"
    FREE = "free", "自由工时"


class GroupTerms(RequestBody):
    """从某天起的考勤办法; what is left out follows the district's rule."""

    since: Day = Field(description="从哪天起")
    kind: GroupKind = GroupKind.FIXED
    weekdays: list[Weekday] = Field(
        default=[], max_length=7, description="固定班制每周上班的日子, 1 为周一; 空为按工作日历"
    )
    follows_holidays: bool = Field(True, description="法定节假日休息, 调休上班; 只对写明 weekdays 的")
    sign_ins: Literal[1, 2] | None = Field(None, description="每天打卡次数; 空为按县(区)规则")
    morning: TimeWindow | None = Field(None, description="早打卡时段")
    evening: TimeWindow | None = Field(None, description="晚打卡时段")

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        if self.kind is not GroupKind.FIXED and self.weekdays:
            raise ValueError("只有固定班制写每周上班的日子")
        if self.kind is GroupKind.FREE and (self.sign_ins == 2 or self.morning or self.evening):  # noqa: PLR2004 - two sign-ins
            raise ValueError("自由工时没有打卡时段, 每天打卡一次即可")
        if self.sign_ins == 2 and not (self.morning and self.evening):  # noqa: PLR2004 - two sign-ins
            raise ValueError("每天两次打卡须写明早晚时段")
        if len(set(self.weekdays)) < len(self.weekdays):
            raise ValueError("每周上班的日子有重复")
        return self


class GroupCreate(RequestBody):
    """建立考勤组."""

    id: UUID | None = None
    name: str = Field(min_length=2, max_length=100, examples=["驻村考勤组"])
    region: Region
    posts: list[UUID] = Field(default=[], max_length=MAX_POSTS, description="成员可打卡的驻村点")
    terms: GroupTerms


class GroupChange(PatchBody):
    """修改考勤组; absent fields stay. New posts count from today, new terms from their `since`."""

    clearable = frozenset({"closed_on"})

    name: str | None = Field(None, min_length=2, max_length=100)
    posts: list[UUID] | None = Field(None, max_length=MAX_POSTS)
    terms: GroupTerms | None = Field(None, description="从 since 起的考勤办法; 同一天的以后写的为准")
    closed_on: Day | None = Field(None, description="停用日期")


class GroupRead(BaseModel):
    """考勤组."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    region: str
    posts: list[str] = Field(description="成员可打卡的驻村点的编号")
    terms: list[dict[str, Any]] = Field(
        description="考勤办法 (GroupTerms), 先后排列; 每一份从 since 起到下一份为止"
    )
    closed_on: date | None
    version: int


class GroupMemberCreate(RequestBody):
    """加入考勤组."""

    id: UUID | None = None
    person: Person
    person_name: PersonName
    starts_on: Day
    ends_on: Day | None = Field(None, description="空为未定")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("结束日期早于开始日期")
        return self


class GroupMemberEnd(RequestBody):
    """退出考勤组."""

    ends_on: Day = Field(description="最后一天")
    reason: str = Field(min_length=2, max_length=500)


class GroupMemberRead(BaseModel):
    """考勤组成员."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    group_id: UUID
    person: str
    person_name: str
    region: str
    starts_on: date
    ends_on: date | None
    version: int
