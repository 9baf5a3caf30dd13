"""Request and response bodies of measures of help."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.households.measures.lifecycle import MeasureState
from shared.china import LabelledEnum, Money
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class MeasureKind(LabelledEnum):
    """帮扶措施类别."""

    INDUSTRY = "industry", "产业帮扶"
    EMPLOYMENT = "employment", "务工就业"
    WELFARE_POST = "welfare_post", "公益性岗位"
    WORKSHOP = "workshop", "帮扶车间就业"
    LOAN = "loan", "小额信贷"
    HEALTH = "health", "健康帮扶"
    EDUCATION = "education", "教育帮扶"
    HOUSING = "housing", "危房改造"
    WATER = "water", "饮水安全"
    ALLOWANCE = "allowance", "兜底保障"
    INSURANCE = "insurance", "防贫保险"
    OTHER = "other", "其他帮扶"


class MeasureCreate(RequestBody):
    """登记帮扶措施. 产业帮扶写明项目的, 项目和资产由其台账取得."""

    id: UUID | None = None
    household_id: UUID
    kind: MeasureKind
    text: str = Field(min_length=2, max_length=500, description="帮扶内容")
    unit: str = Field("", max_length=200, description="帮扶单位")
    planned_on: date = Field(description="计划完成日期")
    amount: Money | None = Field(None, description="资金")
    project_id: UUID | None = Field(None, description="来自哪个项目")
    asset_id: UUID | None = Field(None, description="来自哪项到户资产")


class MeasureRead(BaseModel):
    """帮扶措施."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    household_id: UUID
    kind: MeasureKind
    text: str
    unit: str
    planned_on: date
    done_on: date | None
    result: str
    amount: Money | None
    project_id: UUID | None
    asset_id: UUID | None
    state: MeasureState
    state_since: datetime
    created_at: datetime


class MeasureDetail(MeasureRead):
    """帮扶措施和可办事项."""

    available_actions: list[AvailableAction]


class MeasureTransitionRequest(TransitionRequest):
    """办理帮扶措施."""

    result: str = Field("", max_length=1000, description="实施结果")
    done_on: date | None = Field(None, description="完成日期")
