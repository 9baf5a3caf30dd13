"""Contract of the funds service: events, response views and a typed client."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Money, MoneySum, PositiveMoney, SignedMoney
from shared.events import Event


class FundEvent(Event):
    """An event whose amounts are 分 in Python and 元 in JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class SourceRegistered(FundEvent):
    """指标文已登记."""

    topic: ClassVar[str] = "source.registered"
    source_id: UUID
    document_no: str
    fiscal_year: int
    level: str
    fund: str
    amount: PositiveMoney


class SourceAdjusted(FundEvent):
    """指标已调整: above zero 追加, below 追减 or 收回."""

    topic: ClassVar[str] = "source.adjusted"
    source_id: UUID
    change: SignedMoney
    document_no: str


class YearClosed(FundEvent):
    """年度已结账."""

    topic: ClassVar[str] = "year.closed"
    closing_id: UUID
    year: int
    carried: MoneySum


class YearReopening(FundEvent):
    """重开已结账年度: requested, or confirmed by another person."""

    topic: ClassVar[str] = "year.reopening"
    reopening_id: UUID
    closing_id: UUID
    year: int
    decision_no: str
    state: str


class LandRevenueRegistered(FundEvent):
    """土地出让收益已登记."""

    topic: ClassVar[str] = "land_revenue.registered"
    year: int
    revenue: PositiveMoney
    document_no: str


class PlanDrafted(FundEvent):
    """分配方案已编制或修改."""

    topic: ClassVar[str] = "plan.drafted"
    plan_id: UUID
    title: str
    lines: int
    total: MoneySum


class PlanMoved(FundEvent):
    """分配方案换了状态."""

    topic: ClassVar[str] = "plan.moved"
    plan_id: UUID
    was: str
    now: str


class EarmarkChanged(FundEvent):
    """切块额度已登记或更改."""

    topic: ClassVar[str] = "earmark.changed"
    earmark_id: UUID
    title: str
    unit: str
    year: int
    total: PositiveMoney


class AllocationIssued(FundEvent):
    """资金已下达到项目."""

    topic: ClassVar[str] = "allocation.issued"
    allocation_id: UUID
    plan_id: UUID
    source_id: UUID
    project_id: UUID
    amount: PositiveMoney
    document_no: str = Field(description="number of the fund document")
    issued_on: date


class AllocationRecalled(FundEvent):
    """已下达资金被调整收回."""

    topic: ClassVar[str] = "allocation.recalled"
    allocation_id: UUID
    plan_id: UUID
    project_id: UUID
    amount: PositiveMoney


class PaymentDrafted(FundEvent):
    """支付申请已编制."""

    topic: ClassVar[str] = "payment.drafted"
    payment_id: UUID
    allocation_id: UUID
    project_id: UUID
    amount: PositiveMoney


class BeneficiariesListed(FundEvent):
    """一卡通名单已上传. Names and account numbers are not published."""

    topic: ClassVar[str] = "beneficiaries.listed"
    payment_id: UUID
    count: int
    total: PositiveMoney


class BeneficiariesRevealed(FundEvent):
    """有人查看或导出了一卡通号码: positions of the rows; actor and reason are in the envelope."""

    topic: ClassVar[str] = "beneficiaries.revealed"
    payment_id: UUID
    positions: list[int]


class PaymentMoved(FundEvent):
    """支付换了状态."""

    topic: ClassVar[str] = "payment.moved"
    payment_id: UUID
    allocation_id: UUID
    project_id: UUID
    amount: PositiveMoney
    was: str
    now: str


class PaymentPaid(FundEvent):
    """款项已支付."""

    topic: ClassVar[str] = "payment.paid"
    payment_id: UUID
    allocation_id: UUID
    project_id: UUID
    amount: PositiveMoney
    paid_on: date
    voucher_no: str


class PaymentRefunded(FundEvent):
    """已支付款项退回."""

    topic: ClassVar[str] = "payment.refunded"
    payment_id: UUID
    project_id: UUID
    amount: PositiveMoney


class ContractRegistered(FundEvent):
    """合同已登记."""

    topic: ClassVar[str] = "contract.registered"
    contract_id: UUID
    project_id: UUID
    number: str
    amount: PositiveMoney


