"""The life of a repair ticket, on one screen."""

from dataclasses import dataclass
from datetime import date

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class RepairState(Labelled):
    """报修状态."""

    REPORTED = "reported", "待受理"
    ACCEPTED = "accepted", "维修中"
    FINISHED = "finished", "待验收"
    CLOSED = "closed", "已办结"
    REJECTED = "rejected", "不予受理"


class RepairAction(Labelled):
    """报修办理事项."""

    ACCEPT = "accept", "受理派工"
    REJECT = "reject", "不予受理"
    FINISH = "finish", "完工"
    CHECK = "check", "验收办结"
    REDO = "redo", "返工"


@dataclass(frozen=True)
class RepairFacts:
    """What the guards look at."""

    person: str = ""
    due_on: date | None = None
    on: date | None = None
    photos: int = 0
    cost: int | None = None
    reason: str = ""


def assigned(facts: RepairFacts) -> Fault | None:
    """写明维修责任人和期限."""
    if facts.person.strip() and facts.due_on is not None and (facts.on is None or facts.due_on >= facts.on):
        return None
    return Fault(
        "not_assigned", "须写明维修责任人和期限(不早于今天)", "A person and a date are needed", "/due_on"
    )


def proven(facts: RepairFacts) -> Fault | None:
    """附有完工照片, 填写费用(没有费用填 0)."""
    if facts.photos and facts.cost is not None:
        return None
    return Fault("not_proven", "须附完工照片并填写费用", "Photos and the cost are needed", "/photos")


def reasoned(facts: RepairFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = RepairState, RepairAction

# fmt: off
REPAIR: Lifecycle[RepairState, RepairAction, RepairFacts] = Lifecycle("repair", "报修", RepairState, S.REPORTED, (
    #    action    from                       to          who                needs
    move(A.ACCEPT, S.REPORTED,                S.ACCEPTED, May.ASSET_KEEP,    assigned),
    move(A.REJECT, S.REPORTED,                S.REJECTED, May.ASSET_KEEP,    reasoned),
    move(A.FINISH, S.ACCEPTED,                S.FINISHED, May.ASSET_KEEP,    proven),
    move(A.CHECK,  S.FINISHED,                S.CLOSED,   May.ASSET_INSPECT, eyes=("finished_by",)),
    move(A.REDO,   S.FINISHED,                S.ACCEPTED, May.ASSET_INSPECT, reasoned),
))
# fmt: on
