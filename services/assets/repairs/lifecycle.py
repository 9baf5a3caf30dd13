"""Lifecycle of repair tickets."""

from dataclasses import dataclass
from datetime import date

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class RepairState(LabelledEnum):
    """报修状态."""

    REPORTED = "reported", "待受理"
    ACCEPTED = "accepted", "维修中"
    FINISHED = "finished", "待验收"
    CLOSED = "closed", "已办结"
    REJECTED = "rejected", "不予受理"


class RepairAction(LabelledEnum):
    """报修办理事项."""

    ACCEPT = "accept", "受理派工"
    REJECT = "reject", "不予受理"
    FINISH = "finish", "完工"
    CHECK = "check", "验收办结"
    REDO = "redo", "返工"


@dataclass(frozen=True)
class RepairFacts:
    """Facts that the guards check."""

    person: str = ""
    due_on: date | None = None
    on: date | None = None
    photos: int = 0
    cost: int | None = None
    reason: str = ""


def person_and_due_date_given(facts: RepairFacts) -> FieldError | None:
    """写明维修责任人和期限."""
    if facts.person.strip() and facts.due_on is not None and (facts.on is None or facts.due_on >= facts.on):
        return None
    return FieldError(
        "not_assigned", "须写明维修责任人和期限(不早于今天)", "A person and a date are needed", "/due_on"
    )


def completion_documented(facts: RepairFacts) -> FieldError | None:
    """附有完工照片, 填写费用(没有费用填 0)."""
    if facts.photos and facts.cost is not None:
        return None
    return FieldError("not_proven", "须附完工照片并填写费用", "Photos and the cost are needed", "/photos")


S, A = RepairState, RepairAction

# fmt: off
REPAIR: Lifecycle[RepairState, RepairAction, RepairFacts] = Lifecycle("repair", "报修", RepairState, S.REPORTED, (
    #          action    from        to          who                needs
    transition(A.ACCEPT, S.REPORTED, S.ACCEPTED, May.ASSET_KEEP,    person_and_due_date_given),
    transition(A.REJECT, S.REPORTED, S.REJECTED, May.ASSET_KEEP,    reason_given),
    transition(A.FINISH, S.ACCEPTED, S.FINISHED, May.ASSET_KEEP,    completion_documented),
    transition(A.CHECK,  S.FINISHED, S.CLOSED,   May.ASSET_INSPECT, four_eyes=("finished_by",)),
    transition(A.REDO,   S.FINISHED, S.ACCEPTED, May.ASSET_INSPECT, reason_given),
))
# fmt: on
