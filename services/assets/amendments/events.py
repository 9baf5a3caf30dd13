"""Domain events of amendments of operating contracts (合同变更)."""

from uuid import UUID

from shared.china import Money
from shared.clients.assets import AssetEvent


class ContractAmendmentMoved(AssetEvent):
    """合同变更换了状态; `was` is empty when it is proposed."""

    topic = "contract_amendment.moved"
    amendment_id: UUID
    contract_id: UUID
    kind: str
    waived: Money
    was: str
    now: str


class OperatingContractAmended(AssetEvent):
    """经营合同按批准的变更改了条款或应收."""

    topic = "operating_contract.amended"
    contract_id: UUID
    amendment_id: UUID
    waived: Money
