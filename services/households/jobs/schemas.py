"""Request and response bodies of jobs."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.households.jobs.lifecycle import JobState
from shared.china import LabelledEnum, Money, PositiveMoney, RegionCode
from shared.china.national_ids import PersonNumber
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class JobKind(LabelledEnum):
    """岗位类别."""

    WELFARE_POST = "welfare_post", "公益性岗位"
    WORKSHOP = "workshop", "帮扶车间"


def _require_once(months: list[str]) -> list[str]:
    if len(set(months)) < len(months):
        raise ValueError("同一月份填了两次")
    return sorted(months)


Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Months = Annotated[list[Month], Field(min_length=1, max_length=36), AfterValidator(_require_once)]


class JobCreate(RequestBody):
    """登记一个人的岗位."""

    id: UUID | None = Field(None, description="UUIDv7, 空为由系统编号")
    region: RegionCode = Field(description="所在村的区划代码")
    kind: JobKind
    name: str = Field(min_length=1, max_length=50, description="姓名")
    id_no: PersonNumber
    post: str = Field(min_length=2, max_length=100, description="岗位, 如 护林员")
    employer: str = Field(min_length=2, max_length=200, description="用人单位或帮扶车间")
    starts_on: date = Field(description="上岗日期")
    ends_on: date | None = Field(None, description="合同到期日")
    pay: PositiveMoney = Field(description="每月补贴或工资")


class JobPayment(RequestBody):
    """登记发放的月份."""

    months: Months
    amount: PositiveMoney | None = Field(None, description="每月金额, 空为岗位的每月补贴")


class JobRead(BaseModel):
    """帮扶岗位; 姓名隐去."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: JobKind
    name_masked: str
    post: str
    employer: str
    starts_on: date
    ends_on: date | None
    left_on: date | None
    pay: Money
    paid_total: Money = Field(description="已发放合计")
    state: JobState
    state_since: datetime
    created_at: datetime


class PaidMonth(BaseModel):
    """发放的一个月."""

    model_config = ConfigDict(from_attributes=True)

    month: str
    amount: Money


class JobDetail(JobRead):
    """帮扶岗位, 发放的月份和可办事项."""

    months: list[PaidMonth]
    available_actions: list[AvailableAction]


class JobTransitionRequest(TransitionRequest):
    """办理帮扶岗位."""

    left_on: date | None = Field(None, description="离岗日期")
