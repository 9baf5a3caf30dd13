"""States, actions and guards of an errand (公出)."""

from dataclasses import dataclass
from datetime import date

from services.attendance.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ErrandState(LabelledEnum):
    """公出状态."""

    REPORTED = "reported", "已报备"
    ACKNOWLEDGED = "acknowledged", "镇已知悉"
    REFUSED = "refused", "未同意"
    WITHDRAWN = "withdrawn", "已撤回"
    RETURNED = "returned", "已返村"


class ErrandAction(LabelledEnum):
    """公出办理事项."""

    ACKNOWLEDGE = "acknowledge", "知悉"
    REFUSE = "refuse", "不同意"
    WITHDRAW = "withdraw", "撤回"
    RETURN = "return", "返村"


@dataclass(frozen=True)
class ErrandFacts:
    """Inputs of the guards."""

    today: date
    starts_on: date
    reason: str = ""
    returned_on: date | None = None


def errand_not_started(facts: ErrandFacts) -> FieldError | None:
    """尚未出发的才能撤回; 已出发的请登记返村."""
    return (
        None
        if facts.today <= facts.starts_on
        else FieldError("begun", "公出已开始, 请登记返村", "It has begun")
    )


def return_date_given(facts: ErrandFacts) -> FieldError | None:
    """写明返村日期, 且不晚于今天、不早于出发."""
    if facts.returned_on is None:
        return FieldError("no_date", "须写明返村日期", "When did you come back?", "/returned_on")
    if not facts.starts_on <= facts.returned_on <= facts.today:
        return FieldError(
            "out_of_range", "返村日期须在出发之后, 且不晚于今天", "out of range", "/returned_on"
        )
    return None


S, A = ErrandState, ErrandAction
OPEN_STATES = (S.REPORTED, S.ACKNOWLEDGED)

# fmt: off
ERRAND: Lifecycle[ErrandState, ErrandAction, ErrandFacts] = Lifecycle("errand", "公出", ErrandState, S.REPORTED, (
    #          action         from         to              who                needs
    transition(A.ACKNOWLEDGE, S.REPORTED,  S.ACKNOWLEDGED, May.LEAVE_APPROVE, four_eyes=("person",)),
    transition(A.REFUSE,      OPEN_STATES, S.REFUSED,      May.LEAVE_APPROVE, reason_given, four_eyes=("person",)),
    transition(A.WITHDRAW,    OPEN_STATES, S.WITHDRAWN,    May.LEAVE_REQUEST, errand_not_started),
    transition(A.RETURN,      OPEN_STATES, S.RETURNED,     May.LEAVE_REQUEST, return_date_given),
))
# fmt: on
