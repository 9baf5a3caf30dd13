"""Use cases of clues: report without sign-in, enter, assign, read in full, verify."""

from uuid import UUID

from services.households.clues import repository
from services.households.clues.events import ClueAssigned, ClueMoved, ClueOpened
from services.households.clues.lifecycle import CLUE, ClueAction, ClueFacts, ClueState
from services.households.clues.models import Clue
from services.households.clues.schemas import (
    ClueAssign,
    ClueCreate,
    ClueDetail,
    ClueFile,
    ClueRead,
    ClueSource,
    ClueTransitionRequest,
    ReportReceipt,
    SelfReport,
)
from services.households.households.lifecycle import HouseholdState
from services.households.personal import seal, unseal
from services.households.policy import SELF_REPORT_LIMITS, VISIT_LIST, DeadlineStep, find_deadline
from shared.auth import May, mask_name
from shared.db import new_id
from shared.errors import NotFound, RateLimited, invalid_field
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.notices.receipt import format_receipt_number
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import UnitOfWork

VILLAGE_PART = slice(9, 12)
OPEN_WORDS = "等待入户核查"
DONE_WORDS = {
    ClueState.UNFOUNDED: "已入户核查, 不符合监测条件; 有异议请联系村委会或拨打 12317",
    ClueState.DUPLICATE: "与已有的线索合并办理",
}


async def require_village(work: UnitOfWork, region: str) -> None:
    """Invalid unless the region is a village of this installation."""
    if region[VILLAGE_PART].strip("0"):
        try:
            await work.service_client("identity").get(f"/api/v1/regions/{region}")
        except NotFound:
            pass
        else:
            return
    raise invalid_field("no_village", "请填写本县的一个村", "/region", "Not a village of this installation")


def _require_receipt_number(own_id: UUID) -> None:
    try:
        format_receipt_number(own_id)
    except ValueError:
        raise invalid_field("no_uuid7", "编号须为 UUIDv7, 或不填由系统编号", "/id", "Send a UUIDv7") from None


async def create_self_report(work: UnitOfWork, body: SelfReport) -> Clue:
    """Record what a household reports of itself. RateLimited above the rule households.self_report_limits."""
    if body.id is not None:
        _require_receipt_number(body.id)
    await require_village(work, body.region)
    limits = (await work.get_rule(SELF_REPORT_LIMITS, region=body.region)).value
    by_sender, by_village = await repository.system_count_self_reports(work, body.region)
    if by_sender >= limits.per_sender_day or by_village >= limits.per_village_day:
        raise RateLimited(
            "今天的网上申报次数太多, 请直接联系村委会, 或拨打 12317",
            "Too many self-reports today",
            headers={"Retry-After": "86400"},
        )
    details = body.model_dump(exclude={"id"})
    return await _insert_clue(
        work, ClueCreate.model_construct(**details, source=ClueSource.SELF_REPORT), body, body.id, ""
    )


async def create_clue(work: UnitOfWork, body: ClueCreate) -> Clue:
    """Enter a clue; it is due in the working days of the rule households.deadlines."""
    work.actor.require(May.CLUE_ENTER, body.region)
    if body.received_on is not None and body.received_on > work.today:
        raise invalid_field("in_the_future", "收到线索的日期不能晚于今天", "/received_on")
    await require_village(work, body.region)
    reasons = (await work.get_rule(VISIT_LIST, region=body.region)).value.reasons
    for index, code in enumerate(body.visit_reasons):
        if code not in reasons:
            allowed = "、".join(f"{known}({label})" for known, label in reasons.items())
            raise invalid_field("not_listed", f"必访情形只有: {allowed}", f"/visit_reasons/{index}")
    assignee = body.assignee
    if not assignee and work.actor.has_access(May.HOUSEHOLD_INVESTIGATE, body.region, work.actor.id):
        assignee = work.actor.id
    return await _insert_clue(work, body, body, body.id, assignee)


