"""The two lives of an asset, on one screen: how it is registered and handed over, and how it is used."""

from dataclasses import dataclass
from datetime import date

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class AssetState(Labelled):
    """资产登记状态."""

    DRAFT = "draft", "待登记"
    REGISTERED = "registered", "已登记"
    CONFIRMED = "confirmed", "已确权"
    OFFERED = "offered", "移交中"
    HANDED_OVER = "handed_over", "已移交"
    DISCARDED = "discarded", "已作废"
    SUPERSEDED = "superseded", "已拆并"


class AssetAction(Labelled):
    """资产登记办理事项."""

    REGISTER = "register", "登记"
    RETURN = "return", "退回更正"
    DISCARD = "discard", "作废"
    CONFIRM = "confirm", "确权"
    HAND_OVER = "hand_over", "移交"
    RECEIVE = "receive", "接收"
    REFUSE = "refuse", "不予接收"
    SUPERSEDE = "supersede", "拆分合并"


class UseState(Labelled):
    """资产使用状态."""

    IN_USE = "in_use", "在用"
    LOW_YIELD = "low_yield", "低效"
    IDLE = "idle", "闲置"
    DAMAGED = "damaged", "损毁待修"
    DISPOSED = "disposed", "已处置"


class UseAction(Labelled):
    """资产使用变更事项."""

    BRING_BACK = "bring_back", "恢复在用"
    MARK_LOW_YIELD = "mark_low_yield", "列为低效"
    MARK_IDLE = "mark_idle", "列为闲置"
    MARK_DAMAGED = "mark_damaged", "列为损毁"
    DISPOSE = "dispose", "处置销账"


@dataclass(frozen=True)
class AssetFacts:
    """What the guards of registration look at."""

    incomplete: tuple[Fault, ...] = ()
    notice: Fault | None = None
    owner_known: bool = False
    disposed: bool = False
    reason: str = ""
    giver: str = ""
    receiver: str = ""
    certificate_no: str = ""
    reshaped: bool = False


@dataclass(frozen=True)
class UseFacts:
    """What the guards of use look at."""

    registered: bool
    reason: str = ""
    evidence: int = 0
    person: str = ""
    deadline: date | None = None
    on: date | None = None
    disposal_approved: bool = False


def complete(facts: AssetFacts) -> Fault | None:
    """必填项齐全: 类别与子类, 原值, 形成日期, 坐落, 所有权人."""
    if not facts.incomplete:
        return None
    first = facts.incomplete[0]
    detail = "登记信息不全: " + "、".join(fault.detail for fault in facts.incomplete)
    return Fault("incomplete", detail, "The record is not complete", first.pointer)


