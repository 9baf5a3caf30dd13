"""Schemas of operating contracts and income."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.assets.contracts.lifecycle import ContractState
from shared.china import CreditCode, LabelledEnum, Money, PositiveMoney, SignedMoney
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class OperatingMode(LabelledEnum):
    """经营方式."""

    OWN = "own", "自营"
    CONTRACT = "contract", "承包"
    LEASE = "lease", "租赁"
    SHARE = "share", "入股"
    COOPERATE = "cooperate", "合作"
    ENTRUST = "entrust", "托管"


class SettlementPeriod(LabelledEnum):
    """收益结算周期."""

    MONTH = "month", "按月"
    QUARTER = "quarter", "按季"
    HALF = "half", "按半年"
    YEAR = "year", "按年"
    ONCE = "once", "一次性"

    @property
    def months(self) -> int:
        """Months between due dates; 0 for a single payment."""
        return {
            SettlementPeriod.MONTH: 1,
            SettlementPeriod.QUARTER: 3,
            SettlementPeriod.HALF: 6,
            SettlementPeriod.YEAR: 12,
            SettlementPeriod.ONCE: 0,
        }[self]


class RentStepPost(RequestBody):
    """租金调整: a new amount per period from a day on."""

    starts_on: date
    amount: Money


class RentStepRead(RentStepPost):
    """租金调整, as stored."""

    model_config = ConfigDict(from_attributes=True)


class ContractTerms(RequestBody):
    """合同条款."""

    number: str = Field(min_length=1, max_length=100, description="合同编号")
    mode: OperatingMode
    operator: str = Field(min_length=2, max_length=200, description="经营主体")
    operator_code: CreditCode | None = None
    starts_on: date
    ends_on: date
    amount: Money = Field(description="每期租金或保底收益; 0 为按实际收益")
    period: SettlementPeriod = SettlementPeriod.YEAR
    first_due_on: date | None = Field(None, description="第一期应收日期; 空为起始日")
    steps: list[RentStepPost] = Field([], max_length=50)
    deposit: Money = Field(0, description="保证金")
    prorated: bool = Field(False, description="不足一期的租金按天数折算")
    households: int = Field(0, ge=0, le=1_000_000, description="带动户数")
    file_ids: list[UUID] = Field([], max_length=30, description="合同文本")
    note: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def _validate_dates(self) -> "ContractTerms":
        if self.ends_on < self.starts_on:
            raise ValueError("合同止期早于起期")
        if (self.ends_on - self.starts_on).days > 366 * 100:
            raise ValueError("合同期限不能超过一百年")
        if self.first_due_on is not None and not self.starts_on <= self.first_due_on <= self.ends_on:
            raise ValueError("第一期应收日期须在合同期限之内")
        return self


class AssetContractCreate(ContractTerms):
    """拟定经营合同."""

    id: UUID | None = None
    happened_at: AwareDatetime | None = Field(
        None, description="实际拟定时间; 空为现在, 起期已过的为起期. 补录历史时填写"
    )


class AssetContractRead(BaseModel):
    """经营合同."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    number: str
    mode: OperatingMode
    operator: str
    operator_code: str
    operator_gone: bool
    starts_on: date
    ends_on: date
    amount: Money
    period: SettlementPeriod
    first_due_on: date
    steps: list[RentStepRead]
    deposit: Money
    prorated: bool
    households: int
    previous_id: UUID | None
    file_ids: list[str]
    note: str
    state: ContractState
    state_since: datetime
    created_by: str


class ReceivableRead(BaseModel):
    """应收."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    asset_id: UUID
    region: str
    number: int
    due_on: date
    amount: Money = Field(description="应收, 已扣减免")
    waived: Money = Field(description="减免")
    received: Money
    open: bool
    void: bool


class ContractDetail(AssetContractRead):
    """经营合同, 应收明细和可办事项."""

    receivables: list[ReceivableRead]
    due: Money = Field(description="已到期应收")
    received: Money = Field(description="已收")
    waived: Money = Field(description="减免合计")
    arrears: Money = Field(description="欠收: 已到期未收")
    deposit_held: Money = Field(description="保证金余额: 已收未退未抵扣")
    available_actions: list[AvailableAction]


class ContractTransitionRequest(TransitionRequest):
    """办理经营合同."""


class OperatorStatusPost(RequestBody):
    """经营主体已注销或失联."""

    gone: bool
    reason: str = Field(min_length=2, max_length=2000)


class ReceiptPost(RequestBody):
    """登记实收."""

    id: UUID | None = None
    amount: PositiveMoney
    received_on: date
    payer: str = Field(min_length=2, max_length=200, description="交款人")
    voucher_no: str = Field(min_length=1, max_length=100, description="收款凭证号")
    kind: str = Field(
        "rent",
        pattern="^(rent|dividend|compensation|other)$",
        description="收入种类: 抵扣的保证金由保证金账记",
    )
    note: str = Field("", max_length=2000)


class ReceiptReversalPost(RequestBody):
    """冲销误记的实收, 由另一人办理."""

    id: UUID | None = None
    reason: str = Field(min_length=2, max_length=2000)


class ReceiptRead(BaseModel):
    """实收; 负数为冲销."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    contract_id: UUID | None
    region: str
    amount: SignedMoney
    received_on: date
    payer: str
    voucher_no: str
    kind: str
    reverses: UUID | None
    note: str
    created_by: str
    created_at: datetime


class YearIncome(BaseModel):
    """一年的收益."""

    model_config = ConfigDict(from_attributes=True)

    year: int
    due: Money = Field(description="当年到期应收(到今天为止)")
    settled: Money = Field(description="其中已收")
    arrears: Money
    received: SignedMoney = Field(description="当年实收(含合同外收入)")


class Income(BaseModel):
    """一项资产或一个地区历年的收益."""

    years: list[YearIncome]
    due: Money
    arrears: Money
    received: SignedMoney
