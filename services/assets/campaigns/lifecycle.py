"""The life of a stock-taking, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class CampaignState(Labelled):
    """盘点状态."""

    OPEN = "open", "盘点中"
    CLOSED = "closed", "已完成"
    CANCELLED = "cancelled", "已取消"


class CampaignAction(Labelled):
    """盘点办理事项."""

    CLOSE = "close", "完成盘点"
    CANCEL = "cancel", "取消"


@dataclass(frozen=True)
class CampaignFacts:
    """What the guards look at."""

    unchecked: int = 0
    reason: str = ""


def all_checked(facts: CampaignFacts) -> Fault | None:
    """应盘资产全部盘过; 没有盘到的须写明理由."""
    if not facts.unchecked or facts.reason.strip():
        return None
    return Fault(
        "unchecked", f"还有 {facts.unchecked} 项没有盘, 请盘完或写明理由", "Not all are checked", "/reason"
    )


def reasoned(facts: CampaignFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = CampaignState, CampaignAction

# fmt: off
CAMPAIGN: Lifecycle[CampaignState, CampaignAction, CampaignFacts] = Lifecycle("campaign", "盘点", CampaignState, S.OPEN, (
    #    action    from    to           who                needs
    move(A.CLOSE,  S.OPEN, S.CLOSED,    May.ASSET_OPERATE, all_checked),
    move(A.CANCEL, S.OPEN, S.CANCELLED, May.ASSET_OPERATE, reasoned),
))
# fmt: on
