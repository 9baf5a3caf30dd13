"""Lifecycle of a measure of help: planned, under way, done, or stopped."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class MeasureState(LabelledEnum):
    """帮扶措施状态."""

    PLANNED = "planned", "尚未实施"
    UNDER_WAY = "under_way", "实施中"
    DONE = "done", "已实施"
    STOPPED = "stopped", "已停止"


class MeasureAction(LabelledEnum):
    """帮扶措施办理事项."""

    START = "start", "开始实施"
    FINISH = "finish", "已实施"
    STOP = "stop", "停止"


@dataclass(frozen=True)
class MeasureFacts:
    """Facts that the guards check."""

    result: str = ""
    done_on: date | None = None
    on: date | None = None
    reason: str = ""


def result_told(facts: MeasureFacts) -> FieldError | None:
    """写明实施结果和完成日期."""
    in_time = facts.done_on is not None and facts.on is not None and facts.done_on <= facts.on
    if facts.result.strip() and in_time:
        return None
    return FieldError("no_result", "须写明实施结果和完成日期(不晚于今天)", "No result", "/result")


def reason_given(facts: MeasureFacts) -> FieldError | None:
    """写明理由."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = MeasureState, MeasureAction
OPEN_STATES = (S.PLANNED, S.UNDER_WAY)
DONE_STATE = S.DONE
VALID_STATES = (*OPEN_STATES, S.DONE)
MAY = May.HOUSEHOLD_INVESTIGATE

# fmt: off
MEASURE: Lifecycle[MeasureState, MeasureAction, MeasureFacts] = Lifecycle("help measure", "帮扶措施", MeasureState, S.PLANNED, (
    #          action    from         to           who  needs
    transition(A.START,  S.PLANNED,   S.UNDER_WAY, MAY),
    transition(A.FINISH, OPEN_STATES, S.DONE,      MAY, result_told),
    transition(A.STOP,   OPEN_STATES, S.STOPPED,   MAY, reason_given),
))
# fmt: on