class ContractSettled(FundEvent):
    """合同已结算."""

    topic: ClassVar[str] = "contract.settled"
    contract_id: UUID
    project_id: UUID
    settled: PositiveMoney


class RetentionFellDue(FundEvent):
    """质保金的到期日已确定: the defects liability period counts from the acceptance."""

    topic: ClassVar[str] = "contract.retention_due"
    contract_id: UUID
    project_id: UUID
    due_on: date


class RetentionReleased(FundEvent):
    """质保金已返还."""

    topic: ClassVar[str] = "contract.retention_released"
    contract_id: UUID
    project_id: UUID
    amount: Money
    released_on: date


class TargetMoved(FundEvent):
    """绩效目标已编制, 修改或换了状态."""

    topic: ClassVar[str] = "target.moved"
    target_id: UUID
    project_id: UUID
    was: str
    now: str


class PaymentCleared(FundEvent):
    """审核人放行了用途筛查发现禁止内容的支付; the reason is in the envelope."""

    topic: ClassVar[str] = "payment.cleared"
    payment_id: UUID
    project_id: UUID
    rules: list[str] = Field(description="放行的筛查规则")


class PaymentClearanceConfirmed(FundEvent):
    """批准人确认了审核人的放行; the reason is in the envelope."""

    topic: ClassVar[str] = "payment.clearance_confirmed"
    payment_id: UUID
    project_id: UUID
    rules: list[str] = Field(description="放行的筛查规则")
    cleared_by: str = Field(description="放行的审核人")
    confirmed_by: str = Field(description="确认放行的批准人")


class PaymentAccountRead(FundEvent):
    """A payee's account number was read in clear text."""

    topic: ClassVar[str] = "payment.account_read"
    payment_id: UUID


class ExchangeRowTaken(FundEvent):
    """财政系统送来的一行已处理."""

    topic: ClassVar[str] = "exchange.row_taken"
    row_id: UUID
    kind: str
    state: str


class StatementMoved(FundEvent):
    """对账单已上传, 比对, 处理或结清."""

    topic: ClassVar[str] = "statement.moved"
    statement_id: UUID
    what: str


class AlertMoved(FundEvent):
    """资金预警换了状态."""

    topic: ClassVar[str] = "alert.moved"
    alert_id: UUID
    rule: str
    was: str
    now: str


class _FundsView(BaseModel):
    model_config = ConfigDict(extra="ignore", from_attributes=True)


class ProjectFunds(_FundsView):
    """一个项目的资金情况."""

    project_id: UUID
    received: MoneySum
    allocated: MoneySum
    unpaid: MoneySum
    applied: MoneySum
    paid: MoneySum


class TargetView(_FundsView):
    """一个项目的绩效目标和自评得分."""

    id: UUID
    state: str
    score: str | None = None


class FundsClient:
    """Typed client of the funds service: `FundsClient(work.service_client("funds"))`."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - a ServiceClient; contracts import no web framework
        self.client = client

    async def get_project_funds(self, project_id: UUID) -> ProjectFunds:
        """The funds of a project; zeros when it has none."""
        answer = await self.client.get(f"/api/v1/funds/projects/{project_id}")
        return ProjectFunds.model_validate(answer)

    async def list_targets(self, project_id: UUID) -> list[TargetView]:
        """The performance targets of a project, at most 50."""
        page = await self.client.get("/api/v1/funds/targets", params={"project_id": str(project_id)})
        return [TargetView.model_validate(item) for item in page["items"]]

    async def get_allocation(self, allocation_id: UUID) -> dict[str, Any]:
        """One allocation with current amounts: after recalls, paid net of refunds."""
        answer: dict[str, Any] = await self.client.get(f"/api/v1/funds/allocations/{allocation_id}")
        return answer

    async def get_thread(self, **record_id: UUID) -> dict[str, Any]:
        """Records of the funding trail of one record: pass `project_id`, `source_id`, `plan_id` or `payment_id`."""
        answer: dict[str, Any] = await self.client.get(
            "/api/v1/funds/thread", params={name: str(value) for name, value in record_id.items()}
        )
        return answer
