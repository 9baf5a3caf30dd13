"""Request and response schemas of milestones."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.request_body import RequestBody


class MilestoneWrite(RequestBody):
    """项目节点."""

    name: str = Field(min_length=2, max_length=100, examples=["完成招标"])
    planned_on: date


class MilestonesWrite(RequestBody):
    """替换尚未完成的节点; 已完成的保留."""

    items: list[MilestoneWrite] = Field(max_length=50)


class MilestoneCompletion(RequestBody):
    """完成节点."""

    done_on: date
    remark: str = Field("", max_length=500)


class MilestoneRead(BaseModel):
    """项目节点."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    planned_on: date
    done_on: date | None
    done_by: str
    remark: str
    late_days: int = Field(0, description="晚于计划的天数; 未完成的算到今天")
