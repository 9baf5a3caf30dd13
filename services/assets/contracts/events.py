"""Domain events of operating contracts (经营合同) and income."""

from datetime import date
from uuid import UUID

from shared.china import SignedMoney
from shared.clients.assets import AssetEvent


class OperatingContractMoved(AssetEvent):
    """经营合同换了状态."""

    topic = "operating_contract.moved"
    contract_id: UUID
    asset_id: UUID
    was: str
    now: str


class OperatorMarked(AssetEvent):
    """经营主体被标为注销失联, 或恢复."""

    topic = "operating_contract.operator_marked"
    contract_id: UUID
    gone: bool


class IncomeReceived(AssetEvent):
    """资产收益入账; 负数为冲销."""

    topic = "income.received"
    receipt_id: UUID
    asset_id: UUID
    contract_id: UUID | None = None
    amount: SignedMoney
    received_on: date