async def _insert_clue(
    work: UnitOfWork, told: ClueCreate, body: ClueCreate | SelfReport, clue_id: UUID | None, assignee: str
) -> Clue:
    received_on = told.received_on or work.today
    due_on, rule_ref = await find_deadline(work, told.region, received_on, DeadlineStep.VERIFY)
    own_id = clue_id or new_id()
    clue, _ = await create_record(
        work,
        Clue,
        body,
        event=lambda clue: ClueMoved(clue_id=clue.id, was="", now=clue.state),
        region=told.region,
        id=own_id,
        source=told.source,
        name_sealed=seal(work, "clue", own_id, "name", told.name),
        name_masked=mask_name(told.name),
        phone_sealed=seal(work, "clue", own_id, "phone", told.phone or ""),
        text_sealed=seal(work, "clue", own_id, "text", told.text),
        visit_reasons=list(told.visit_reasons),
        received_on=received_on,
        due_on=due_on,
        assignee=assignee,
        rule_ref=rule_ref,
        state=ClueState.OPEN,
        state_since=work.at,
    )
    return clue


def build_receipt(clue: Clue, household: HouseholdState | None = None) -> ReportReceipt:
    """What the writer of a self-report may know: how far it is, in words without anybody's name."""
    progress = DONE_WORDS.get(clue.state, OPEN_WORDS if household is None else household.label)
    return ReportReceipt(
        number=format_receipt_number(clue.id),
        received_on=clue.received_on,
        due_on=clue.due_on,
        progress=progress,
    )


async def get_receipt(work: UnitOfWork, number: str) -> ReportReceipt:
    """The receipt with this number; NotFound when no self-report has it."""
    found = await repository.system_find_self_report(work, number)
    if found is None:
        raise NotFound("没有这个编号的申报, 请核对后再查", "No self-report has this number")
    return build_receipt(*found)


async def assign_clue(work: UnitOfWork, clue_id: UUID, body: ClueAssign, match: VersionMatch) -> Clue:
    """Name who visits the household."""
    clue = await repository.get_clue(work, clue_id, lock=True)
    work.actor.require(May.HOUSEHOLD_INVESTIGATE, clue.region)
    match.require_version(clue)
    clue.assignee = body.assignee
    await save_record(work, clue, ClueAssigned(clue_id=clue.id, assignee=body.assignee))
    return clue


async def open_clue(work: UnitOfWork, clue_id: UUID, purpose: str) -> ClueFile:
    """A clue in clear; the reading and its purpose are logged as an event."""
    clue = await repository.get_clue(work, clue_id)
    work.actor.require(May.HOUSEHOLD_OPEN, clue.region, clue.assignee)
    await log_event(work, clue, ClueOpened(clue_id=clue.id, purpose=purpose))
    return ClueFile(
        name=unseal(work, clue, "name"), phone=unseal(work, clue, "phone"), text=unseal(work, clue, "text")
    )


async def transition_clue(
    work: UnitOfWork,
    clue: Clue,
    action: ClueAction,
    body: ClueTransitionRequest,
    *,
    match: VersionMatch | None,
    dry_run: bool = False,
) -> ClueDetail | TransitionPreview:
    """Apply one transition to a locked clue; on `dry_run` return a preview instead."""
    preview = await apply_transition(
        work,
        CLUE,
        clue,
        action,
        _collect_facts(work, clue, body),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=clue.assignee,
        event=lambda was, now: ClueMoved(clue_id=clue.id, was=was, now=now),
    )
    if preview is not None:
        return preview
    clue.visited_on = body.visited_on or clue.visited_on
    work.session.add(clue)
    return get_clue_detail(work, clue)


def _collect_facts(work: UnitOfWork, clue: Clue, body: ClueTransitionRequest) -> ClueFacts:
    visited = body.visited_on is not None and clue.received_on <= body.visited_on <= work.today
    return ClueFacts(household=clue.household_id is not None, visited=visited, reason=body.reason)


def get_clue_detail(work: UnitOfWork, clue: Clue) -> ClueDetail:
    """A clue and the actions available to the caller."""
    facts = _collect_facts(work, clue, ClueTransitionRequest.model_construct())
    return ClueDetail(
        **ClueRead.model_validate(clue).model_dump(),
        available_actions=available_actions(work, CLUE, clue, facts, owner=clue.assignee),
    )
