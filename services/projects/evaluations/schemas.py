"""Request and response schemas of evaluations."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.projects.evaluations.lifecycle import EvaluationState
from services.projects.evaluations.rules import ScoringMethod
from shared.errors import FieldErrorRead
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class GivenPoints(RequestBody):
    """评分人对一项的给分; 有数据的项不用给."""

    code: str = Field(max_length=40)
    points: Decimal = Field(ge=0, le=100, max_digits=5, decimal_places=2)
    reason: str = Field(min_length=4, max_length=2000, description="给分依据")


class SelfEvaluation(RequestBody):
    """项目自评. Items that the records answer are computed; the others are given with a reason."""

    text: str = Field(min_length=2, max_length=4000, description="目标完成情况、偏差原因、改进措施")
    items: list[GivenPoints] = Field(default=[], max_length=30)
    happened_at: AwareDatetime | None = Field(None, description="实际自评时间; 空为现在")


class EvaluationTransitionRequest(TransitionRequest):
    """办理项目评价. `items` of a review replace the points of the self-evaluation."""

    opinion: str = Field("", max_length=4000, description="复核意见")
    items: list[GivenPoints] = Field(default=[], max_length=30)


class ItemRead(BaseModel):
    """一项的得分和它背后的数据."""

    code: str
    label: str
    weight: int
    how: ScoringMethod
    how_label: str
    about: str = ""
    points: str | None = Field(description="得分; 空为还没有")
    computed: bool = Field(description="按数据计算, 不是人给的")
    reason: str = ""
    figures: dict[str, str] = Field(description="得分所依据的数据")
    rows: list[str] = Field(description="数据所在的地址")


class EvaluationRead(BaseModel):
    """项目评价."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    project_name: str
    region: str
    version: int
    category: str
    category_label: str
    year: int
    state: EvaluationState
    state_label: str
    state_since: datetime
    score: str = Field(description="复核得分; 未复核时为自评得分")
    self_score: str
    grade: str
    grade_label: str
    rule: str = Field(description="所用评分表的版本")
    submitted_by: str
    reviewed_by: str
    opinion: str
    text: str
    rows: str = Field(description="得分明细的地址")


class EvaluationDetail(BaseModel):
    """一个项目的评价: stored scores, scores by current records, and available actions."""

    project_id: UUID
    evaluation: EvaluationRead | None = Field(description="空为还没有自评")
    items: list[dict[str, Any]] = Field(description="最近一次评分时的明细")
    now: list[ItemRead] = Field(description="按现有数据的明细")
    score_now: str | None = Field(description="按现有数据的得分; 空为还有项目没有得分")
    missing: list[FieldErrorRead] = Field(description="还没有得分的项")
    rule: str
    basis: str
    confirmed: bool
    due_on: date | None = Field(description="自评期限; 验收前为空")
    available_actions: list[AvailableAction]


class GradeCount(BaseModel):
    """一个等次的项目数."""

    grade: str
    label: str
    count: int
    rows: str


class EvaluationCounts(BaseModel):
    """各等次的项目数, 已复核的."""

    region: str
    year: int | None
    reviewed: int
    waiting: int = Field(description="已自评, 待复核")
    items: list[GradeCount]
