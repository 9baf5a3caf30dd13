"""The life of a value adjustment, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class AdjustmentState(Labelled):
    """价值调整状态."""

    PROPOSED = "proposed", "待批准"
    APPROVED = "approved", "已批准"
    REJECTED = "rejected", "未批准"


class AdjustmentAction(Labelled):
    """价值调整办理事项."""

    APPROVE = "approve", "批准"
    REJECT = "reject", "不批准"


@dataclass(frozen=True)
class AdjustmentFacts:
    """What the guards look at."""

    value_after: int
    on_the_books: bool
    reason: str = ""


def not_below_zero(facts: AdjustmentFacts) -> Fault | None:
    """调整后的价值不为负."""
    if facts.value_after >= 0:
        return None
    return Fault("below_zero", "调整后价值为负", "The value would be below zero", "/amount")


def on_the_books(facts: AdjustmentFacts) -> Fault | None:
    """资产在册, 未处置."""
    if facts.on_the_books:
        return None
    return Fault("not_registered", "资产不在册, 不能调整价值", "The asset is not on the register")


def reasoned(facts: AdjustmentFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = AdjustmentState, AdjustmentAction

# fmt: off
ADJUSTMENT: Lifecycle[AdjustmentState, AdjustmentAction, AdjustmentFacts] = Lifecycle(
    "value adjustment", "价值调整", AdjustmentState, S.PROPOSED, (
    #    action     from        to          who                needs
    move(A.APPROVE, S.PROPOSED, S.APPROVED, May.ASSET_APPROVE, on_the_books, not_below_zero, eyes=("created_by",)),
    move(A.REJECT,  S.PROPOSED, S.REJECTED, May.ASSET_APPROVE, reasoned),
))
# fmt: on
