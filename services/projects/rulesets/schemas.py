"""What goes in and out about rule sets."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.rescreening.schemas import JobRead
from services.projects.screening.kinds import SetState

Row = dict[str, Any]
RuleId = Annotated[str, Field(max_length=120)]


class RuleSetDraft(BaseModel):
    """起草规则集: 在现行规则上增改、删去. A rule is replaced by one with the same id and effective_from."""

    id: UUID | None = None
    region: str = Field(pattern=r"^[0-9]{12}$", description="适用的区划")
    title: str = Field(min_length=2, max_length=200)
    reason: str = Field(min_length=2, max_length=2000)
    put: list[Row] = Field(default=[], max_length=300, description="新增或替换的规则")
    remove: list[RuleId] = Field(default=[], max_length=300, description="删去的规则 id")
    words: dict[str, list[str] | None] = Field(
        default={}, max_length=100, description="词组: 替换整组, null 删去"
    )


class RuleSetChange(BaseModel):
    """修改草稿: 同起草, 在草稿上增改."""

    title: str | None = Field(None, min_length=2, max_length=200)
    reason: str | None = Field(None, min_length=2, max_length=2000)
    put: list[Row] = Field(default=[], max_length=300)
    remove: list[RuleId] = Field(default=[], max_length=300)
    words: dict[str, list[str] | None] = Field(default={}, max_length=100)


class RuleSetItem(BaseModel):
    """规则集."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    number: int
    title: str
    state: SetState
    reason: str
    digest: str
    base_digest: str
    created_at: datetime
    created_by: str
    activated_by: str
    activated_at: datetime | None
    retired_at: datetime | None


class RuleSetRead(RuleSetItem):
    """规则集全文."""

    rules: list[Row]
    words: dict[str, list[str]]


class RuleSetDecision(BaseModel):
    """启用或作废的理由."""

    reason: str = Field(min_length=2, max_length=2000)


class Activated(BaseModel):
    """启用的规则集, 和随之开始的全库重筛."""

    rule_set: RuleSetItem
    job: JobRead
