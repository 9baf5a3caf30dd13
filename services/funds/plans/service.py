"""Create, edit and transition plans. Approval registers commitments with the projects service before it locks."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.commitments import projects_client
from services.funds.commitments import service as commitments
from services.funds.commitments.projects_client import CommitmentRequest, ProjectFacts
from services.funds.findings import Effect, Finding
from services.funds.plans import postings, repository
from services.funds.plans.document import build_announcement
from services.funds.plans.lifecycle import PLAN_LIFECYCLE, PlanAction, PlanFacts, PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.plans.rules import list_findings
from services.funds.plans.schemas import (
    PlanChange,
    PlanChecks,
    PlanCreate,
    PlanDetail,
    PlanKind,
    PlanLineRead,
    PlanLineWrite,
    PlanRead,
    PlanTransitionRequest,
)
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from services.funds.targets.service import approve_targets_of_plan
from shared.auth import May, is_region_within
from shared.clients.funds import PlanDrafted, PlanMoved
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid, Unavailable
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    apply_transition,
    available_actions,
    effective_time,
)
from shared.notices import repository as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeSubject, first_blocking_notice, get_notice_status, withdraw_notice
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

EDITABLE_STATES = frozenset({PlanState.DRAFT, PlanState.RETURNED})
FEE_CATEGORY = "7"
"""项目管理费 in the category tree."""


async def create_plan(work: UnitOfWork, body: PlanCreate) -> Plan:
    """A new plan with its lines. Unavailable when the project library does not answer, Invalid for a wrong line."""
    work.actor.require(May.PLAN_DRAFT, body.region)
    views = await projects_client.get_projects(
        work.service_client("projects"), [line.project_id for line in body.lines]
    )
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("编制时间不能晚于现在", "happened_at lies in the future")
    columns = body.model_dump(exclude={"id", "region", "lines", "happened_at"})
    plan, fresh = await create_record(
        work, Plan, body, region=body.region, id=body.id, state=PlanState.DRAFT, state_since=when, **columns
    )
    if fresh:
        if plan.amends is not None:
            await repository.get_plan(work, plan.amends)
        await _save_lines(work, plan, body.lines, views)
        await _publish_draft(work, plan, body.lines)
    return plan


async def replace_plan_lines(
    work: UnitOfWork, plan_id: UUID, wanted: Sequence[PlanLineWrite], match: VersionMatch
) -> Plan:
    """Replace every line of a draft."""
    views = await projects_client.get_projects(
        work.service_client("projects"), [line.project_id for line in wanted]
    )
    plan = await _get_editable_plan(work, plan_id, match)
    await _save_lines(work, plan, wanted, views)
    _bump_version(work, plan)
    await _publish_draft(work, plan, wanted)
    return plan


async def update_plan(work: UnitOfWork, plan_id: UUID, body: PlanChange, match: VersionMatch) -> Plan:
    """Change the words of a draft."""
    plan = await _get_editable_plan(work, plan_id, match)
    for name, value in body.model_dump(exclude_unset=True).items():
        if value is not None or name == "announced_total":
            setattr(plan, name, value)
    _bump_version(work, plan)
    lines = await repository.list_lines(work, plan.id)
    await work.publish(
        PlanDrafted(
            plan_id=plan.id, title=plan.title, lines=len(lines), total=sum(line.amount for line in lines)
        ),
        plan,
    )
    return plan


async def _get_editable_plan(work: UnitOfWork, plan_id: UUID, match: VersionMatch) -> Plan:
    plan = await repository.get_plan(work, plan_id, lock=True)
    work.actor.require(May.PLAN_DRAFT, plan.region)
    match.require_version(plan)
    if plan.state not in EDITABLE_STATES:
        raise Conflict(
            f"方案{plan.state.label}, 不能再修改",
            f"The plan is {plan.state}",
            next_step="下达后的变化请编制调整方案",
        )
    return plan


def _bump_version(work: UnitOfWork, plan: Plan) -> None:
    plan.version += 1
    plan.updated_at = work.at
    work.session.add(plan)


async def _publish_draft(work: UnitOfWork, plan: Plan, lines: Sequence[PlanLineWrite]) -> None:
    total = sum(line.amount for line in lines)
    await work.publish(PlanDrafted(plan_id=plan.id, title=plan.title, lines=len(lines), total=total), plan)


async def _save_lines(
    work: UnitOfWork, plan: Plan, wanted: Sequence[PlanLineWrite], views: Mapping[UUID, ProjectFacts]
) -> None:
    known = await sources.get_sources_by_id(work, [line.source_id for line in wanted])
    faults = [
        fault
        for index, line in enumerate(wanted)
        for fault in _check_line(
            work, plan, line, known.get(line.source_id), views.get(line.project_id), f"/lines/{index}"
        )
    ]
    faults += await _check_recalls(work, wanted)
    if faults:
        raise Invalid("方案明细填写有误", "Some lines are not valid", errors=faults)
    await commitments.cache_projects(work, views.values())
    rows = [
        _build_line(plan, position, line, views.get(line.project_id))
        for position, line in enumerate(wanted, 1)
    ]
    await repository.replace_lines(work, plan.id, rows)


def _check_line(
    work: UnitOfWork,
    plan: Plan,
    line: PlanLineWrite,
    source: Source | None,
    view: ProjectFacts | None,
    at: str,
) -> list[FieldError]:
    found = []
    if source is None or not work.actor.has_access(May.FUND_READ, source.region):
        found.append(FieldError("no_source", "没有这份资金来源", "no such source", f"{at}/source_id"))
    elif not is_region_within(plan.region, source.region):
        found.append(
            FieldError(
                "other_source", "这份资金来源不属于本地区", "another region's source", f"{at}/source_id"
            )
        )
    elif source.fiscal_year > plan.year:
        found.append(
            FieldError(
                "later_source", "指标年度晚于方案年度", "the source is of a later year", f"{at}/source_id"
            )
        )
    if view is None:
        found.append(FieldError("no_project", "项目库中没有这个项目", "no such project", f"{at}/project_id"))
    elif not is_region_within(view.region, plan.region):
        found.append(
            FieldError("other_region", "项目不在方案的地区内", "not in the plan's region", f"{at}/project_id")
        )
    if line.amount == 0:
        found.append(FieldError("zero", "金额不能为零", "the amount is zero", f"{at}/amount"))
    if line.amount < 0 and (plan.kind is not PlanKind.AMENDMENT or line.allocation_id is None):
        found.append(
            FieldError(
                "not_amending",
                "只有调整方案能收回, 并须指明资金安排",
                "only an amendment recalls",
                f"{at}/amount",
            )
        )
    return found


async def _check_recalls(work: UnitOfWork, wanted: Sequence[PlanLineWrite]) -> list[FieldError]:
    found = []
    for index, line in enumerate(wanted):
        if line.amount < 0 and line.allocation_id is not None:
            allocation = await allocations.get_allocation(work, line.allocation_id)
            if (allocation.project_id, allocation.source_id) != (line.project_id, line.source_id):
                found.append(
                    FieldError(
                        "other_allocation",
                        "项目或来源与该笔资金安排不符",
                        "does not match the allocation",
                        f"/lines/{index}/allocation_id",
                    )
                )
    return found


def _build_line(plan: Plan, position: int, line: PlanLineWrite, view: ProjectFacts | None) -> PlanLine:
    said = line.model_dump(exclude={"id"})
    if view is not None:
        said["name"] = line.name or view.name
        said["place"] = line.place or view.place
        said["content"] = line.content or view.content
        said["project_type"] = line.project_type or view.category_label
        said["unit"] = line.unit or view.unit
        said["project_region"] = view.region
    fee = (view.category if view else "").startswith(FEE_CATEGORY)
    said["management_fee"] = fee if line.management_fee is None else line.management_fee
    said["industry"] = bool(view and view.industry) if line.industry is None else line.industry
    return PlanLine(id=line.id or new_id(), plan_id=plan.id, position=position, **said)


NOTICE_SUBJECT_KIND = "plan"
LIBRARY_ACTIONS = frozenset({PlanAction.SUBMIT, PlanAction.APPROVE})
"""Moves that need the project library's word."""
ANNOUNCEABLE_STATES = frozenset({PlanState.APPROVED, PlanState.NOTICED})
"""States in which the table stands and is not paid out yet."""
ProjectsById = dict[UUID, ProjectFacts]


