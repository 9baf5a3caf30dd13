"""Lifecycles of an asset: registration and handover (ASSET), and use (USE)."""

from dataclasses import dataclass
from datetime import date

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class AssetState(LabelledEnum):
    """资产登记状态."""

    DRAFT = "draft", "待登记"
    REGISTERED = "registered", "已登记"
    CONFIRMED = "confirmed", "已确权"
    OFFERED = "offered", "移交中"
    HANDED_OVER = "handed_over", "已移交"
    DISCARDED = "discarded", "已作废"
    SUPERSEDED = "superseded", "已拆并"


class AssetAction(LabelledEnum):
    """资产登记办理事项."""

    REGISTER = "register", "登记"
    RETURN = "return", "退回更正"
    DISCARD = "discard", "作废"
    CONFIRM = "confirm", "确权"
    HAND_OVER = "hand_over", "移交"
    RECEIVE = "receive", "接收"
    REFUSE = "refuse", "不予接收"
    SUPERSEDE = "supersede", "拆分合并"


class UseState(LabelledEnum):
    """资产使用状态."""

    IN_USE = "in_use", "在用"
    LOW_YIELD = "low_yield", "低效"
    IDLE = "idle", "闲置"
    DAMAGED = "damaged", "损毁待修"
    DISPOSED = "disposed", "已处置"


class UseAction(LabelledEnum):
    """资产使用变更事项."""

    BRING_BACK = "bring_back", "恢复在用"
    MARK_LOW_YIELD = "mark_low_yield", "列为低效"
    MARK_IDLE = "mark_idle", "列为闲置"
    MARK_DAMAGED = "mark_damaged", "列为损毁"
    DISPOSE = "dispose", "处置销账"


@dataclass(frozen=True)
class AssetFacts:
    """Facts that the guards of registration check."""

    missing_fields: tuple[FieldError, ...] = ()
    notice_error: FieldError | None = None
    owner_known: bool = False
    is_disposed: bool = False
    reason: str = ""
    giver: str = ""
    receiver: str = ""
    certificate_no: str = ""
    is_split_or_merge: bool = False
    open_matters: tuple[str, ...] = ()
    """Contracts, disposals and documents of the asset that are under way."""


@dataclass(frozen=True)
class UseFacts:
    """Facts that the guards of use check."""

    is_registered: bool
    reason: str = ""
    evidence_count: int = 0
    person: str = ""
    deadline: date | None = None
    on: date | None = None
    disposal_approved: bool = False


def required_fields_complete(facts: AssetFacts) -> FieldError | None:
    """必填项齐全: 类别与子类, 原值, 形成日期, 坐落, 所有权人."""
    if not facts.missing_fields:
        return None
    first = facts.missing_fields[0]
    detail = "登记信息不全: " + "、".join(error.detail for error in facts.missing_fields)
    return FieldError("incomplete", detail, "The record is not complete", first.pointer)


def notice_period_over(facts: AssetFacts) -> FieldError | None:
    """确权公示期满, 没有未处理或成立的异议."""
    return facts.notice_error


def owner_is_known(facts: AssetFacts) -> FieldError | None:
    """所有权人已明确."""
    if facts.owner_known:
        return None
    return FieldError("no_owner", "所有权人未明确", "The owner is not known", "/owner_kind")


def not_disposed(facts: AssetFacts) -> FieldError | None:
    """资产没有处置销账."""
    if not facts.is_disposed:
        return None
    return FieldError("disposed", "资产已处置, 不能再办理", "The asset was disposed of")


def nothing_under_way(facts: AssetFacts) -> FieldError | None:
    """没有履行中的经营合同、未解除的抵押、未办结的处置和权属文书."""
    if not facts.open_matters:
        return None
    detail = "请先办结: " + "、".join(facts.open_matters)
    return FieldError("under_way", detail, "Something is under way on the asset")


def parties_named(facts: AssetFacts) -> FieldError | None:
    """写明移交单位与接收单位, 两者不同."""
    if not facts.giver.strip() or not facts.receiver.strip():
        return FieldError(
            "no_parties", "须写明移交单位和接收单位", "Giver and receiver are needed", "/receiver"
        )
    if facts.giver.strip() == facts.receiver.strip():
        return FieldError(
            "same_party", "移交单位和接收单位不能相同", "Giver and receiver are the same", "/receiver"
        )
    return None


def is_split_or_merge(facts: AssetFacts) -> FieldError | None:
    """通过拆分或合并办理, 价值由新资产承接."""
    if facts.is_split_or_merge:
        return None
    return FieldError("by_reshaping", "请通过拆分或合并办理", "Use split or merge")


