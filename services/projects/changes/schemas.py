"""Request and response schemas of change requests."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.projects.changes.lifecycle import ChangeState
from services.projects.projects.schemas import ProjectChange
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class ChangeCreate(RequestBody):
    """提出变更申请. Only the fields to change are sent."""

    id: UUID | None = None
    reason: str = Field(min_length=4, max_length=4000, description="变更原因")
    wanted: ProjectChange
    file_ids: list[UUID] = Field(default=[], max_length=20)
    happened_at: AwareDatetime | None = Field(None, description="实际提出时间; 空为现在")


class ChangeTransitionRequest(TransitionRequest):
    """办理变更申请."""

    decision_no: str = Field("", max_length=100, description="原批准单位审定文件文号")
    decision_on: date | None = None


class ChangeRead(BaseModel):
    """变更申请."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    project_id: UUID
    project_name: str
    managing_unit: str = Field(description="项目的主管部门")
    reason: str
    wanted: dict[str, Any]
    before: dict[str, Any]
    file_ids: list[str]
    state: ChangeState
    state_since: datetime
    decision_no: str
    decision_on: date | None
    approved_by: str
    approved_on: date | None
    republish_by: date | None = Field(description="变更信息须在此日前公示")
    applied_on: date | None
    created_at: datetime
    created_by: str


class ChangeDetail(ChangeRead):
    """变更申请和可办事项."""

    available_actions: list[AvailableAction]
