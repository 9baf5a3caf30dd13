"""Lifecycle of stock-takings."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class CampaignState(LabelledEnum):
    """盘点状态."""

    OPEN = "open", "盘点中"
    CLOSED = "closed", "已完成"
    CANCELLED = "cancelled", "已取消"


class CampaignAction(LabelledEnum):
    """盘点办理事项."""

    CLOSE = "close", "完成盘点"
    CANCEL = "cancel", "取消"


@dataclass(frozen=True)
class CampaignFacts:
    """Facts that the guards check."""

    unchecked: int = 0
    reason: str = ""


def all_checked(facts: CampaignFacts) -> FieldError | None:
    """应盘资产全部盘过; 没有盘到的须写明理由."""
    if not facts.unchecked or facts.reason.strip():
        return None
    return FieldError(
        "unchecked", f"还有 {facts.unchecked} 项没有盘, 请盘完或写明理由", "Not all are checked", "/reason"
    )


S, A = CampaignState, CampaignAction

# fmt: off
CAMPAIGN: Lifecycle[CampaignState, CampaignAction, CampaignFacts] = Lifecycle(
    "campaign", "盘点", CampaignState, S.OPEN, (
    #          action    from    to           who                needs
    transition(A.CLOSE,  S.OPEN, S.CLOSED,    May.CAMPAIGN_RUN, all_checked),
    transition(A.CANCEL, S.OPEN, S.CANCELLED, May.CAMPAIGN_RUN, reason_given),
))
# fmt: on
