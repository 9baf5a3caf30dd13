"""Response schemas of the inbox."""

from datetime import date

from pydantic import BaseModel, Field

from services.projects.projects.lifecycle import State
from services.projects.projects.schemas import ProjectRow


class InboxCount(BaseModel):
    """一种待办的件数."""

    state: State
    state_label: str
    action: str
    action_label: str
    waiting: int
    near: int = Field(description="临近时限")
    overdue: int = Field(description="超过时限")
    limit_days: int | None


class InboxCounts(BaseModel):
    """待办件数; cheap enough to poll."""

    waiting: int
    near: int
    overdue: int
    changes: int = Field(description="待审定的变更申请")
    unpublished: int = Field(description="审定后逾期未公示的变更")
    evaluations: int = Field(description="待复核的项目评价")
    waivers: int = Field(description="待批准的筛查放行")
    blocked: int = Field(description="筛查未通过、待处理的项目")
    alerts: int = Field(description="待反馈的项目预警")
    rule: str
    items: list[InboxCount]


class InboxItem(ProjectRow):
    """一件待办."""

    action: str
    action_label: str
    waiting_days: int
    limit_days: int | None
    due_on: date | None
    near: bool
    overdue: bool
    notice_until: date | None = Field(None, description="本环节公示至; 期满前尚不能办理")
