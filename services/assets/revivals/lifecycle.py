"""The life of a revitalisation plan, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class RevivalState(Labelled):
    """盘活方案状态."""

    PROPOSED = "proposed", "待批准"
    UNDER_WAY = "under_way", "实施中"
    REPORTED = "reported", "待验收"
    DONE = "done", "已见效"
    GIVEN_UP = "given_up", "已放弃"


class RevivalAction(Labelled):
    """盘活办理事项."""

    APPROVE = "approve", "批准"
    REPORT = "report", "报告成效"
    CHECK = "check", "验收"
    REDO = "redo", "继续整改"
    GIVE_UP = "give_up", "放弃"


@dataclass(frozen=True)
class RevivalFacts:
    """What the guards look at."""

    evidence: int = 0
    in_use: bool = False
    reason: str = ""


def evidenced(facts: RevivalFacts) -> Fault | None:
    """附成效照片或文件."""
    return (
        None if facts.evidence else Fault("no_evidence", "须附照片或文件", "Evidence is needed", "/file_ids")
    )


def back_in_use(facts: RevivalFacts) -> Fault | None:
    """资产已恢复在用."""
    return (
        None if facts.in_use else Fault("not_in_use", "资产还没有恢复在用", "The asset is not in use again")
    )


def reasoned(facts: RevivalFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = RevivalState, RevivalAction

# fmt: off
REVIVAL: Lifecycle[RevivalState, RevivalAction, RevivalFacts] = Lifecycle("revival", "盘活方案", RevivalState, S.PROPOSED, (
    #    action     from                        to           who                needs
    move(A.APPROVE, S.PROPOSED,                 S.UNDER_WAY, May.ASSET_APPROVE, eyes=("created_by",)),
    move(A.REPORT,  S.UNDER_WAY,                S.REPORTED,  May.ASSET_OPERATE, evidenced, back_in_use),
    move(A.CHECK,   S.REPORTED,                 S.DONE,      May.ASSET_APPROVE, eyes=("reported_by",)),
    move(A.REDO,    S.REPORTED,                 S.UNDER_WAY, May.ASSET_APPROVE, reasoned),
    move(A.GIVE_UP, (S.PROPOSED, S.UNDER_WAY),  S.GIVEN_UP,  May.ASSET_APPROVE, reasoned),
))
# fmt: on
