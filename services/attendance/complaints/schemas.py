"""Requests and responses of complaints, objections and the compliance statement."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.fields import Region
from shared.request_body import RequestBody


class ComplaintCreate(RequestBody):
    """投诉打卡或考勤中的问题, 不必登录, 可以匿名."""

    id: UUID | None = None
    region: Region
    text: str = Field(min_length=5, max_length=5000)
    contact: str = Field(
        "",
        max_length=100,
        description="联系方式, 可不填; 加密保存",
        json_schema_extra={"x-declared-number": True},
    )


class ComplaintReceipt(BaseModel):
    """投诉回执: keep the number; the answer is read with it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: ComplaintState
    answer: str = ""
    created_at: datetime


class ComplaintRead(ComplaintReceipt):
    """投诉."""

    region: str
    text: str
    contact: str = Field("", description="联系方式, 只给办理人")
    person: str = Field("", description="本人提出的异议: 账号编号")
    work_date: date | None = Field(None, description="异议所指的日期")
    files: list[str]
    answered_by: str
    state_since: datetime
    version: int


class ObjectionCreate(RequestBody):
    """对某一天的认定提出异议, 说明实际情况."""

    id: UUID | None = None
    text: str = Field(min_length=5, max_length=2000, description="实际情况与理由")
    files: list[str] = Field(default=[], max_length=10, description="佐证的文件编号, 可不带")


class AttendanceObjectionRead(BaseModel):
    """异议, 由考勤监督人员答复."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    day_id: UUID
    work_date: date
    text: str
    files: list[str]
    state: ComplaintState
    state_since: datetime
    answer: str
    answered_by: str
    created_at: datetime
    version: int


class Compliance(BaseModel):
    """本地的考勤方式与承诺: what is switched on here, under which record-keeping number."""

    region: str
    record_keeping_no: str = Field(description="备案号")
    mode: str = Field(description="考勤方式")
    own_check_in: bool
    imports: bool
    spot_checks: bool
    photo: str
    coarse_after_days: int = Field(description="多少天后打卡位置只留到约一公里")
    promises: list[str]
    complaints: str = Field(description="投诉入口")
