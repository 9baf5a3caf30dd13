"""Response schemas of allocations."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.ledger.schemas import LedgerFigures
from shared.china import Money


class AllocationRead(BaseModel):
    """资金安排."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    plan_id: UUID
    source_id: UUID
    project_id: UUID
    project_name: str
    document_no: str = Field(description="指标文号")
    year: int
    amount: Money = Field(description="下达金额; 现有金额见 figures.allocated")
    issued_on: date
    management_fee: bool
    industry: bool
    created_at: datetime


class AllocationDetail(AllocationRead):
    """资金安排及其支付情况."""

    figures: LedgerFigures


class ProjectFundsRead(LedgerFigures):
    """一个项目的资金情况."""

    project_id: UUID
    year_figures: dict[int, LedgerFigures] = Field({}, description="按指标年度")
