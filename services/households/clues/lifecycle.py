"""Lifecycle of a clue: verified at home, then recorded as a household, found unfounded, or a duplicate."""

from dataclasses import dataclass

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ClueState(LabelledEnum):
    """线索状态."""

    OPEN = "open", "待入户核查"
    RECORDED = "recorded", "已核实登记"
    UNFOUNDED = "unfounded", "核实后不符合"
    DUPLICATE = "duplicate", "重复线索"


class ClueAction(LabelledEnum):
    """线索办理事项."""

    RECORD = "record", "登记监测户"
    DISMISS = "dismiss", "核实后不符合"
    MERGE = "merge", "并入已有线索"
    REOPEN = "reopen", "重新核查"


@dataclass(frozen=True)
class ClueFacts:
    """Facts that the guards check."""

    household: bool = False
    visited: bool = False
    reason: str = ""


def household_entered(facts: ClueFacts) -> FieldError | None:
    """入户核查信息已登记."""
    if facts.household:
        return None
    return FieldError("no_household", "须先登记入户核查的监测户信息", "Enter the household first")


def visited_at_home(facts: ClueFacts) -> FieldError | None:
    """写明入户日期."""
    return (
        None
        if facts.visited
        else FieldError("not_visited", "须写明入户日期(不晚于今天)", "Not visited", "/visited_on")
    )


def reason_given(facts: ClueFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


S, A = ClueState, ClueAction
INVESTIGATE, REVIEW = May.HOUSEHOLD_INVESTIGATE, May.HOUSEHOLD_REVIEW

# fmt: off
CLUE: Lifecycle[ClueState, ClueAction, ClueFacts] = Lifecycle("clue", "线索", ClueState, S.OPEN, (
    #          action      from         to            who          needs
    transition(A.RECORD,   S.OPEN,      S.RECORDED,   INVESTIGATE, household_entered),
    transition(A.DISMISS,  S.OPEN,      S.UNFOUNDED,  INVESTIGATE, visited_at_home, reason_given),
    transition(A.MERGE,    S.OPEN,      S.DUPLICATE,  INVESTIGATE, reason_given),
    transition(A.REOPEN,   (S.UNFOUNDED, S.DUPLICATE), S.OPEN, REVIEW, reason_given),
))
# fmt: on
