"""What goes in and out about payments."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from services.funds.checking.finding import Finding
from services.funds.payments.kinds import PayeeKind
from services.funds.payments.lifecycle import PaymentState
from shared.contracts.projects import TextScreening
from shared.identifiers import CreditCode, account
from shared.money import Money, PositiveMoney
from shared.moves import Act, Offer

REGION = r"^[0-9]{12}$"


class PaymentCreate(BaseModel):
    """支付申请."""

    id: UUID | None = None
    allocation_id: UUID
    contract_id: UUID | None = None
    amount: PositiveMoney
    payee_kind: PayeeKind = PayeeKind.COMPANY
    payee_name: str = Field(min_length=2, max_length=200, description="收款人全称")
    payee_code: CreditCode | None = Field(None, description="统一社会信用代码")
    payee_account: str = Field("", max_length=40, description="收款账号; 加密保存, 只显示尾号")
    bank: str = Field("", max_length=200, description="开户行")
    purpose: str = Field(min_length=2, max_length=500, description="用途")
    advance: bool = Field(False, description="是否预付款")
    economic_subject: str = Field("", max_length=20, description="政府支出经济分类")
    file_ids: list[UUID] = Field(default=[], max_length=50)
    happened_at: AwareDatetime | None = Field(None, description="实际编制时间; 空为现在. 补录历史时填写")

    @field_validator("payee_account")
    @classmethod
    def _account(cls, value: str) -> str:
        return account(value) if value.strip() else ""


class PaymentChange(BaseModel):
    """修改编制中的支付申请."""

    amount: PositiveMoney | None = None
    purpose: str | None = Field(None, min_length=2, max_length=500)
    bank: str | None = Field(None, max_length=200)
    file_ids: list[UUID] | None = Field(None, max_length=50)


class PaymentRead(BaseModel):
    """支付."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    allocation_id: UUID
    source_id: UUID
    project_id: UUID
    contract_id: UUID | None
    year: int
    amount: Money
    refunded: Money = Field(description="已退回金额")
    payee_kind: PayeeKind
    payee_name: str
    payee_code: str
    account_masked: str = Field(description="收款账号, 只显示尾号")
    bank: str
    purpose: str
    advance: bool
    economic_subject: str
    file_ids: list[str]
    state: PaymentState
    state_since: datetime
    submitted_by: str
    reviewed_by: str
    approved_by: str
    voucher_no: str
    paid_on: date | None
    bank_result: str
    rules_used: list[str]
    screened: str = Field(description="提交时用途筛查的结论: clear, review, block; 空为未筛查")
    cleared_by: str
    clearance: str = Field(description="用途筛查为 block 而放行的理由")
    created_at: datetime
    created_by: str


class PaymentAct(Act):
    """办理支付."""

    voucher_no: str = Field("", max_length=100, description="支付凭证号, 登记支付时必填")
    paid_on: date | None = Field(None, description="支付日期, 登记支付时必填")
    bank_result: str = Field("", max_length=500, description="银行回单结果")
    clearance: str = Field("", max_length=2000, description="审核时放行用途筛查发现的理由")


class RefundCreate(BaseModel):
    """登记退款."""

    id: UUID | None = None
    amount: PositiveMoney
    voucher_no: str = Field(min_length=1, max_length=100)
    happened_on: date
    reason: str = Field(min_length=2, max_length=2000)


class RefundRead(BaseModel):
    """退款."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    payment_id: UUID
    amount: Money
    voucher_no: str
    happened_on: date
    reason: str
    created_at: datetime
    created_by: str


class PaymentDetail(PaymentRead):
    """支付, 退款和可办事项."""

    refunds: list[RefundRead]
    screening: TextScreening | None = Field(description="用途筛查的结论和发现; 空为未筛查")
    available_actions: list[Offer]


class PaymentChecks(BaseModel):
    """支付检查: what every dated control says now."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: UUID
    left: Money = Field(description="该笔安排的未支付余额")
    stops: int
    warnings: int
    findings: list[Finding]
    missing: list[str] = []
