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
    REOPEN = "reopen", "退回反馈"
    CLOSE = "close", "销号"


@dataclass(frozen=True)
class AlertFacts:
    """What the guards look at."""

    reason: str = ""
    files_needed: bool = False
    files: int = 0


def reasoned(facts: AlertFacts) -> Fault | None:
    """写明情况或理由."""
    return (
        None
        if facts.reason.strip()
        else Fault("no_reason", "须写明情况或理由", "A reason is needed", "/reason")
    )


def documented(facts: AlertFacts) -> Fault | None:
    """规则要求附件的, 附上佐证材料."""
    if facts.files or not facts.files_needed:
        return None
    return Fault("no_documents", "这类预警的反馈须附佐证材料", "Evidence is needed", "/file_ids")


S, A = AlertState, AlertAction

# fmt: off
ALERT: Lifecycle[AlertState, AlertAction, AlertFacts] = Lifecycle("alert", "资金预警", AlertState, S.OPEN, (
    #    action     from         to           who              needs
    move(A.ANSWER,  S.OPEN,      S.ANSWERED,  May.FUND_ALERT,  reasoned, documented),
    move(A.REOPEN,  S.ANSWERED,  S.OPEN,      May.FUND_ALERT,  reasoned, eyes=("answered_by",)),
    move(A.CLOSE,   S.ANSWERED,  S.CLOSED,    May.FUND_ALERT,  reasoned, eyes=("answered_by",)),
))
# fmt: on
