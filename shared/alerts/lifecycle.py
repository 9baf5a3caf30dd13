"""Code sets and lifecycle of alerts."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class AlertKind(LabelledEnum):
    """预警类别: 前三类按财政监控的分类."""

    DIRECTION = "direction", "流向"
    SPEED = "speed", "流速"
    AMOUNT = "amount", "流量"
    PROGRESS = "progress", "进度"
    OPERATION = "operation", "经营"
    KEEPING = "keeping", "管护"
    RECORD = "record", "账实"
    OTHER = "other", "其他"


class AlertSeverity(LabelledEnum):
    """预警灯."""

    RED = "red", "红灯"
    ORANGE = "orange", "橙灯"
    YELLOW = "yellow", "黄灯"


SEVERITY_ORDER = (AlertSeverity.YELLOW, AlertSeverity.ORANGE, AlertSeverity.RED)
"""Severities in ascending order."""


class AlertState(LabelledEnum):
    """预警状态."""

    OPEN = "open", "待处理"
    ANSWERED = "answered", "已反馈"
    CLOSED = "closed", "已销号"


class AlertAction(LabelledEnum):
    """预警办理事项."""

    ANSWER = "answer", "反馈"
    SEND_BACK = "send_back", "退回反馈"
    CLOSE = "close", "销号"


@dataclass(frozen=True)
class AlertFacts:
    """Input of the guards."""

    reason: str = ""
    resolved: bool = False
    files_needed: bool = False
    files: int = 0


def reason_given(facts: AlertFacts) -> FieldError | None:
    """写明情况或理由."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明情况或理由", "A reason is needed", "/reason")


def has_documents(facts: AlertFacts) -> FieldError | None:
    """规则要求附件的, 附上佐证材料."""
    if facts.files or not facts.files_needed:
        return None
    return FieldError("no_documents", "这类预警的反馈须附佐证材料", "Evidence is needed", "/file_ids")


def resolved_or_reason_given(facts: AlertFacts) -> FieldError | None:
    """情形已消除; 没有消除的写明为什么可以销号."""
    if facts.resolved or facts.reason.strip():
        return None
    return FieldError(
        "still_there", "情形还在, 销号须写明理由", "It is still there; a reason is needed", "/reason"
    )


AlertLifecycle = Lifecycle[AlertState, AlertAction, AlertFacts]
S, A = AlertState, AlertAction


def alert_lifecycle(name: str, label: str, *, answer: May, decide: May) -> AlertLifecycle:
    """Lifecycle of a service's alerts: permission `answer` to respond, `decide` (another person) to send back or close."""
    # fmt: off
    return Lifecycle(name, label, AlertState, S.OPEN, (
        #    action       from         to           who      needs
        transition(A.ANSWER,    S.OPEN,      S.ANSWERED,  answer,  reason_given, has_documents),
        transition(A.SEND_BACK, S.ANSWERED,  S.OPEN,      decide,  reason_given, four_eyes=("answered_by",)),
        transition(A.CLOSE,     S.ANSWERED,  S.CLOSED,    decide,  resolved_or_reason_given, four_eyes=("answered_by",)),
    ))
    # fmt: on
