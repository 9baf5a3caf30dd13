"""What the gateway reads: the pieces around a record, and a region's year."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.allocations.schemas import AllocationRead
from services.funds.contracts.schemas import ContractRead
from services.funds.ledger.figures import Figures
from services.funds.payments.schemas import PaymentRead, RefundRead
from services.funds.plans.schemas import LineRead, PlanRead
from services.funds.sources.schemas import AdjustmentRead, SourceRead
from shared.money import Money


class ThreadLine(LineRead):
    """方案明细, 附所属方案."""

    plan_id: UUID


class Thread(BaseModel):
    """资金全链条中资金这一段: from fund document to payment."""

    model_config = ConfigDict(from_attributes=True)

    sources: list[SourceRead]
    adjustments: list[AdjustmentRead] = Field(description="追加、追减与收回")
    plans: list[PlanRead]
    lines: list[ThreadLine] = Field(description="涉及这些指标文和项目的方案明细, 含尚未下达的")
    allocations: list[AllocationRead]
    contracts: list[ContractRead]
    payments: list[PaymentRead]
    refunds: list[RefundRead]
    projects: list[UUID] = Field(description="涉及的项目")
    figures: Figures = Field(description="从指标文或文号开始时为指标文全部资金, 否则为以上资金安排的合计")


class LevelFigures(BaseModel):
    """一个资金级次的情况."""

    model_config = ConfigDict(from_attributes=True)

    level: str
    label: str
    figures: Figures


class Share(BaseModel):
    """占比, %."""

    model_config = ConfigDict(from_attributes=True)

    part: Money
    whole: Money
    percent: str


class Summary(BaseModel):
    """一个地区一年的资金."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    year: int
    figures: Figures
    by_level: list[LevelFigures]
    paid_percent: str = Field(description="支付进度, 已支付占到位, %")
    allocated_percent: str = Field(description="下达进度, 已下达占到位, %")
    industry: Share = Field(description="已下达资金用于产业")
    management_fee: Share
    sources: int
    plans: int
    projects: int
    payments: int
