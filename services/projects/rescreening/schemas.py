"""What is shown of screening the whole library."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.screening.kinds import JobKind, JobState


class JobRead(BaseModel):
    """全库试算或重筛及其进展."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: JobKind
    state: JobState
    rule_set_id: UUID | None
    rule_set_version: str
    total: int
    done: int
    verdicts: dict[str, int] = Field(description="各结论的项目数")
    changed: int = Field(description="结论或发现有变化的项目数")
    created_at: datetime
    created_by: str
    finished_at: datetime | None


class JobChangeRead(BaseModel):
    """结果有变化的项目."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    region: str
    name: str
    was: str
    now: str
    appeared: list[str] = Field(description="新出现的规则")
    gone: list[str] = Field(description="不再命中的规则")
