"""The life of an alert, on one screen.

The sweep opens an alert; a closed one it opens again when its light gets worse, or when it had gone and is there again.
"""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class AlertState(Labelled):
    """预警状态."""

    OPEN = "open", "待处理"
    ANSWERED = "answered", "已反馈"
    CLOSED = "closed", "已销号"


class AlertAction(Labelled):
    """预警办理事项."""

    ANSWER = "answer", "反馈"
    SEND_BACK = "send_back", "退回反馈"
    CLOSE = "close", "销号"


@dataclass(frozen=True)
class AlertFacts:
    """What the guards look at."""

    reason: str = ""
    gone: bool = False
    files_needed: bool = False
    files: int = 0


def reasoned(facts: AlertFacts) -> Fault | None:
    """写明情况或理由."""
    if facts.reason.strip():
        return None
    return Fault("no_reason", "须写明情况或理由", "A reason is needed", "/reason")


def documented(facts: AlertFacts) -> Fault | None:
    """规则要求附件的, 附上佐证材料."""
    if facts.files or not facts.files_needed:
        return None
    return Fault("no_documents", "这类预警的反馈须附佐证材料", "Evidence is needed", "/file_ids")


def gone_or_reasoned(facts: AlertFacts) -> Fault | None:
    """情形已消除; 没有消除的写明为什么可以销号."""
    if facts.gone or facts.reason.strip():
        return None
    return Fault(
        "still_there", "情形还在, 销号须写明理由", "It is still there; a reason is needed", "/reason"
    )


AlertLife = Lifecycle[AlertState, AlertAction, AlertFacts]
S, A = AlertState, AlertAction


def alert_life(name: str, label: str, *, answer: May, decide: May) -> AlertLife:
    """The life of a service's alerts: who may `answer`, and who may `decide` what became of it (another person)."""
    # fmt: off
    return Lifecycle(name, label, AlertState, S.OPEN, (
        #    action       from         to           who      needs
        move(A.ANSWER,    S.OPEN,      S.ANSWERED,  answer,  reasoned, documented),
        move(A.SEND_BACK, S.ANSWERED,  S.OPEN,      decide,  reasoned, eyes=("answered_by",)),
        move(A.CLOSE,     S.ANSWERED,  S.CLOSED,    decide,  gone_or_reasoned, eyes=("answered_by",)),
    ))
    # fmt: on
