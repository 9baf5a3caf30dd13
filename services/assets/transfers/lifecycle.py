"""The life of a document over many assets, on one screen."""

from dataclasses import dataclass

from services.assets.transfers.kinds import TransferKind
from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class TransferState(Labelled):
    """文书状态."""

    DRAFT = "draft", "编制中"
    SUBMITTED = "submitted", "已提交"
    GIVEN = "given", "待接收"
    DONE = "done", "已办结"
    CANCELLED = "cancelled", "已取消"


class TransferAction(Labelled):
    """文书办理事项."""

    SUBMIT = "submit", "提交"
    CONFIRM = "confirm", "批准确权"
    GIVE = "give", "移交方签字"
    RECEIVE = "receive", "接收方签字"
    CANCEL = "cancel", "取消"


@dataclass(frozen=True)
class TransferFacts:
    """What the guards look at. `unfit` are the assets that are not where the document needs them."""

    kind: TransferKind
    assets: int
    unfit: tuple[str, ...] = ()
    parties: bool = False
    notice: Fault | None = None
    reason: str = ""


def listed(facts: TransferFacts) -> Fault | None:
    """至少列入一项资产, 每项都处于可办理的状态."""
    if not facts.assets:
        return Fault("no_assets", "文书没有列入资产", "No assets are listed", "/asset_ids")
    if facts.unfit:
        few = "、".join(facts.unfit[:10])
        return Fault(
            "unfit",
            f"这些资产现在不能办理{facts.kind.label}: {few}",
            "Some assets are elsewhere",
            "/asset_ids",
        )
    return None


def parties_named(facts: TransferFacts) -> Fault | None:
    """移交和权属变更写明移交单位、接收单位, 两者不同."""
    if facts.kind is TransferKind.RIGHTS or facts.parties:
        return None
    return Fault(
        "no_parties", "须写明移交单位和接收单位, 且不能相同", "Giver and receiver are needed", "/receiver"
    )


def about_rights(facts: TransferFacts) -> Fault | None:
    """文书种类为确权."""
    if facts.kind is TransferKind.RIGHTS:
        return None
    return Fault(
        "other_kind", f"{facts.kind.label}文书由移交方、接收方签字办理", "Signed by both sides instead"
    )


def between_parties(facts: TransferFacts) -> Fault | None:
    """文书种类为移交或权属变更."""
    if facts.kind is not TransferKind.RIGHTS:
        return None
    return Fault("other_kind", "确权文书由县级批准办理", "Confirmed by the bureau instead")


def notice_over(facts: TransferFacts) -> Fault | None:
    """确权和权属变更: 文书的确权公示期满, 没有未处理或成立的异议."""
    return facts.notice


def reasoned(facts: TransferFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = TransferState, TransferAction

# fmt: off
TRANSFER: Lifecycle[TransferState, TransferAction, TransferFacts] = Lifecycle("transfer", "权属文书", TransferState, S.DRAFT, (
    #    action     from                              to           who                  needs
    move(A.SUBMIT,  S.DRAFT,                          S.SUBMITTED, May.ASSET_REGISTER,  listed, parties_named),
    move(A.CONFIRM, S.SUBMITTED,                      S.DONE,      May.ASSET_CONFIRM,   about_rights, listed, notice_over,
         eyes=("created_by", "submitted_by")),
    move(A.GIVE,    S.SUBMITTED,                      S.GIVEN,     May.ASSET_HAND_OVER, between_parties, listed, notice_over),
    move(A.RECEIVE, S.GIVEN,                          S.DONE,      May.ASSET_RECEIVE,   listed, eyes=("given_by",)),
    move(A.CANCEL,  (S.DRAFT, S.SUBMITTED, S.GIVEN),  S.CANCELLED, May.ASSET_REGISTER,  reasoned),
))
# fmt: on