async def get_plan_detail(work: UnitOfWork, plan_id: UUID) -> PlanDetail:
    """The plan, its lines, and what the caller could do with it now by what the library last said."""
    plan = await repository.get_plan(work, plan_id)
    lines = await repository.list_lines(work, plan.id)
    projects = [line.project_id for line in lines]
    facts = await _get_plan_facts(
        work, plan, lines, PlanTransitionRequest(), await commitments.get_cached_projects(work, projects)
    )
    return PlanDetail(
        **PlanRead.model_validate(plan).model_dump(),
        total=sum(line.amount for line in lines),
        lines=[PlanLineRead.model_validate(line) for line in lines],
        available_actions=available_actions(work, PLAN_LIFECYCLE, plan, facts),
    )


async def get_plan_checks(work: UnitOfWork, plan_id: UUID) -> PlanChecks:
    """What every dated rule says of the plan now; says so when the library cannot be asked."""
    plan = await repository.get_plan(work, plan_id)
    lines = await repository.list_lines(work, plan.id)
    views: ProjectsById | None
    try:
        views = await projects_client.get_projects(
            work.service_client("projects"), [line.project_id for line in lines]
        )
    except Unavailable:
        views = None
    found = await list_findings(work, plan, lines, views)
    return PlanChecks(
        plan_id=plan.id,
        total=sum(line.amount for line in lines),
        stops=_count_failed(found, Effect.STOP),
        warnings=_count_failed(found, Effect.WARN),
        findings=found,
        missing=[] if views is not None else ["projects"],
    )


