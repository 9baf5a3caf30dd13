"""Schemas of payments, refunds and beneficiary lists. Account and ID numbers are masked except in RevealedBeneficiary."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from services.funds.findings import RuleFinding
from services.funds.payments.lifecycle import PaymentState
from shared.china import CreditCode, LabelledEnum, Money, PositiveMoney, SignedMoney, parse_bank_account
from shared.clients.projects import TextScreening
from shared.errors import FieldErrorRead
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class PayeeKind(LabelledEnum):
    """收款人类别."""

    COMPANY = "company", "单位"
    COLLECTIVE = "collective", "村集体经济组织"
    HOUSEHOLDS = "households", "农户(一卡通批量)"


class PaymentCreate(RequestBody):
    """支付申请."""

    id: UUID | None = None
    allocation_id: UUID
    contract_id: UUID | None = None
    amount: PositiveMoney
    payee_kind: PayeeKind = PayeeKind.COMPANY
    payee_name: str = Field(min_length=2, max_length=200, description="收款人全称")
    payee_code: CreditCode | None = Field(None, description="统一社会信用代码")
    payee_account: str = Field(
        "",
        max_length=40,
        description="收款账号; 加密保存, 只显示尾号",
        json_schema_extra={"x-declared-number": True},
    )
    bank: str = Field("", max_length=200, description="开户行")
    purpose: str = Field(min_length=2, max_length=500, description="用途")
    advance: bool = Field(False, description="是否预付款")
    economic_subject: str = Field("", max_length=20, description="政府支出经济分类")
    file_ids: list[UUID] = Field(default=[], max_length=50)
    happened_at: AwareDatetime | None = Field(None, description="实际编制时间; 空为现在. 补录历史时填写")

    @field_validator("payee_account")
    @classmethod
    def _check_account(cls, value: str) -> str:
        return parse_bank_account(value) if value.strip() else ""


class PaymentChange(PatchBody):
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


class PaymentTransitionRequest(TransitionRequest):
    """办理支付."""

    voucher_no: str = Field("", max_length=100, description="支付凭证号, 登记支付时必填")
    paid_on: date | None = Field(None, description="支付日期, 登记支付时必填")
    bank_result: str = Field("", max_length=500, description="银行回单结果")
    clearance: str = Field("", max_length=2000, description="审核时放行用途筛查发现的理由")
    confirms_clearance: bool = Field(False, description="批准时确认审核人的放行; 有放行的必填")


class RefundCreate(RequestBody):
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
    available_actions: list[AvailableAction]


class PaymentChecks(BaseModel):
    """支付检查: what every dated control says now."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: UUID
    left: Money = Field(description="该笔安排的未支付余额")
    stops: int
    warnings: int
    findings: list[RuleFinding]
    missing: list[str] = []


class BeneficiaryState(LabelledEnum):
    """到户补贴的发放状态."""

    LISTED = "listed", "已列入"
    FAILED = "failed", "发放失败"


class PaymentBatchRead(BaseModel):
    """一卡通名单上传结果."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: UUID
    stored: bool = Field(description="试查不保存")
    count: int
    total: Money
    difference: SignedMoney = Field(description="名单合计减申请金额")
    repeated: list[int] = Field(description="同一项目其他支付中已有的户, 按名单序号; 请核对是否重复享受")
    errors: list[FieldErrorRead]


class BeneficiaryRead(BaseModel):
    """一户, 隐去号码."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    position: int
    name_masked: str
    card_masked: str
    account_masked: str
    bank: str
    place: str
    amount: Money
    state: BeneficiaryState
    failure: str


class RevealRequest(RequestBody):
    """查看号码: 须写明理由, 查看本身记入事件."""

    positions: list[int] = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=2, max_length=2000)


class BankFileRequest(RequestBody):
    """导出代发文件."""

    reason: str = Field(min_length=2, max_length=2000)


class RevealedBeneficiary(BaseModel):
    """一户的号码."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    name: str
    card: str
    account: str
    bank: str
    amount: Money


class FailedBeneficiary(RequestBody):
    """银行退回的一户."""

    position: int = Field(ge=1)
    reason: str = Field(min_length=1, max_length=500, description="银行退回原因")


class FailuresCreate(RequestBody):
    """登记银行退回: the sum goes back to 未支付 in one refund."""

    voucher_no: str = Field(min_length=1, max_length=100)
    happened_on: date
    rows: list[FailedBeneficiary] = Field(min_length=1, max_length=1000)


class FailuresRead(BaseModel):
    """退回登记结果."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: UUID
    refund_id: UUID
    amount: Money
    count: int
