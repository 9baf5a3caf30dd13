"""What goes in and out about a project's screenings and clearances."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.screening.kinds import ClearanceState, Occasion
from services.projects.screening.schemas import Severity, Verdict

MARK = r"^[0-9a-f]{20}$"


class RunRead(BaseModel):
    """一次筛查."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    occasion: Occasion
    at: datetime
    by: str
    rule_set_version: str
    verdict: Verdict
    findings: list[dict[str, Any]] = Field(description="每条带 mark, 放行时引用")
    open: int = Field(description="当时尚未确认或放行的条数")


class ClearanceAsk(BaseModel):
    """申请放行(禁止类)或确认(复核类)一条发现."""

    id: UUID | None = None
    finding: str = Field(pattern=MARK, description="发现的 mark")
    reason: str = Field(min_length=4, max_length=2000)
    document_no: str = Field("", max_length=100, description="依据文件文号")


class ClearanceDecision(BaseModel):
    """批准或不同意放行."""

    reason: str = Field(min_length=2, max_length=2000)


class ClearanceRead(BaseModel):
    """放行或确认."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    region: str
    version: int
    finding: str
    rule: str
    item: str
    severity: Severity
    words: str
    state: ClearanceState
    reason: str
    document_no: str
    created_at: datetime
    created_by: str
    decided_by: str
    decided_at: datetime | None
    decision: str
