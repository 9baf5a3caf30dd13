"""Requests, responses and code sets of spot checks."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.fields import Region
from shared.china import FencePosition, Fix, LabelledEnum
from shared.request_body import RequestBody


class Outcome(LabelledEnum):
    """抽查结果. Only a person says absent."""

    PENDING = "pending", "待答复"
    PRESENT = "present", "在岗"
    ELSEWHERE = "elsewhere", "答复位置不在围栏内, 待核实"
    LATE = "late", "逾时答复, 待核实"
    EXCUSED = "excused", "有事由"
    ABSENT = "absent", "不在岗"


class AnsweredBy(LabelledEnum):
    """答复方式."""

    PLACE = "place", "本人定位"
    CALL_BACK = "call_back", "回拨座机或视频"
    ON_SITE = "on_site", "现场查看"


class SpotCheckCreate(RequestBody):
    """开展抽查: draws among those stationed in a region today who are neither on leave nor on an errand."""

    id: UUID | None = None
    region: Region
    size: int = Field(ge=1, le=1000, description="抽几人")
    seed: str = Field("", max_length=64, description="种子; 空为系统随机产生, 一并公布")


class SpotCheckAnswer(RequestBody):
    """本人答复抽查."""

    fix: Fix


class Decision(RequestBody):
    """登记回拨或现场结果, 或核实逾时与不在围栏内的."""

    outcome: Literal[Outcome.PRESENT, Outcome.ABSENT, Outcome.EXCUSED]
    how: AnsweredBy
    remark: str = Field(min_length=2, max_length=500, description="依据")


class SpotCheckRead(BaseModel):
    """抽查."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    work_date: date
    seed: str
    pool: int = Field(description="候选人数")
    pool_digest: str = Field(description="候选名单(账号编号排序, 每行一个)的 SHA-256")
    drawn: int
    closes_at: datetime
    rule_ref: str
    created_by: str
    created_at: datetime
    version: int


class DrawnRead(BaseModel):
    """抽到的人与结果."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    spot_check_id: UUID
    person: str
    person_name: str
    region: str
    work_date: date
    closes_at: datetime
    outcome: Outcome
    answered_at: datetime | None
    answered_by: AnsweredBy | None
    verdict: FencePosition | None
    distance_m: float | None
    decided_by: str
    remark: str
    version: int
