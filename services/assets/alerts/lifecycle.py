"""The life of an alert, on one screen."""

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
    SEND_BACK = "send_back", "退回"
    CLOSE = "close", "销号"
    REOPEN = "reopen", "重新出现"


@dataclass(frozen=True)
class AlertFacts:
    """What the guards look at."""

    reason: str = ""
    gone: bool = False
    seen_again: bool = False


def explained(facts: AlertFacts) -> Fault | None:
    """写明核实和处理情况."""
    return (
        None
        if facts.reason.strip()
        else Fault("no_reason", "须写明处理情况", "An answer is needed", "/reason")
    )


def gone_or_explained(facts: AlertFacts) -> Fault | None:
    """情形已消除; 没有消除的须写明为什么可以销号."""
    if facts.gone or facts.reason.strip():
        return None
    return Fault(
        "still_there", "情形还在, 销号须写明理由", "It is still there; a reason is needed", "/reason"
    )


def seen_again(facts: AlertFacts) -> Fault | None:
    """规则再次发现同一情形."""
    return None if facts.seen_again else Fault("not_seen", "由规则重新发现时自动打开", "The rules reopen it")


S, A = AlertState, AlertAction

# fmt: off
ALERT: Lifecycle[AlertState, AlertAction, AlertFacts] = Lifecycle("asset alert", "资产预警", AlertState, S.OPEN, (
    #    action       from                   to          who                needs
    move(A.ANSWER,    S.OPEN,                S.ANSWERED, May.ASSET_OPERATE, explained),
    move(A.SEND_BACK, S.ANSWERED,            S.OPEN,     May.ASSET_APPROVE, explained),
    move(A.CLOSE,     S.ANSWERED,            S.CLOSED,   May.ASSET_APPROVE, gone_or_explained, eyes=("answered_by",)),
    move(A.REOPEN,    S.CLOSED,              S.OPEN,     May.ASSET_APPROVE, seen_again),
))
# fmt: on
