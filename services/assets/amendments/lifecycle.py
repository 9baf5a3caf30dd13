"""Lifecycle of amendments of operating contracts."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class AmendmentState(LabelledEnum):
    """合同变更状态."""

    PROPOSED = "proposed", "待批准"
    APPROVED = "approved", "已生效"
    REJECTED = "rejected", "未批准"
    WITHDRAWN = "withdrawn", "已撤回"


class AmendmentAction(LabelledEnum):
    """合同变更办理事项."""

    APPROVE = "approve", "批准"
    REJECT = "reject", "不批准"
    WITHDRAW = "withdraw", "撤回"


@dataclass(frozen=True)
class AmendmentFacts:
    """Facts that the guards check."""

    document_count: int = 0
    error: FieldError | None = None
    """What no longer fits the contract and its receivables as they stand."""
    reason: str = ""


def has_documents(facts: AmendmentFacts) -> FieldError | None:
    """附有补充协议或集体决议."""
    if facts.document_count:
        return None
    return FieldError("no_documents", "须附补充协议或集体决议", "The agreement is needed", "/file_ids")


def fits_contract(facts: AmendmentFacts) -> FieldError | None:
    """减免不超过未收的应收; 变更不动已收款的应收, 不与其他合同重叠."""
    return facts.error


S, A = AmendmentState, AmendmentAction

# fmt: off
AMENDMENT: Lifecycle[AmendmentState, AmendmentAction, AmendmentFacts] = Lifecycle(
    "contract amendment", "合同变更", AmendmentState, S.PROPOSED, (
    #          action      from        to           who                needs
    transition(A.APPROVE,  S.PROPOSED, S.APPROVED,  May.ASSET_APPROVE, has_documents, fits_contract,
        four_eyes=("created_by",)),
    transition(A.REJECT,   S.PROPOSED, S.REJECTED,  May.ASSET_APPROVE, reason_given),
    transition(A.WITHDRAW, S.PROPOSED, S.WITHDRAWN, May.ASSET_OPERATE, reason_given),
))
# fmt: on
