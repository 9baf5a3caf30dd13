"""Lifecycle of a rectification item: claimed, put right, checked by town, department and county, closed, looked back at."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class ItemState(LabelledEnum):
    """整改状态."""

    ENTERED = "entered", "待认领"
    RECTIFYING = "rectifying", "整改中"
    REQUESTED = "requested", "申请销号"
    TOWN_CHECKED = "town_checked", "镇已核实"
    CHECKED = "checked", "部门已核实"
    CLOSED = "closed", "已销号"
    CONFIRMED = "confirmed", "回头看合格"
    CANCELLED = "cancelled", "已撤销"


class ItemAction(LabelledEnum):
    """整改办理事项."""

    CLAIM = "claim", "认领"
    REQUEST = "request", "申请销号"
    TOWN_CHECK = "town_check", "镇核实"
    CHECK = "check", "部门核实"
    CHECK_COUNTY = "check_county", "部门核实(县级问题)"
    CLOSE = "close", "现场核查并销号"
    TOWN_SEND_BACK = "town_send_back", "镇退回整改"
    SEND_BACK = "send_back", "退回整改"
    CONFIRM = "confirm", "回头看合格"
    REBOUND = "rebound", "反弹, 重新整改"
    CANCEL = "cancel", "撤销登记"


@dataclass(frozen=True)
class ItemFacts:
    """Facts that the guards check: what the item holds once the request is taken in."""

    unit: str = ""
    person: str = ""
    due_on: date | None = None
    on: date | None = None
    measures: int = 0
    measures_open: int = 0
    evidence: int = 0
    in_town: bool = True
    amount_found: int | None = None
    amount_corrected: int | None = None
    visited_on: date | None = None
    visitors: str = ""
    photos: int = 0
    reason: str = ""


def responsibility_assigned(facts: ItemFacts) -> FieldError | None:
    """写明责任单位、责任人和整改措施."""
    for pointer, given in (("/unit", facts.unit), ("/person", facts.person), ("/measures", facts.measures)):
        if not given:
            return FieldError(
                "not_assigned", "须写明责任单位、责任人和至少一条整改措施", "Not assigned", pointer
            )
    return None


def deadline_given(facts: ItemFacts) -> FieldError | None:
    """写明整改时限, 不早于今天."""
    if facts.due_on is not None and (facts.on is None or facts.due_on >= facts.on):
        return None
    return FieldError(
        "no_deadline", "须写明整改时限(不早于今天)", "A deadline not before today is needed", "/due_on"
    )


def measures_finished(facts: ItemFacts) -> FieldError | None:
    """各条措施已完成(长期坚持的除外)."""
    if not facts.measures_open:
        return None
    return FieldError(
        "measures_open", f"还有 {facts.measures_open} 条措施没有完成", "Measures are open", "/measures"
    )


def evidence_given(facts: ItemFacts) -> FieldError | None:
    """附有整改佐证材料."""
    if facts.evidence:
        return None
    return FieldError("no_evidence", "须附整改佐证材料", "Evidence is needed", "/file_ids")


def amount_corrected(facts: ItemFacts) -> FieldError | None:
    """涉及金额的, 已整改金额达到涉及金额, 或者写明理由."""
    if facts.amount_found is None or facts.reason.strip():
        return None
    if facts.amount_corrected is not None and facts.amount_corrected >= facts.amount_found:
        return None
    return FieldError(
        "amount_open",
        "已整改金额少于涉及金额, 须写明理由",
        "Less was corrected than found",
        "/amount_corrected",
    )


def visited_on_site(facts: ItemFacts) -> FieldError | None:
    """有现场核查日期、核查人和照片."""
    for pointer, given in (
        ("/visited_on", facts.visited_on is not None and (facts.on is None or facts.visited_on <= facts.on)),
        ("/visitors", facts.visitors.strip()),
        ("/file_ids", facts.photos),
    ):
        if not given:
            return FieldError(
                "not_visited", "须写明现场核查日期(不晚于今天)、核查人, 并附现场照片", "Not visited", pointer
            )
    return None


def in_a_town(facts: ItemFacts) -> FieldError | None:
    """问题在镇或村."""
    return (
        None
        if facts.in_town
        else FieldError("of_county", "县级问题不经镇核实, 由部门核实", "A county's item skips the town")
    )


def of_the_county(facts: ItemFacts) -> FieldError | None:
    """问题属于全县, 不在某个镇."""
    return FieldError("of_town", "镇村问题须先经镇核实", "The town checks first") if facts.in_town else None


def reason_given(facts: ItemFacts) -> FieldError | None:
    """写明理由."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = ItemState, ItemAction
ENTER, IMPLEMENT = May.RECTIFICATION_ENTER, May.RECTIFICATION_IMPLEMENT
TOWN_CHECK, CHECK, CLOSE = May.RECTIFICATION_TOWN_CHECK, May.RECTIFICATION_CHECK, May.RECTIFICATION_CLOSE
UNDER_CHECK = (S.REQUESTED, S.TOWN_CHECKED, S.CHECKED)
OPEN_STATES = (S.ENTERED, S.RECTIFYING, *UNDER_CHECK)
"""Not closed yet: the deadline runs."""
DONE_STATES = (S.CLOSED, S.CONFIRMED)
OWN_HANDS = ("claimed_by", "requested_by")
"""Whoever answers for an item neither checks nor closes it."""

# fmt: off
ITEM: Lifecycle[ItemState, ItemAction, ItemFacts] = Lifecycle("rectification item", "整改问题", ItemState, S.ENTERED, (
    #          action            from            to              who         needs
    transition(A.CLAIM,          S.ENTERED,      S.RECTIFYING,   IMPLEMENT,  responsibility_assigned, deadline_given),
    transition(A.CANCEL,         S.ENTERED,      S.CANCELLED,    ENTER,      reason_given),
    transition(A.REQUEST,        S.RECTIFYING,   S.REQUESTED,    IMPLEMENT,  measures_finished, evidence_given, amount_corrected),
    transition(A.TOWN_CHECK,     S.REQUESTED,    S.TOWN_CHECKED, TOWN_CHECK, in_a_town, four_eyes=OWN_HANDS),
    transition(A.TOWN_SEND_BACK, S.REQUESTED,    S.RECTIFYING,   TOWN_CHECK, in_a_town, reason_given, four_eyes=OWN_HANDS),
    transition(A.CHECK_COUNTY,   S.REQUESTED,    S.CHECKED,      CHECK,      of_the_county, four_eyes=OWN_HANDS),
    transition(A.CHECK,          S.TOWN_CHECKED, S.CHECKED,      CHECK,      four_eyes=OWN_HANDS),
    transition(A.SEND_BACK,      UNDER_CHECK,    S.RECTIFYING,   CHECK,      reason_given, four_eyes=OWN_HANDS),
    transition(A.CLOSE,          S.CHECKED,      S.CLOSED,       CLOSE,      visited_on_site, four_eyes=(*OWN_HANDS, "checked_by")),
    transition(A.CONFIRM,        S.CLOSED,       S.CONFIRMED,    CLOSE,      visited_on_site, four_eyes=OWN_HANDS),
    transition(A.REBOUND,        DONE_STATES,    S.RECTIFYING,   CLOSE,      reason_given, deadline_given),
))
# fmt: on
