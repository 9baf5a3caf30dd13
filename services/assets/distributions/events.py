"""Domain events of income distribution (收益分配)."""

from uuid import UUID

from shared.china import Money
from shared.clients.assets import AssetEvent


class DistributionMoved(AssetEvent):
    """收益分配方案换了状态."""

    topic = "distribution.moved"
    distribution_id: UUID
    total: Money
    was: str
    now: str


class PayoutsListed(AssetEvent):
    """发放名单有增加."""

    topic = "distribution.listed"
    distribution_id: UUID
    count: int
    amount: Money


class PayoutPaid(AssetEvent):
    """一笔发放已兑付."""

    topic = "distribution.paid"
    distribution_id: UUID
    payout_id: UUID
    amount: Money


class PayoutReversed(AssetEvent):
    """名单的一笔已撤下(withdrawn), 或兑付后被退回(returned)."""

    topic = "distribution.payout_taken_back"
    distribution_id: UUID
    payout_id: UUID
    amount: Money
    what: str


class AccountRevealed(AssetEvent):
    """有人查看了完整账号."""

    topic = "distribution.account_revealed"
    payout_id: UUID
