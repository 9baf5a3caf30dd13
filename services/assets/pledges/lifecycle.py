"""Lifecycle of pledges."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class PledgeState(LabelledEnum):
    """抵押状态."""

    PROPOSED = "proposed", "待批准"
    IN_FORCE = "in_force", "抵押中"
    RELEASED = "released", "已解除"
    REJECTED = "rejected", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"


class PledgeAction(LabelledEnum):
    """抵押办理事项."""

    APPROVE = "approve", "批准"
    REJECT = "reject", "不批准"
    WITHDRAW = "withdraw", "撤回"
    RELEASE = "release", "解除抵押"


@dataclass(frozen=True)
class PledgeFacts:
    """Facts that the guards check."""

    is_registered: bool = True
    document_count: int = 0
    released_count: int = 0
    """Documents of the release."""
    reason: str = ""


def asset_is_registered(facts: PledgeFacts) -> FieldError | None:
    """资产在册, 没有处置."""
    if facts.is_registered:
        return None
    return FieldError("not_registered", "资产不在册或已处置", "The asset is not on the register")


def decision_attached(facts: PledgeFacts) -> FieldError | None:
    """附有集体决议和抵押合同."""
    if facts.document_count:
        return None
    return FieldError("no_documents", "须附集体决议和抵押合同", "The decision is needed", "/file_ids")


def release_attached(facts: PledgeFacts) -> FieldError | None:
    """附有注销登记或结清证明."""
    if facts.released_count:
        return None
    return FieldError("no_documents", "须附注销登记或结清证明", "Proof of the release", "/file_ids")


S, A = PledgeState, PledgeAction

# fmt: off
PLEDGE: Lifecycle[PledgeState, PledgeAction, PledgeFacts] = Lifecycle(
    "pledge", "资产抵押", PledgeState, S.PROPOSED, (
    #          action      from        to           who                needs
    transition(A.APPROVE,  S.PROPOSED, S.IN_FORCE,  May.ASSET_APPROVE, asset_is_registered, decision_attached,
        four_eyes=("created_by",)),
    transition(A.REJECT,   S.PROPOSED, S.REJECTED,  May.ASSET_APPROVE, reason_given),
    transition(A.WITHDRAW, S.PROPOSED, S.WITHDRAWN, May.ASSET_OPERATE, reason_given),
    transition(A.RELEASE,  S.IN_FORCE, S.RELEASED,  May.ASSET_OPERATE, release_attached),
))
# fmt: on