def _count_failed(found: Sequence[Finding], effect: Effect) -> int:
    return sum(one.effect is effect and not one.passed for one in found)


async def get_announcement_content(work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine]) -> dict[str, Any]:
    """The announcement of a plan."""
    hotline = await work.get_rule("plan.hotline", region=plan.region)
    known = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    return build_announcement(plan, lines, known, str(hotline.value))


async def get_notice_subject(work: UnitOfWork, plan_id: UUID) -> NoticeSubject:
    """The plan as its notices show it."""
    plan = await repository.get_plan(work, plan_id)
    lines = await repository.list_lines(work, plan.id)
    return NoticeSubject(
        NOTICE_SUBJECT_KIND,
        str(plan.id),
        plan.region,
        plan.version,
        plan.title,
        await get_announcement_content(work, plan, lines),
    )


async def get_announceable_subject(work: UnitOfWork, plan_id: UUID, /, *, lock: bool) -> NoticeSubject:
    """The plan to be put on notice; Conflict before it is approved, when its table may still change."""
    plan = await repository.get_plan(work, plan_id, lock=lock)
    if lock and plan.state not in ANNOUNCEABLE_STATES:
        raise Conflict(
            f"方案{plan.state.label}, 不能公示",
            f"The plan is {plan.state}",
            next_step="请先报审并审定方案",
        )
    return await get_notice_subject(work, plan_id)


async def _get_plan_facts(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    act: PlanTransitionRequest,
    views: ProjectsById,
    found: Sequence[Finding] | None = None,
) -> PlanFacts:
    stops: tuple[FieldError, ...] = ()
    if plan.state in {PlanState.DRAFT, PlanState.RETURNED, PlanState.SUBMITTED}:
        found = (
            await list_findings(work, plan, lines, views, _get_effective_date(act))
            if found is None
            else found
        )
        stops = tuple(one.to_field_error() for one in found if one.effect is Effect.STOP and not one.passed)
    on = (act.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    stand = await get_notice_status(work, NOTICE_SUBJECT_KIND, str(plan.id), on)
    return PlanFacts(
        lines=len(lines),
        stops=stops,
        decision_no=act.decision_no or plan.decision_no,
        decision_on=act.decision_on or plan.decision_on,
        reason=act.reason,
        notice_posted=NoticeLevel.ALLOCATION in stand,
        notice_matches=await _check_notice_matches(work, plan, lines),
        notice=first_blocking_notice(stand, NoticeLevel.ALLOCATION),
    )


def _get_effective_date(act: PlanTransitionRequest) -> date | None:
    return act.happened_at.astimezone(CHINA_TIME_ZONE).date() if act.happened_at else None


async def _check_notice_matches(work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine]) -> bool:
    """Whether the latest notice says what the plan says."""
    rows = await notices.list_by_subject(work, NOTICE_SUBJECT_KIND, str(plan.id))
    posted = [row for row in rows if row.level == NoticeLevel.ALLOCATION and row.withdrawn_at is None]
    if not posted:
        return True
    shown = {key: value for key, value in posted[-1].content.items() if key != "remark"}
    return shown == await get_announcement_content(work, plan, lines)


