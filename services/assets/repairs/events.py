"""Domain events of repair tickets (报修)."""

from uuid import UUID

from shared.clients.assets import AssetEvent


class RepairMoved(AssetEvent):
    """报修单换了状态; `was` is empty when the ticket is created."""

    topic = "repair.moved"
    repair_id: UUID
    asset_id: UUID
    source: str
    was: str
    now: str
