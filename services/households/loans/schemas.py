"""Request and response bodies of small loans."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.households.loans.lifecycle import LoanState
from shared.china import Money, PositiveMoney, RegionCode
from shared.china.national_ids import PersonNumber
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody

Rate = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(\.[0-9]{1,4})?$")]


class LoanCreate(RequestBody):
    """登记小额信贷, 按银行台账."""

    id: UUID | None = Field(None, description="UUIDv7, 空为由系统编号")
    region: RegionCode = Field(description="所在村的区划代码")
    name: str = Field(min_length=1, max_length=50, description="借款人")
    id_no: PersonNumber
    bank: str = Field(min_length=2, max_length=100, description="放贷银行")
    principal: PositiveMoney = Field(description="贷款金额")
    balance: Money | None = Field(None, description="贷款余额, 空为贷款金额")
    subsidy: Money = Field(0, description="已贴息")
    rate: Rate = Field(description="年利率, %")
    lent_on: date = Field(description="放款日")
    due_on: date = Field(description="到期日")
    purpose: str = Field(min_length=2, max_length=200, description="贷款用途")


class LoanChange(PatchBody):
    """登记还款和贴息: 余额只减, 贴息只增; 未给出的不改."""

    balance: Money | None = Field(None, description="贷款余额")
    subsidy: Money | None = Field(None, description="已贴息")


class LoanRead(BaseModel):
    """小额信贷; 借款人姓名隐去."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    name_masked: str
    bank: str
    principal: Money
    balance: Money
    subsidy: Money
    rate: str
    lent_on: date
    due_on: date
    purpose: str
    extensions: int
    settled_on: date | None
    state: LoanState
    state_since: datetime
    created_at: datetime


class LoanDetail(LoanRead):
    """小额信贷和可办事项."""

    available_actions: list[AvailableAction]


class PersonRead(BaseModel):
    """一个人, 未隐去; 每次查阅都有记录."""

    name: str
    id_no: str


class LoanTransitionRequest(TransitionRequest):
    """办理小额信贷."""

    due_on: date | None = Field(None, description="展期后的到期日")
    settled_on: date | None = Field(None, description="结清日期")
