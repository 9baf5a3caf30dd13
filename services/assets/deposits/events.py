"""Domain events of the deposit book (保证金)."""

from datetime import date
from uuid import UUID

from shared.china import Money
from shared.clients.assets import AssetEvent


class DepositMoved(AssetEvent):
    """保证金记账换了状态; `was` is empty when it is entered."""

    topic = "deposit.moved"
    deposit_id: UUID
    contract_id: UUID
    kind: str
    amount: Money
    happened_on: date
    was: str
    now: str
