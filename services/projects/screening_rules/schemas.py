"""Request and response schemas of rule sets and screening jobs."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.screening.schemas import RuleSetState, ScreeningJobKind, ScreeningJobState
from shared.china import RegionCode
from shared.http import PatchBody
from shared.request_body import RequestBody


class ScreeningJobRead(BaseModel):
    """全库试算或重筛及其进展."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: ScreeningJobKind
    state: ScreeningJobState
    rule_set_id: UUID | None
    rule_set_version: str
    total: int
    done: int
    verdicts: dict[str, int] = Field(description="各结论的项目数")
    changed: int = Field(description="结论或发现有变化的项目数")
    created_at: datetime
    created_by: str
    finished_at: datetime | None


class ScreeningJobChangeRead(BaseModel):
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


RuleRow = dict[str, Any]
RuleId = Annotated[str, Field(max_length=120)]


class RuleSetDraft(RequestBody):
    """起草规则集: 在现行规则上增改、删去. A rule replaces the one with the same id and effective_from."""

    id: UUID | None = None
    region: RegionCode = Field(description="适用的区划")
    title: str = Field(min_length=2, max_length=200)
    reason: str = Field(min_length=2, max_length=2000)
    put: list[RuleRow] = Field(default=[], max_length=300, description="新增或替换的规则")
    remove: list[RuleId] = Field(default=[], max_length=300, description="删去的规则 id")
    words: dict[str, list[str] | None] = Field(
        default={}, max_length=100, description="词组: 替换整组, null 删去"
    )


class RuleSetChange(PatchBody):
    """修改草稿: 同起草, 在草稿上增改."""

    title: str | None = Field(None, min_length=2, max_length=200)
    reason: str | None = Field(None, min_length=2, max_length=2000)
    put: list[RuleRow] = Field(default=[], max_length=300)
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
    state: RuleSetState
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

    rules: list[RuleRow]
    words: dict[str, list[str]]


class RuleSetDecision(RequestBody):
    """启用或作废的理由."""

    reason: str = Field(min_length=2, max_length=2000)


class RuleSetActivation(BaseModel):
    """启用的规则集, 和随之开始的全库重筛."""

    rule_set: RuleSetItem
    job: ScreeningJobRead
