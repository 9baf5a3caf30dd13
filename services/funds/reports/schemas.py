"""Response schemas of the funding trail, the yearly summary, supervision and evaluation."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.allocations.schemas import AllocationRead
from services.funds.contracts.schemas import ProjectContractRead
from services.funds.ledger.schemas import LedgerFigures
from services.funds.payments.schemas import PaymentRead, RefundRead
from services.funds.plans.schemas import PlanLineRead, PlanRead
from services.funds.sources.schemas import SourceAdjustmentRead, SourceRead
from shared.china import LabelledEnum, MoneySum


class ThreadLine(PlanLineRead):
    """方案明细, 附所属方案."""

    plan_id: UUID


class FundsThread(BaseModel):
    """资金全链条中资金这一段: from fund document to payment."""

    model_config = ConfigDict(from_attributes=True)

    sources: list[SourceRead]
    adjustments: list[SourceAdjustmentRead] = Field(description="追加、追减与收回")
    plans: list[PlanRead]
    lines: list[ThreadLine] = Field(description="涉及这些指标文和项目的方案明细, 含尚未下达的")
    allocations: list[AllocationRead]
    contracts: list[ProjectContractRead]
    payments: list[PaymentRead]
    refunds: list[RefundRead]
    projects: list[UUID] = Field(description="涉及的项目")
    figures: LedgerFigures = Field(
        description="从指标文或文号开始时为指标文全部资金, 否则为以上资金安排的合计"
    )


class LevelFigures(BaseModel):
    """一个资金级次的情况."""

    model_config = ConfigDict(from_attributes=True)

    level: str
    label: str
    figures: LedgerFigures


class Share(BaseModel):
    """占比, %."""

    model_config = ConfigDict(from_attributes=True)

    part: MoneySum
    whole: MoneySum
    percent: str
    percent_of_towns: str | None = Field(description="各乡镇占比的平均值, %; 县级才有")


class FundsSummary(BaseModel):
    """一个地区一年的资金."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    year: int
    figures: LedgerFigures
    flow: LedgerFigures | None = Field(
        None, description="from 至 as_of 之间的发生额, 不分资金年度; 给出期间时才有"
    )
    by_level: list[LevelFigures]
    paid_percent: str = Field(description="支付进度, 已支付占到位, %")
    paid_percent_of_towns: str | None = Field(description="各乡镇支付进度的平均值, %; 县级才有")
    allocated_percent: str = Field(description="下达进度, 已下达占到位, %")
    industry: Share = Field(description="已下达资金用于产业")
    management_fee: Share
    sources: int
    plans: int
    projects: int
    payments: int


class Rank(LabelledEnum):
    """财政层级, 由区划代码得出."""

    PROVINCE = "province", "省级"
    CITY = "city", "市级"
    COUNTY = "county", "县级"
    TOWN = "town", "乡镇级"


class RankRow(BaseModel):
    """一个层级的分配和支出."""

    model_config = ConfigDict(from_attributes=True)

    rank: Rank
    label: str
    given: MoneySum = Field(description="下达到本级")
    own: MoneySum = Field(description="分配本级")
    below: MoneySum = Field(description="分配下级")
    unallocated: MoneySum = Field(description="未分配 = 下达 - 已分配")
    paid: MoneySum = Field(description="本级已支出")
    progress: str = Field(description="分配进度 = (分配本级 + 分配下级) / 下达 × 100, 下达为 0 时为 0")


class SupervisionRow(BaseModel):
    """监督台账的一行: one fund, or one town."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    label: str
    amountZyxd: MoneySum = Field(description="中央下达")  # noqa: N815 - the finance system's own name
    amountSnjbjfp: MoneySum = Field(description="省级分配本级")  # noqa: N815 - the finance system's own name
    amountSnjxjfp: MoneySum = Field(description="省级分配下级")  # noqa: N815 - the finance system's own name
    amountSnjpay: MoneySum = Field(description="省级支出")  # noqa: N815 - the finance system's own name
    received: MoneySum = Field(description="下达合计, 各级资金")
    paid: MoneySum = Field(description="各级支出合计")
    spending: str = Field(description="支出进度 = 各级支出 / 下达 × 100")
    ranks: list[RankRow]


class Supervision(BaseModel):
    """监督台账."""

    region: str
    year: int
    rows: list[SupervisionRow]
    total: SupervisionRow


class EvaluationIndicator(BaseModel):
    """一项评价指标: its two figures, so that it opens to the books."""

    code: str
    group: str
    title: str
    part: str
    whole: str
    percent: str = Field(description="占比, %; 不是比例的为空")
    how: str = Field(description="取数口径")


class PerformanceEvaluation(BaseModel):
    """绩效评价及考核指标. Weights and score bands are set above the district and not computed here."""

    region: str
    year: int
    basis: str
    indicators: list[EvaluationIndicator]
    by_hand: list[str] = Field(description="须人工填报的加减分项")
