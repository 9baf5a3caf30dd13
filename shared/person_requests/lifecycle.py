"""Code sets and lifecycle of requests about personal data."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class PersonRequestKind(LabelledEnum):
    """请求种类."""

    COPY = "copy", "查阅复制"
    ERASURE = "erasure", "删除"
    HOLD = "hold", "保全"


class ErasureBasis(LabelledEnum):
    """删除的情形: 《个人信息保护法》第四十七条第一款各项."""

    PURPOSE_OVER = "purpose_over", "处理目的已实现、无法实现或者不再必要"
    TERM_OVER = "term_over", "停止提供服务, 或者保存期限已届满"
    CONSENT_WITHDRAWN = "consent_withdrawn", "个人撤回同意"
    UNLAWFUL = "unlawful", "违反法律、行政法规或者约定处理"
    OTHER_LAW = "other_law", "法律、行政法规规定的其他情形"


class PersonRequestState(LabelledEnum):
    """请求状态. Only an open or held request names the person."""

    REQUESTED = "requested", "待办理"
    ANSWERED = "answered", "已答复"
    ERASED = "erased", "已删除"
    REJECTED = "rejected", "已驳回"
    HELD = "held", "保全中"
    LIFTED = "lifted", "已解除保全"


class PersonRequestAction(LabelledEnum):
    """请求的办理事项."""

    ANSWER = "answer", "已答复"
    ERASE = "erase", "核准删除"
    REJECT = "reject", "驳回"
    HOLD = "hold", "保全"
    LIFT = "lift", "解除保全"


@dataclass(frozen=True)
class PersonRequestFacts:
    """Input of the guards."""

    kind: PersonRequestKind
    reason: str = ""
    erasable: int = 0
    kept: tuple[str, ...] = ()
    hold: str = ""
    """What stands against an erasure: a sentence about the hold, empty without one."""
    blocked: tuple[str, ...] = ()
    """Why nothing at all may be erased yet, as the service says."""


def reason_given(facts: PersonRequestFacts) -> FieldError | None:
    """写明理由或依据文号."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明理由或依据文号", "A reason is needed", "/reason")


def asks_for_erasure(facts: PersonRequestFacts) -> FieldError | None:
    """请求是删除."""
    if facts.kind is PersonRequestKind.ERASURE:
        return None
    return FieldError("no_erasure", "这不是删除请求", "The request asks for no erasure")


def asks_for_copy(facts: PersonRequestFacts) -> FieldError | None:
    """请求是查阅复制."""
    if facts.kind is PersonRequestKind.COPY:
        return None
    return FieldError("no_copy", "这不是查阅复制请求", "The request asks for no copy")


def nothing_against_it(facts: PersonRequestFacts) -> FieldError | None:
    """此人没有保全, 经办的事项已经移交."""
    if facts.hold:
        return FieldError("on_hold", facts.hold, "A legal hold stands")
    if facts.blocked:
        return FieldError(
            "in_use", f"现在还不能删除: {'; '.join(facts.blocked)}", "The data are still needed"
        )
    return None


def something_to_erase(facts: PersonRequestFacts) -> FieldError | None:
    """有可以删除的记录."""
    if facts.erasable:
        return None
    words = "没有可以删除的记录" + (f": {'; '.join(facts.kept)}" if facts.kept else ", 请核对姓名和号码")
    return FieldError("nothing_to_erase", words, "Nothing may be erased")


PersonRequestLifecycle = Lifecycle[PersonRequestState, PersonRequestAction, PersonRequestFacts]
S, A = PersonRequestState, PersonRequestAction
ERASED_BY, LIFTED_BY = ("created_by",), ("created_by", "held_by")
"""Columns with the accounts that may not take the step themselves."""


def person_request_lifecycle(name: str, label: str, may: May) -> PersonRequestLifecycle:
    """Lifecycle of a service's requests: one permission, two persons to erase and to lift a hold."""
    # fmt: off
    return Lifecycle(name, label, PersonRequestState, S.REQUESTED, (
        #    action      from         to           who  needs
        transition(A.ANSWER, S.REQUESTED, S.ANSWERED, may, asks_for_copy, reason_given),
        transition(A.ERASE,  S.REQUESTED, S.ERASED,   may, asks_for_erasure, nothing_against_it, something_to_erase, four_eyes=ERASED_BY),
        transition(A.REJECT, S.REQUESTED, S.REJECTED, may, reason_given),
        transition(A.HOLD,   S.REQUESTED, S.HELD,     may, reason_given),
        transition(A.LIFT,   S.HELD,      S.LIFTED,   may, reason_given, four_eyes=LIFTED_BY),
    ))
    # fmt: on
