"""Schemas of the value book."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.book.lifecycle import AdjustmentState
from shared.china import LabelledEnum, Money, SignedMoney
from shared.lifecycle.transitions import TransitionRequest
from shared.request_body import RequestBody


class ValueAdjustmentKind(LabelledEnum):
    """价值调整种类. Only a correction changes the original value; the others change the current value."""

    CORRECTION = "correction", "原值更正"
    IMPROVEMENT = "improvement", "改扩建增值"
    REVALUATION = "revaluation", "评估增减值"
    IMPAIRMENT = "impairment", "减值"
    PARTIAL = "partial", "部分处置"


class AdjustmentPost(RequestBody):
    """提出价值调整."""

    id: UUID | None = None
    kind: ValueAdjustmentKind
    amount: SignedMoney = Field(description="增加为正, 减少为负")
    happened_on: date
    service_years: int | None = Field(
        None, ge=1, le=100, description="改扩建后重新核定的使用年限, 自建成起算; 年限已满的改扩建必填"
    )
    document_no: str = Field("", max_length=100, description="评估报告或批准文号")
    reason: str = Field(min_length=2, max_length=2000)
    file_ids: list[UUID] = Field([], max_length=30)


class ValueAdjustmentRead(BaseModel):
    """价值调整."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    kind: ValueAdjustmentKind
    amount: SignedMoney
    happened_on: date
    service_years: int | None = Field(description="重新核定的使用年限")
    document_no: str
    reason: str
    file_ids: list[str]
    state: AdjustmentState
    state_since: datetime
    decided_by: str
    created_by: str


class AdjustmentTransitionRequest(TransitionRequest):
    """办理价值调整."""


class BookPart(BaseModel):
    """价值的一部分: several where the asset was merged, each with its own date of completion."""

    model_config = ConfigDict(from_attributes=True)

    value: Money
    built_on: date | None
    accumulated: Money = Field(description="累计折旧")
    net: SignedMoney = Field(description="净值")


class BookRead(BaseModel):
    """价值账: original value plus approved adjustments, less depreciation where the district's rule enables it."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: UUID
    on: date
    original_value: Money
    adjusted: SignedMoney = Field(description="到这一天已批准的调整合计(原值更正除外)")
    value: Money = Field(description="调整后价值")
    depreciated: bool = Field(description="这类资产是否计提折旧")
    years: int | None = Field(description="折旧年限")
    months: int | None = Field(description="已计提月数")
    residual: Money | None = Field(description="残值")
    accumulated: Money | None = Field(description="累计折旧")
    net: Money = Field(description="净值")
    rule: str = Field(description="依据的规则版本")
    parts: list[BookPart] = Field(description="价值的组成, 合并形成的资产各部分按自己的建成日期折旧")
    adjustments: list[ValueAdjustmentRead]