def reasoned(facts: AssetFacts | UseFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


def notice_over(facts: AssetFacts) -> Fault | None:
    """确权公示期满, 没有未处理或成立的异议."""
    return facts.notice


def owned(facts: AssetFacts) -> Fault | None:
    """所有权人已明确."""
    if facts.owner_known:
        return None
    return Fault("no_owner", "所有权人未明确", "The owner is not known", "/owner_kind")


def not_disposed(facts: AssetFacts) -> Fault | None:
    """资产没有处置销账."""
    if not facts.disposed:
        return None
    return Fault("disposed", "资产已处置, 不能再办理", "The asset was disposed of")


def parties_named(facts: AssetFacts) -> Fault | None:
    """写明移交单位与接收单位, 两者不同."""
    if not facts.giver.strip() or not facts.receiver.strip():
        return Fault("no_parties", "须写明移交单位和接收单位", "Giver and receiver are needed", "/receiver")
    if facts.giver.strip() == facts.receiver.strip():
        return Fault(
            "same_party", "移交单位和接收单位不能相同", "Giver and receiver are the same", "/receiver"
        )
    return None


def reshaped(facts: AssetFacts) -> Fault | None:
    """通过拆分或合并办理, 价值由新资产承接."""
    if facts.reshaped:
        return None
    return Fault("by_reshaping", "请通过拆分或合并办理", "Use split or merge")


def on_the_books(facts: UseFacts) -> Fault | None:
    """资产已登记."""
    if facts.registered:
        return None
    return Fault("not_registered", "资产尚未登记, 没有使用状态可变更", "The asset is not registered yet")


def evidenced(facts: UseFacts) -> Fault | None:
    """附有照片或文件作为依据."""
    return (
        None if facts.evidence else Fault("no_evidence", "须附照片或文件", "Evidence is needed", "/evidence")
    )


def assigned(facts: UseFacts) -> Fault | None:
    """写明整改责任人和期限, 期限不早于认定之日."""
    if not facts.person.strip() or facts.deadline is None:
        return Fault(
            "not_assigned", "须写明责任人和整改期限", "A person and a deadline are needed", "/deadline"
        )
    if facts.on is not None and facts.deadline < facts.on:
        return Fault("deadline_past", "整改期限早于认定之日", "The deadline is past already", "/deadline")
    return None


def disposal_approved(facts: UseFacts) -> Fault | None:
    """处置已批准并公示, 收入已入账."""
    if facts.disposal_approved:
        return None
    return Fault("no_disposal", "没有办结的处置审批", "No approved disposal")


S, A, U, B = AssetState, AssetAction, UseState, UseAction
BAD = (U.LOW_YIELD, U.IDLE, U.DAMAGED)

# fmt: off
ASSET: Lifecycle[AssetState, AssetAction, AssetFacts] = Lifecycle("asset", "资产登记", AssetState, S.DRAFT, (
    #    action        from                                      to             who                  needs
    move(A.REGISTER,   S.DRAFT,                                  S.REGISTERED,  May.ASSET_REGISTER,  complete),
    move(A.DISCARD,    S.DRAFT,                                  S.DISCARDED,   May.ASSET_APPROVE,   reasoned,
         eyes=("created_by",)),
    move(A.RETURN,     S.REGISTERED,                             S.DRAFT,       May.ASSET_CONFIRM,   reasoned, not_disposed),
    move(A.CONFIRM,    S.REGISTERED,                             S.CONFIRMED,   May.ASSET_CONFIRM,   owned, notice_over,
         not_disposed, eyes=("created_by", "registered_by")),
    move(A.HAND_OVER,  S.CONFIRMED,                              S.OFFERED,     May.ASSET_HAND_OVER, parties_named,
         not_disposed),
    move(A.RECEIVE,    S.OFFERED,                                S.HANDED_OVER, May.ASSET_RECEIVE,   eyes=("offered_by",)),
    move(A.REFUSE,     S.OFFERED,                                S.CONFIRMED,   May.ASSET_RECEIVE,   reasoned),
    move(A.SUPERSEDE,  (S.REGISTERED, S.CONFIRMED, S.HANDED_OVER), S.SUPERSEDED, May.ASSET_APPROVE,  reshaped, not_disposed),
))

USE: Lifecycle[UseState, UseAction, UseFacts] = Lifecycle("asset use", "资产使用", UseState, U.IN_USE, (
    #    action            from                                   to           who                needs
    move(B.BRING_BACK,     BAD,                                   U.IN_USE,    May.ASSET_OPERATE, on_the_books, reasoned, evidenced),
    move(B.MARK_LOW_YIELD, (U.IN_USE, U.IDLE, U.DAMAGED),         U.LOW_YIELD, May.ASSET_OPERATE, on_the_books, reasoned,
         evidenced, assigned),
    move(B.MARK_IDLE,      (U.IN_USE, U.LOW_YIELD, U.DAMAGED),    U.IDLE,      May.ASSET_OPERATE, on_the_books, reasoned,
         evidenced, assigned),
    move(B.MARK_DAMAGED,   (U.IN_USE, U.LOW_YIELD, U.IDLE),       U.DAMAGED,   May.ASSET_OPERATE, on_the_books, reasoned,
         evidenced, assigned),
    move(B.DISPOSE,        (U.IN_USE, *BAD),                      U.DISPOSED,  May.ASSET_APPROVE, on_the_books, disposal_approved),
))
# fmt: on

COUNTED = (S.REGISTERED, S.CONFIRMED, S.OFFERED, S.HANDED_OVER)
"""States in which an asset stands in the register with its value."""
