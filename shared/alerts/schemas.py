"""Request and response schemas of alerts."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.alerts.lifecycle import AlertKind, AlertSeverity, AlertState
from shared.events import Envelope
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class AlertTransitionRequest(TransitionRequest):
    """办理预警: `reason` is the feedback, or the reason to send back or close."""

    file_ids: list[UUID] = Field([], max_length=20, description="佐证材料")
    due_on: date | None = Field(None, description="销号时给出的新期限: 过期后情形仍在的, 自动重新打开")


class AlertAssignment(RequestBody):
    """指定责任人和期限."""

    owner: str = Field(min_length=1, max_length=64, description="责任人账号或姓名")
    due_on: date | None = Field(None, description="空为不改")


class AlertRead(BaseModel):
    """预警."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    rule: str
    rule_ref: str = Field(description="所依据的规则版本")
    kind: AlertKind
    light: AlertSeverity
    subject_kind: str = Field(description="所指记录的类别")
    subject: str
    project_id: UUID | None
    asset_id: UUID | None
    title: str
    message: str
    figures: dict[str, str]
    basis: str
    owner: str = Field(description="责任人, 空为尚未指定")
    due_on: date
    state: AlertState
    state_since: datetime
    answer: str
    answered_by: str
    file_ids: list[str]
    files_needed: bool
    seen_at: datetime = Field(description="最近一次检查时仍然存在")
    gone: bool = Field(description="最近一次检查时情况已消失")
    reopen_on: date | None = Field(None, description="销号时给出的新期限")
    created_at: datetime


class AlertDetail(AlertRead):
    """预警, 背后的记录和可办事项."""

    rows: list[dict[str, str]]
    available_actions: list[AvailableAction]


class AlertHistory(BaseModel):
    """办理过程."""

    items: list[Envelope]


class AlertCount(BaseModel):
    """一类预警的数目."""

    model_config = ConfigDict(from_attributes=True)

    rule: str
    kind: AlertKind
    light: AlertSeverity
    undone: int = Field(description="未销号")
    done: int = Field(description="已销号")
    overdue: int = Field(description="逾期未反馈")


class AlertSummary(BaseModel):
    """预警统计."""

    region: str
    undone: int
    done: int
    overdue: int
    rows: list[AlertCount]


class TriedDetection(BaseModel):
    """试算命中的一件."""

    region: str
    subject_kind: str = Field(description="所指记录的类别")
    subject: str
    light: AlertSeverity
    title: str
    message: str


class AlertTrial(BaseModel):
    """规则试算: 按现在的记录, 换成另一个值会多出和消失哪些预警; 灯变了的两边都有."""

    found_now: int = Field(description="现行规则的命中数")
    found_then: int = Field(description="换成这个值的命中数")
    raised_count: int = Field(description="会多出的预警数")
    gone_count: int = Field(description="会消失的预警数")
    raised: list[TriedDetection] = Field(description="会多出的, 最多 50 件")
    gone: list[TriedDetection] = Field(description="会消失的, 最多 50 件")
    is_complete: bool = Field(description="false: 记录太多, 只看了一部分")


class ScanResult(BaseModel):
    """检查结果."""

    rules: int
    found: int = Field(description="命中数")
    raised: int = Field(description="新产生或重新打开的预警数")
    gone: int = Field(description="情况已消失的预警数")
