"""What goes in and out about household batches: never a whole number unless somebody asked with a reason."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.funds.batches.kinds import RowState
from shared.errors import FaultRead
from shared.money import Money, SignedMoney


class BatchRead(BaseModel):
    """一卡通名单上传结果."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: UUID
    stored: bool = Field(description="试查不保存")
    count: int
    total: Money
    difference: SignedMoney = Field(description="名单合计减申请金额")
    repeated: list[int] = Field(description="同一项目其他支付中已有的户, 按名单序号; 请核对是否重复享受")
    errors: list[FaultRead]


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
    state: RowState
    failure: str


class RevealAsk(BaseModel):
    """查看号码: 须写明理由, 查看本身记入事件."""

    positions: list[int] = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=2, max_length=2000)


class BankFileAsk(BaseModel):
    """导出代发文件."""

    reason: str = Field(min_length=2, max_length=2000)


class Revealed(BaseModel):
    """一户的号码."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    name: str
    card: str
    account: str
    bank: str
    amount: Money


class FailedRow(BaseModel):
    """银行退回的一户."""

    position: int = Field(ge=1)
    reason: str = Field(min_length=1, max_length=500, description="银行退回原因")


class Failures(BaseModel):
    """登记银行退回: the sum goes back to 未支付 in one refund."""

    voucher_no: str = Field(min_length=1, max_length=100)
    happened_on: date
    rows: list[FailedRow] = Field(min_length=1, max_length=1000)


class FailuresRead(BaseModel):
    """退回登记结果."""

    model_config = ConfigDict(from_attributes=True)

    payment_id: UUID
    refund_id: UUID
    amount: Money
    count: int
