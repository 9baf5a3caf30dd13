"""Lifecycle of a job: held, then left."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class JobState(LabelledEnum):
    """岗位状态."""

    HELD = "held", "在岗"
    LEFT = "left", "已离岗"


class JobAction(LabelledEnum):
    """岗位办理事项."""

    LEAVE = "leave", "离岗"


@dataclass(frozen=True)
class JobFacts:
    """Facts that the guards check."""

    starts_on: date | None = None
    left_on: date | None = None
    on: date | None = None
    last_paid: date | None = None


def left_in_time(facts: JobFacts) -> FieldError | None:
    """写明离岗日期: 不早于上岗和已发放补贴的月份, 不晚于今天."""
    left, on = facts.left_on, facts.on
    earliest = max((day for day in (facts.starts_on, facts.last_paid) if day), default=None)
    if left and on and earliest and earliest <= left <= on:
        return None
    return FieldError(
        "no_left_on",
        "须填写离岗日期: 不早于上岗和最后发放的月份, 不晚于今天",
        "No day of leaving",
        "/left_on",
    )


# fmt: off
JOB: Lifecycle[JobState, JobAction, JobFacts] = Lifecycle("job", "帮扶岗位", JobState, JobState.HELD, (
    transition(JobAction.LEAVE, JobState.HELD, JobState.LEFT, May.HELP_ENTER, left_in_time),
))
# fmt: on