async def transition_plan(
    work: UnitOfWork,
    plan_id: UUID,
    action: PlanAction,
    body: PlanTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Plan:
    """Take one step. Approval tells the library first, so that a funded project cannot leave it behind our back."""
    views: ProjectsById = {}
    if action in LIBRARY_ACTIONS:
        views = await _consult_library(work, plan_id, action, body, dry_run=dry_run)
    plan = await repository.get_plan(work, plan_id, lock=True)
    lines = await repository.list_lines(work, plan.id)
    found = (
        await list_findings(work, plan, lines, views, _get_effective_date(body))
        if action in LIBRARY_ACTIONS
        else None
    )
    facts = await _get_plan_facts(work, plan, lines, body, views, found)
    was_since = plan.state_since
    on = effective_time(body, was_since, work.at).astimezone(CHINA_TIME_ZONE).date()
    preview = await apply_transition(
        work,
        PLAN_LIFECYCLE,
        plan,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: PlanMoved(plan_id=plan.id, was=was, now=now),
    )
    if preview is not None:
        return preview
    await _apply_effects(work, plan, lines, action, body, on, found or ())
    if action is PlanAction.APPROVE:
        await approve_targets_of_plan(work, plan)
    return plan


async def _consult_library(
    work: UnitOfWork, plan_id: UUID, action: PlanAction, body: PlanTransitionRequest, *, dry_run: bool
) -> ProjectsById:
    """Before any lock: what the library says, and for an approval that would go through, what it is told."""
    async with work.context.database.read() as session:
        outside = work.context.unit_of_work(session, work.actor)
        plan = await repository.get_plan(outside, plan_id)
        lines = await repository.list_lines(outside, plan.id)
    views = await projects_client.get_projects(
        work.service_client("projects"), [line.project_id for line in lines]
    )
    if action is not PlanAction.APPROVE or dry_run:
        return views
    async with work.context.database.read() as session:
        outside = work.context.unit_of_work(session, work.actor)
        facts = await _get_plan_facts(outside, plan, lines, body, views)
        would = await apply_transition(
            outside, PLAN_LIFECYCLE, plan, action, facts, request=body, dry_run=True, event=_reject_event
        )
        known = await sources.get_sources_by_id(outside, [line.source_id for line in lines])
    if would is not None and would.allowed:
        wanted = [
            CommitmentRequest(
                line.id, plan.id, line.project_id, line.amount, known[line.source_id].document_no
            )
            for line in lines
            if line.amount > 0
        ]
        if wanted:
            await commitments.record_intent(work, plan.region, wanted)
            await commitments.register_with_library(work, wanted)
    return views


def _reject_event(was: PlanState, now: PlanState) -> PlanMoved:
    raise AssertionError(f"a dry run tells nothing ({was} → {now})")


async def _apply_effects(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    action: PlanAction,
    body: PlanTransitionRequest,
    on: date,
    found: Sequence[Finding],
) -> None:
    known = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    match action:
        case PlanAction.SUBMIT:
            plan.submitted_by = work.actor.id
        case PlanAction.APPROVE:
            if early := [source for source in known.values() if on < source.received_on]:
                raise Invalid(
                    f"审定日期早于 {early[0].document_no} 的收文日期", "approved before the money came"
                )
            if body.decision_file:
                await uploads.require_files(work, [str(body.decision_file)], "/decision_file")
            plan.approved_by, plan.decision_no, plan.decision_on = (
                work.actor.id,
                body.decision_no,
                body.decision_on,
            )
            plan.decision_file = str(body.decision_file or "")
            plan.rules_used = sorted({one.rule for one in found})
            await commitments.confirm_commitments(
                work, plan.id, [line.id for line in lines if line.amount > 0]
            )
            await postings.post_reservation(work, plan, lines, known, on)
        case PlanAction.CANCEL if plan.approved_by:
            await commitments.release_commitments(work, plan.id)
            await postings.post_reservation(work, plan, lines, known, on, undo=True)
            await _withdraw_notices(work, plan, body.reason)
        case PlanAction.ISSUE:
            plan.issued_by, plan.issued_on = work.actor.id, on
            await postings.issue_allocations(work, plan, lines, known, on)
        case _:
            pass
    work.session.add(plan)


async def _withdraw_notices(work: UnitOfWork, plan: Plan, reason: str) -> None:
    """A cancelled plan hangs nowhere."""
    for row in await notices.list_by_subject(work, NOTICE_SUBJECT_KIND, str(plan.id)):
        if row.withdrawn_at is None:
            await withdraw_notice(work, row, f"方案已撤销: {reason}")
