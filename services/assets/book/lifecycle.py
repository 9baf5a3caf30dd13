"""Lifecycle of value adjustments."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum, format_yuan
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class AdjustmentState(LabelledEnum):
    """价值调整状态."""

    PROPOSED = "proposed", "待批准"
    APPROVED = "approved", "已批准"
    REJECTED = "rejected", "未批准"


class AdjustmentAction(LabelledEnum):
    """价值调整办理事项."""

    APPROVE = "approve", "批准"
    REJECT = "reject", "不批准"


@dataclass(frozen=True)
class AdjustmentFacts:
    """Facts that the guards check."""

    net_after: int
    """The lowest net value in 分 from the day of the adjustment on."""
    is_registered: bool
    reason: str = ""


def net_value_not_negative(facts: AdjustmentFacts) -> FieldError | None:
    """调整后的净值(价值减累计折旧)不为负."""
    if facts.net_after >= 0:
        return None
    detail = f"调整后净值为负({format_yuan(facts.net_after)} 元), 减少的金额不能超过净值"
    return FieldError("below_zero", detail, "The net value would be below zero", "/amount")


def asset_is_registered(facts: AdjustmentFacts) -> FieldError | None:
    """资产在册, 未处置."""
    if facts.is_registered:
        return None
    return FieldError("not_registered", "资产不在册, 不能调整价值", "The asset is not on the register")


S, A = AdjustmentState, AdjustmentAction

# fmt: off
ADJUSTMENT: Lifecycle[AdjustmentState, AdjustmentAction, AdjustmentFacts] = Lifecycle(
    "value adjustment", "价值调整", AdjustmentState, S.PROPOSED, (
    #          action     from        to          who                needs
    transition(A.APPROVE, S.PROPOSED, S.APPROVED, May.ASSET_APPROVE, asset_is_registered, net_value_not_negative,
        four_eyes=("created_by",)),
    transition(A.REJECT,  S.PROPOSED, S.REJECTED, May.ASSET_APPROVE, reason_given),
))
# fmt: on