def asset_is_registered(facts: UseFacts) -> FieldError | None:
    """资产已登记."""
    if facts.is_registered:
        return None
    return FieldError("not_registered", "资产尚未登记, 没有使用状态可变更", "The asset is not registered yet")


def evidence_given(facts: UseFacts) -> FieldError | None:
    """附有照片或文件作为依据."""
    return (
        None
        if facts.evidence_count
        else FieldError("no_evidence", "须附照片或文件", "Evidence is needed", "/evidence")
    )


def person_and_deadline_given(facts: UseFacts) -> FieldError | None:
    """写明整改责任人和期限, 期限不早于认定之日."""
    if not facts.person.strip() or facts.deadline is None:
        return FieldError(
            "not_assigned", "须写明责任人和整改期限", "A person and a deadline are needed", "/deadline"
        )
    if facts.on is not None and facts.deadline < facts.on:
        return FieldError(
            "deadline_past", "整改期限早于认定之日", "The deadline is past already", "/deadline"
        )
    return None


def disposal_approved(facts: UseFacts) -> FieldError | None:
    """处置已批准并公示, 收入已入账."""
    if facts.disposal_approved:
        return None
    return FieldError("no_disposal", "没有办结的处置审批", "No approved disposal")


S, A, US, UA = AssetState, AssetAction, UseState, UseAction
IMPAIRED_USES = (US.LOW_YIELD, US.IDLE, US.DAMAGED)

# fmt: off
ASSET: Lifecycle[AssetState, AssetAction, AssetFacts] = Lifecycle("asset", "资产登记", AssetState, S.DRAFT, (
    #          action       from                                        to             who                  needs
    transition(A.REGISTER,  S.DRAFT,                                    S.REGISTERED,  May.ASSET_REGISTER,  required_fields_complete),
    transition(A.DISCARD,   S.DRAFT,                                    S.DISCARDED,   May.ASSET_APPROVE,   reason_given,
        nothing_under_way, four_eyes=("created_by",)),
    transition(A.RETURN,    S.REGISTERED,                               S.DRAFT,       May.ASSET_CONFIRM,   reason_given, not_disposed,
        nothing_under_way),
    transition(A.CONFIRM,   S.REGISTERED,                               S.CONFIRMED,   May.ASSET_CONFIRM,   owner_is_known,
        notice_period_over, not_disposed, four_eyes=("created_by", "registered_by")),
    transition(A.HAND_OVER, S.CONFIRMED,                                S.OFFERED,     May.ASSET_HAND_OVER, parties_named, not_disposed),
    transition(A.RECEIVE,   S.OFFERED,                                  S.HANDED_OVER, May.ASSET_RECEIVE,   four_eyes=("offered_by",)),
    transition(A.REFUSE,    S.OFFERED,                                  S.CONFIRMED,   May.ASSET_RECEIVE,   reason_given),
    transition(A.SUPERSEDE, (S.REGISTERED, S.CONFIRMED, S.HANDED_OVER), S.SUPERSEDED,  May.ASSET_APPROVE,   is_split_or_merge,
        not_disposed),
))

USE: Lifecycle[UseState, UseAction, UseFacts] = Lifecycle("asset use", "资产使用", UseState, US.IN_USE, (
    #          action             from                                   to            who                needs
    transition(UA.BRING_BACK,     IMPAIRED_USES,                         US.IN_USE,    May.ASSET_OPERATE, asset_is_registered,
        reason_given, evidence_given),
    transition(UA.MARK_LOW_YIELD, (US.IN_USE, US.IDLE, US.DAMAGED),      US.LOW_YIELD, May.ASSET_OPERATE, asset_is_registered,
        reason_given, evidence_given, person_and_deadline_given),
    transition(UA.MARK_IDLE,      (US.IN_USE, US.LOW_YIELD, US.DAMAGED), US.IDLE,      May.ASSET_OPERATE, asset_is_registered,
        reason_given, evidence_given, person_and_deadline_given),
    transition(UA.MARK_DAMAGED,   (US.IN_USE, US.LOW_YIELD, US.IDLE),    US.DAMAGED,   May.ASSET_OPERATE, asset_is_registered,
        reason_given, evidence_given, person_and_deadline_given),
    transition(UA.DISPOSE,        (US.IN_USE, *IMPAIRED_USES),           US.DISPOSED,  May.ASSET_APPROVE, asset_is_registered,
        disposal_approved),
))
# fmt: on

COUNTED_STATES = (S.REGISTERED, S.CONFIRMED, S.OFFERED, S.HANDED_OVER)
"""States in which an asset is on the register, so that its value counts in sums."""
