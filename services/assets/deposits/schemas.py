"""Schemas of the deposit book."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.deposits.lifecycle import DepositState
from shared.china import LabelledEnum, PositiveMoney
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class DepositKind(LabelledEnum):
    """保证金记账种类."""

    RECEIVED = "received", "收取"
    RETURNED = "returned", "退还"
    KEPT_RENT = "kept_rent", "抵扣欠租"
    KEPT_DAMAGE = "kept_damage", "抵扣赔偿"

    @property
    def sign(self) -> int:
        """1 where the entry raises the balance, -1 where it lowers it."""
        return 1 if self is DepositKind.RECEIVED else -1


class DepositPost(RequestBody):
    """登记保证金的收取、退还或抵扣."""

    id: UUID | None = None
    kind: DepositKind
    amount: PositiveMoney
    happened_on: date = Field(description="发生日期")
    party: str = Field(min_length=2, max_length=200, description="交款人或收款人")
    voucher_no: str = Field(min_length=1, max_length=100, description="凭证号")
    reason: str = Field("", max_length=2000)
    file_ids: list[UUID] = Field([], max_length=30, description="凭证、验收单")


class DepositRead(BaseModel):
    """保证金记账."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    asset_id: UUID
    region: str
    version: int
    kind: DepositKind
    amount: PositiveMoney
    happened_on: date
    party: str
    voucher_no: str
    reason: str
    file_ids: list[str]
    state: DepositState
    state_since: datetime
    confirmed_by: str
    receipt_id: UUID | None = Field(description="抵扣记入的实收")
    created_by: str


class DepositDetail(DepositRead):
    """保证金记账和可办事项."""

    available_actions: list[AvailableAction]


class DepositTransitionRequest(TransitionRequest):
    """办理保证金记账."""
