"""Lifecycle of operating contracts."""

from dataclasses import dataclass
from datetime import date

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ContractState(LabelledEnum):
    """经营合同状态."""

    DRAFT = "draft", "拟定"
    ACTIVE = "active", "履行中"
    ENDED = "ended", "到期终止"
    TERMINATED = "terminated", "提前终止"
    CANCELLED = "cancelled", "作废"


class ContractAction(LabelledEnum):
    """经营合同办理事项."""

    SIGN = "sign", "签订生效"
    END = "end", "到期终止"
    TERMINATE = "terminate", "提前终止"
    CANCEL = "cancel", "作废"


@dataclass(frozen=True)
class AssetContractFacts:
    """Facts that the guards check."""

    document_count: int
    is_registered: bool
    overlapping_number: str
    ends_on: date
    on: date
    reason: str = ""
    is_disposing: bool = False
    is_damaged: bool = False


def has_documents(facts: AssetContractFacts) -> FieldError | None:
    """附有合同文本."""
    return (
        None
        if facts.document_count
        else FieldError("no_documents", "没有合同文本", "No documents", "/file_ids")
    )


def asset_is_registered(facts: AssetContractFacts) -> FieldError | None:
    """资产已登记, 未处置."""
    if facts.is_registered:
        return None
    return FieldError(
        "not_registered", "资产未登记或已处置, 不能签订经营合同", "The asset is not on the register"
    )


def asset_can_be_operated(facts: AssetContractFacts) -> FieldError | None:
    """资产没有正在办理的处置, 不是损毁待修."""
    if facts.is_disposing:
        return FieldError("disposing", "资产正在办理处置, 不能签订经营合同", "The asset is being disposed of")
    if facts.is_damaged:
        return FieldError("damaged", "资产损毁待修, 修复后才能签订经营合同", "The asset is damaged")
    return None


def no_overlapping_contract(facts: AssetContractFacts) -> FieldError | None:
    """同一资产没有期限重叠的履行中合同."""
    if not facts.overlapping_number:
        return None
    return FieldError(
        "overlap",
        f"与履行中的合同 {facts.overlapping_number} 期限重叠",
        "Another contract runs then",
        "/starts_on",
    )


def term_has_ended(facts: AssetContractFacts) -> FieldError | None:
    """合同期限已满."""
    if facts.on > facts.ends_on:
        return None
    return FieldError(
        "not_over", f"合同至 {facts.ends_on} 才到期; 需要时请办理提前终止", "The contract still runs"
    )


S, A = ContractState, ContractAction

# fmt: off
CONTRACT: Lifecycle[ContractState, ContractAction, AssetContractFacts] = Lifecycle(
    "operating contract", "经营合同", ContractState, S.DRAFT, (
    #          action       from      to            who                needs
    transition(A.SIGN,      S.DRAFT,  S.ACTIVE,     May.ASSET_OPERATE, has_documents, asset_is_registered,
        asset_can_be_operated, no_overlapping_contract, four_eyes=("created_by",)),
    transition(A.END,       S.ACTIVE, S.ENDED,      May.ASSET_OPERATE, term_has_ended),
    transition(A.TERMINATE, S.ACTIVE, S.TERMINATED, May.ASSET_OPERATE, reason_given),
    transition(A.CANCEL,    S.DRAFT,  S.CANCELLED,  May.ASSET_OPERATE, reason_given),
))
# fmt: on
