"""Request and response bodies of clues."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.households.clues.lifecycle import ClueState
from shared.china import LabelledEnum, Phone, RegionCode
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody
from shared.rules import Code


class ClueSource(LabelledEnum):
    """线索来源."""

    SELF_REPORT = "self_report", "农户自主申报"
    VISIT = "visit", "干部走访排查"
    DEPARTMENT = "department", "部门筛查预警"
    LETTER = "letter", "信访舆情"
    HOTLINE = "hotline", "12317 热线"


class SelfReport(RequestBody):
    """农户自主申报, 不必登录. 姓名、电话和情况加密保存, 只有核查的人能看."""

    id: UUID | None = Field(None, description="UUIDv7, 重复提交时认出是同一件; 空则由系统编号")
    region: RegionCode = Field(description="所在村的区划代码")
    name: str = Field(min_length=1, max_length=50, description="户主姓名")
    phone: Phone
    text: str = Field(min_length=4, max_length=2000, description="家里遇到了什么困难")


class ClueCreate(RequestBody):
    """登记线索."""

    id: UUID | None = None
    region: RegionCode = Field(description="所在村的区划代码")
    source: ClueSource
    name: str = Field("", max_length=50, description="户主姓名")
    phone: Phone | None = None
    text: str = Field(min_length=4, max_length=2000, description="情况")
    visit_reasons: list[Code] = Field([], max_length=20, description="必访情形代码")
    received_on: date | None = Field(None, description="收到线索的日期, 空为今天")
    assignee: str = Field("", max_length=64, description="入户核查人的账号, 空为登记人")


class ClueAssign(RequestBody):
    """指定核查人."""

    assignee: str = Field(min_length=1, max_length=64, description="入户核查人的账号")


class ClueRead(BaseModel):
    """线索; 姓名隐去, 情况和电话要查阅."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    source: ClueSource
    name_masked: str
    visit_reasons: list[str]
    received_on: date
    due_on: date = Field(description="入户核查的最后一天")
    visited_on: date | None
    assignee: str
    household_id: UUID | None
    state: ClueState
    state_since: datetime
    created_at: datetime


class ClueDetail(ClueRead):
    """线索和可办事项."""

    available_actions: list[AvailableAction]


class ClueFile(BaseModel):
    """线索全文; 每次查阅都有记录."""

    name: str
    phone: str
    text: str


class ReadingRequest(RequestBody):
    """查阅: 写明为什么."""

    purpose: str = Field(min_length=2, max_length=200, description="查阅事由")


class ClueTransitionRequest(TransitionRequest):
    """办理线索."""

    visited_on: date | None = Field(None, description="入户日期")


class ReportReceipt(BaseModel):
    """申报回执: 凭编号查询办到哪一步."""

    number: str = Field(description="回执编号")
    received_on: date
    due_on: date = Field(description="入户核查的最后一天")
    progress: str = Field(description="办到哪一步")
