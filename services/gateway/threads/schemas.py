"""Response body of a thread."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.fan_out import MissingPart

Rows = list[dict[str, Any]]


class ThreadStep(BaseModel):
    """全链条上的一步."""

    label: str
    on: str = Field(description="日期, 空为尚未发生或没有记载")
    text: str
    amount: str = Field("", description="元")
    state: str = ""
    service: str
    id: str
    address: str


class Thread(BaseModel):
    """资金全链条: the records as their services answer them, each list under its name, and the same records as steps."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Rows]

    kind: str
    id: UUID
    steps: list[ThreadStep] = Field(description="按日期排列")
    figures: dict[str, Any] | None = Field(description="以上资金安排的合计")
    more_projects: int = Field(description="还有多少个项目没有展开")
    missing: list[MissingPart]
    withheld: list[MissingPart]
