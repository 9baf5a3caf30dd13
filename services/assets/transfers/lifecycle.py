"""Lifecycle of rights documents (权属文书)."""

from dataclasses import dataclass

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class TransferKind(LabelledEnum):
    """文书种类."""

    RIGHTS = "rights", "确权"
    HAND_OVER = "hand_over", "移交"
    OWNER = "owner", "权属变更"


class TransferState(LabelledEnum):
    """文书状态."""

    DRAFT = "draft", "编制中"
    SUBMITTED = "submitted", "已提交"
    GIVEN = "given", "待接收"
    DONE = "done", "已办结"
    CANCELLED = "cancelled", "已取消"


class TransferAction(LabelledEnum):
    """文书办理事项."""

    SUBMIT = "submit", "提交"
    CONFIRM = "confirm", "批准确权"
    GIVE = "give", "移交方签字"
    RECEIVE = "receive", "接收方签字"
    CANCEL = "cancel", "取消"


@dataclass(frozen=True)
class TransferFacts:
    """Facts that the guards check. `unfit` names the assets that the document cannot include now."""

    kind: TransferKind
    asset_count: int
    unfit: tuple[str, ...] = ()
    has_two_parties: bool = False
    notice_error: FieldError | None = None
    reason: str = ""


def assets_are_eligible(facts: TransferFacts) -> FieldError | None:
    """至少列入一项资产, 每项都处于可办理的状态."""
    if not facts.asset_count:
        return FieldError("no_assets", "文书没有列入资产", "No assets are listed", "/asset_ids")
    if facts.unfit:
        names = "、".join(facts.unfit[:10])
        return FieldError(
            "unfit",
            f"这些资产现在不能办理{facts.kind.label}: {names}",
            "Some assets are elsewhere",
            "/asset_ids",
        )
    return None


def parties_named(facts: TransferFacts) -> FieldError | None:
    """移交和权属变更写明移交单位、接收单位, 两者不同."""
    if facts.kind is TransferKind.RIGHTS or facts.has_two_parties:
        return None
    return FieldError(
        "no_parties", "须写明移交单位和接收单位, 且不能相同", "Giver and receiver are needed", "/receiver"
    )


def concerns_rights(facts: TransferFacts) -> FieldError | None:
    """文书种类为确权."""
    if facts.kind is TransferKind.RIGHTS:
        return None
    return FieldError(
        "other_kind", f"{facts.kind.label}文书由移交方、接收方签字办理", "Signed by both sides instead"
    )


def concerns_two_parties(facts: TransferFacts) -> FieldError | None:
    """文书种类为移交或权属变更."""
    if facts.kind is not TransferKind.RIGHTS:
        return None
    return FieldError("other_kind", "确权文书由县级批准办理", "Confirmed by the bureau instead")


def notice_period_over(facts: TransferFacts) -> FieldError | None:
    """确权和权属变更: 文书的确权公示期满, 没有未处理或成立的异议."""
    return facts.notice_error


S, A = TransferState, TransferAction

# fmt: off
TRANSFER: Lifecycle[TransferState, TransferAction, TransferFacts] = Lifecycle(
    "transfer", "权属文书", TransferState, S.DRAFT, (
    #          action     from                             to           who                  needs
    transition(A.SUBMIT,  S.DRAFT,                         S.SUBMITTED, May.ASSET_REGISTER,  assets_are_eligible, parties_named),
    transition(A.CONFIRM, S.SUBMITTED,                     S.DONE,      May.ASSET_CONFIRM,   concerns_rights, assets_are_eligible,
        notice_period_over, four_eyes=("created_by", "submitted_by")),
    transition(A.GIVE,    S.SUBMITTED,                     S.GIVEN,     May.ASSET_HAND_OVER, concerns_two_parties, assets_are_eligible,
        notice_period_over),
    transition(A.RECEIVE, S.GIVEN,                         S.DONE,      May.ASSET_RECEIVE,   assets_are_eligible, four_eyes=("given_by",)),
    transition(A.CANCEL,  (S.DRAFT, S.SUBMITTED, S.GIVEN), S.CANCELLED, May.ASSET_REGISTER,  reason_given),
))
# fmt: on
