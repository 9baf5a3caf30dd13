"""Create, edit and transition plans. Approval registers commitments with the projects service before it locks."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.funds.commitments import service as commitments
from services.funds.commitments.projects_client import CommitmentRequest
from services.funds.findings import Effect, RuleFinding
from services.funds.plans import postings, repository
from services.funds.plans.document import build_announcement
from services.funds.plans.lifecycle import PLAN_LIFECYCLE, PlanAction, PlanFacts, PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.plans.rules import build_checks, check_recalls, list_findings
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
from services.funds.policy import PLAN_HOTLINE
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from services.funds.targets.service import approve_targets_of_plan
from shared.auth import May
from shared.clients.funds import PlanDrafted, PlanMoved
from shared.clients.projects import ProjectsClient, ProjectSnapshot
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid, Unavailable
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    apply_transition,
    available_actions,
    effective_time,
    entry_time,
    get_transition,
)
from shared.notices import repository as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import (
    NoticeStep,
    NoticeSubject,
    first_blocking_notice,
    get_notice_status,
    withdraw_notice,
)
from shared.records import create_record, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

EDITABLE_STATES = frozenset({PlanState.DRAFT, PlanState.RETURNED})
FEE_CATEGORY = "7"
"""Prefix of 项目管理费 in the project categories."""


async def create_plan(
    work: UnitOfWork, body: PlanCreate, projects: dict[UUID, ProjectSnapshot] | None = None
) -> Plan:
    """Create a plan with its lines; Invalid for a wrong line. Its projects are asked for unless given, or Unavailable."""
    work.actor.require(May.PLAN_DRAFT, body.region)
    if projects is None:
        client = ProjectsClient(work.service_client("projects"))
        projects = await client.get_projects([line.project_id for line in body.lines])
    created_at = entry_time(body.happened_at, work.at)
    columns = body.model_dump(exclude={"id", "region", "lines", "happened_at"})
    plan, is_new = await create_record(
        work,
        Plan,
        body,
        region=body.region,
        id=body.id,
        state=PlanState.DRAFT,
        state_since=created_at,
        event=lambda plan: _build_drafted_event(plan, body.lines),
        **columns,
    )
    if is_new:
        if plan.amends is not None:
            await repository.get_plan(work, plan.amends)
        await _save_lines(work, plan, body.lines, projects)
    return plan


async def replace_plan_lines(
    work: UnitOfWork, plan_id: UUID, lines: Sequence[PlanLineWrite], match: VersionMatch
) -> Plan:
    """Replace all lines of a plan in DRAFT or RETURNED state."""
    projects = await ProjectsClient(work.service_client("projects")).get_projects(
        [line.project_id for line in lines]
    )
    plan = await _get_editable_plan(work, plan_id, match)
    await _save_lines(work, plan, lines, projects)
    await save_record(work, plan, _build_drafted_event(plan, lines))
    return plan


async def update_plan(work: UnitOfWork, plan_id: UUID, body: PlanChange, match: VersionMatch) -> Plan:
    """Change the texts of a plan in DRAFT or RETURNED state."""
    plan = await _get_editable_plan(work, plan_id, match)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(plan, name, value)
    lines = await repository.list_lines(work, plan.id)
    await save_record(work, plan, _build_drafted_event(plan, lines))
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


def _build_drafted_event(plan: Plan, lines: Sequence[PlanLine] | Sequence[PlanLineWrite]) -> PlanDrafted:
    total = sum(line.amount for line in lines)
    return PlanDrafted(plan_id=plan.id, title=plan.title, lines=len(lines), total=total)


async def _save_lines(
    work: UnitOfWork, plan: Plan, lines: Sequence[PlanLineWrite], projects: Mapping[UUID, ProjectSnapshot]
) -> None:
    rows = await _build_lines(work, plan, lines, projects)
    await commitments.cache_projects(work, projects.values())
    await repository.replace_lines(work, plan.id, rows)


async def _build_lines(
    work: UnitOfWork, plan: Plan, lines: Sequence[PlanLineWrite], projects: Mapping[UUID, ProjectSnapshot]
) -> list[PlanLine]:
    sources_by_id = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    errors = [
        error
        for index, line in enumerate(lines)
        for error in _check_line(
            work,
            plan,
            line,
            sources_by_id.get(line.source_id),
            projects.get(line.project_id),
            f"/lines/{index}",
        )
    ]
    errors += await check_recalls(work, lines)
    if errors:
        raise Invalid("方案明细填写有误", "Some lines are not valid", errors=errors)
    return [
        _build_line(plan, position, line, projects.get(line.project_id))
        for position, line in enumerate(lines, 1)
    ]


def _check_line(
    work: UnitOfWork,
    plan: Plan,
    line: PlanLineWrite,
    source: Source | None,
    project: ProjectSnapshot | None,
    pointer: str,
) -> list[FieldError]:
    errors = []
    if source is None or not work.actor.has_access(May.FUND_READ, source.region):
        errors.append(FieldError("no_source", "没有这份资金来源", "no such source", f"{pointer}/source_id"))
    elif not work.is_within_region(plan.region, source.region):
        errors.append(
            FieldError(
                "other_source", "这份资金来源不属于本地区", "another region's source", f"{pointer}/source_id"
            )
        )
    elif source.fiscal_year > plan.year:
        errors.append(
            FieldError(
                "later_source",
                "指标年度晚于方案年度",
                "the source is of a later year",
                f"{pointer}/source_id",
            )
        )
    if project is None:
        errors.append(
            FieldError("no_project", "项目库中没有这个项目", "no such project", f"{pointer}/project_id")
        )
    elif not work.is_within_region(project.region, plan.region):
        errors.append(
            FieldError(
                "other_region", "项目不在方案的地区内", "not in the plan's region", f"{pointer}/project_id"
            )
        )
    if line.amount == 0:
        errors.append(FieldError("zero", "金额不能为零", "the amount is zero", f"{pointer}/amount"))
    if line.amount < 0 and (plan.kind is not PlanKind.AMENDMENT or line.allocation_id is None):
        errors.append(
            FieldError(
                "not_amending",
                "只有调整方案能收回, 并须指明资金安排",
                "only an amendment recalls",
                f"{pointer}/amount",
            )
        )
    return errors


def _build_line(plan: Plan, position: int, line: PlanLineWrite, project: ProjectSnapshot | None) -> PlanLine:
    values = line.model_dump(exclude={"id"})
    if project is not None:
        values["name"] = line.name or project.name
        values["place"] = line.place or project.place
        values["content"] = line.content or project.content
        values["project_type"] = line.project_type or project.category_label
        values["unit"] = line.unit or project.unit
        values["project_region"] = project.region
    fee = (project.category if project else "").startswith(FEE_CATEGORY)
    values["management_fee"] = fee if line.management_fee is None else line.management_fee
    values["industry"] = bool(project and project.industry) if line.industry is None else line.industry
    return PlanLine(id=line.id or new_id(), plan_id=plan.id, position=position, **values)


NOTICE_SUBJECT_KIND = "plan"
LIBRARY_ACTIONS = frozenset({PlanAction.SUBMIT, PlanAction.APPROVE})
"""Actions that need a current answer of the projects service."""
ANNOUNCEABLE_STATES = frozenset({PlanState.APPROVED, PlanState.NOTICED})
"""States in which the lines are final and not yet issued."""
ProjectsById = dict[UUID, ProjectSnapshot]


async def get_plan_detail(work: UnitOfWork, plan_id: UUID) -> PlanDetail:
    """Get a plan, its lines and the actions available to the caller, evaluated with the cached projects."""
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
    """Findings of every rule on the plan now; `missing` names the projects service if it is down."""
    plan = await repository.get_plan(work, plan_id)
    lines = await repository.list_lines(work, plan.id)
    projects: ProjectsById | None
    try:
        projects = await ProjectsClient(work.service_client("projects")).get_projects(
            [line.project_id for line in lines]
        )
    except Unavailable:
        projects = None
    return await build_checks(work, plan, lines, projects)


async def judge_plan_lines(work: UnitOfWork, plan_id: UUID, lines: Sequence[PlanLineWrite]) -> PlanChecks:
    """Findings of every rule on lines that are not saved. Invalid for a wrong line."""
    plan = await repository.get_plan(work, plan_id)
    projects = await ProjectsClient(work.service_client("projects")).get_projects(
        [line.project_id for line in lines]
    )
    return await build_checks(work, plan, await _build_lines(work, plan, lines, projects), projects)


async def get_announcement_content(work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine]) -> dict[str, Any]:
    """Build the content of the plan's announcement."""
    hotline = await work.get_rule(PLAN_HOTLINE, region=plan.region)
    sources_by_id = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    return build_announcement(plan, lines, sources_by_id, hotline.value)


async def get_notice_subject(work: UnitOfWork, plan_id: UUID) -> NoticeSubject:
    """Describe the plan as the subject of its notices."""
    plan = await repository.get_plan(work, plan_id)
    lines = await repository.list_lines(work, plan.id)
    return NoticeSubject(
        NOTICE_SUBJECT_KIND,
        str(plan.id),
        plan.region,
        plan.version,
        plan.title,
        await get_announcement_content(work, plan, lines),
        {NoticeLevel.ALLOCATION: NoticeStep(begun_on=plan.decision_on)},
    )


async def get_announceable_subject(work: UnitOfWork, plan_id: UUID, /, *, lock: bool) -> NoticeSubject:
    """Get the plan as a notice subject; with `lock`, Conflict before approval, when its lines may still change."""
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
    request: PlanTransitionRequest,
    projects: ProjectsById,
    findings: Sequence[RuleFinding] | None = None,
) -> PlanFacts:
    stops: tuple[FieldError, ...] = ()
    if plan.state in {PlanState.DRAFT, PlanState.RETURNED, PlanState.SUBMITTED}:
        findings = (
            await list_findings(work, plan, lines, projects, _get_effective_date(request))
            if findings is None
            else findings
        )
        stops = tuple(
            finding.to_field_error()
            for finding in findings
            if finding.effect is Effect.STOP and not finding.passed
        )
    on = (request.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    notices_by_level = await get_notice_status(work, NOTICE_SUBJECT_KIND, str(plan.id), on)
    return PlanFacts(
        lines=len(lines),
        stops=stops,
        decision_no=request.decision_no or plan.decision_no,
        decision_on=request.decision_on or plan.decision_on,
        reason=request.reason,
        notice_posted=NoticeLevel.ALLOCATION in notices_by_level,
        notice_matches=await _check_notice_matches(work, plan, lines),
        notice=first_blocking_notice(notices_by_level, NoticeLevel.ALLOCATION),
    )


def _get_effective_date(request: PlanTransitionRequest) -> date | None:
    return request.happened_at.astimezone(CHINA_TIME_ZONE).date() if request.happened_at else None


async def _check_notice_matches(work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine]) -> bool:
    """Whether the content of the latest allocation notice equals that of the plan."""
    rows = await notices.list_by_subject(work, NOTICE_SUBJECT_KIND, str(plan.id))
    posted = [row for row in rows if row.level == NoticeLevel.ALLOCATION and row.withdrawn_at is None]
    if not posted:
        return True
    content = {key: value for key, value in posted[-1].content.items() if key != "remark"}
    return content == await get_announcement_content(work, plan, lines)


async def transition_plan(
    work: UnitOfWork,
    plan_id: UUID,
    action: PlanAction,
    body: PlanTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Plan:
    """Apply a lifecycle action. Approval registers the commitments first, so that no funded project can be withdrawn meanwhile."""
    projects: ProjectsById = {}
    if action in LIBRARY_ACTIONS:
        projects = await _consult_library(work, plan_id, action, body, dry_run=dry_run)
    plan = await repository.get_plan(work, plan_id, lock=True)
    lines = await repository.list_lines(work, plan.id)
    findings = (
        await list_findings(work, plan, lines, projects, _get_effective_date(body))
        if action in LIBRARY_ACTIONS
        else None
    )
    facts = await _get_plan_facts(work, plan, lines, body, projects, findings)
    state_since = plan.state_since
    on = effective_time(body, state_since, work.at).astimezone(CHINA_TIME_ZONE).date()
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
    await _apply_effects(work, plan, lines, action, body, on, findings or ())
    if action is PlanAction.APPROVE:
        await approve_targets_of_plan(work, plan)
    return plan


async def _consult_library(
    work: UnitOfWork, plan_id: UUID, action: PlanAction, body: PlanTransitionRequest, *, dry_run: bool
) -> ProjectsById:
    """Before any lock: get the projects and, if an approval would be allowed, register its commitments."""
    async with work.context.database.read() as session:
        read_work = work.context.unit_of_work(session, work.actor)
        plan = await repository.get_plan(read_work, plan_id)
        lines = await repository.list_lines(read_work, plan.id)
    projects = await ProjectsClient(work.service_client("projects")).get_projects(
        [line.project_id for line in lines]
    )
    if action is not PlanAction.APPROVE or dry_run:
        return projects
    async with work.context.database.read() as session:
        read_work = work.context.unit_of_work(session, work.actor)
        get_transition(read_work, PLAN_LIFECYCLE, plan, action, request=body)
        facts = await _get_plan_facts(read_work, plan, lines, body, projects)
        preview = await apply_transition(
            read_work, PLAN_LIFECYCLE, plan, action, facts, request=body, dry_run=True, event=_reject_event
        )
        sources_by_id = await sources.get_sources_by_id(read_work, [line.source_id for line in lines])
    if preview is not None and preview.allowed:
        requests = [
            CommitmentRequest(
                line.id, plan.id, line.project_id, line.amount, sources_by_id[line.source_id].document_no
            )
            for line in lines
            if line.amount > 0
        ]
        if requests:
            await commitments.record_intent(work, plan.region, requests)
            await commitments.register_with_library(work, requests)
    return projects


def _reject_event(was: PlanState, now: PlanState) -> PlanMoved:
    raise AssertionError(f"a dry run publishes nothing ({was} → {now})")


async def _apply_effects(
    work: UnitOfWork,
    plan: Plan,
    lines: Sequence[PlanLine],
    action: PlanAction,
    body: PlanTransitionRequest,
    on: date,
    findings: Sequence[RuleFinding],
) -> None:
    sources_by_id = await sources.get_sources_by_id(work, [line.source_id for line in lines])
    match action:
        case PlanAction.SUBMIT:
            plan.submitted_by = work.actor.id
        case PlanAction.APPROVE:
            if late_sources := [source for source in sources_by_id.values() if on < source.received_on]:
                raise Invalid(
                    f"审定日期早于 {late_sources[0].document_no} 的收文日期", "approved before the money came"
                )
            if body.decision_file:
                await uploads.require_files(work, [str(body.decision_file)], "/decision_file")
            plan.approved_by = work.actor.id
            plan.decision_no, plan.decision_on = body.decision_no, body.decision_on
            plan.decision_file = str(body.decision_file or "")
            plan.rules_used = sorted({finding.rule for finding in findings})
            await commitments.confirm_commitments(
                work, plan.id, [line.id for line in lines if line.amount > 0]
            )
            await postings.post_reservation(work, plan, lines, sources_by_id, on)
        case PlanAction.CANCEL if plan.approved_by:
            await commitments.release_commitments(work, plan.id)
            await postings.post_reservation(work, plan, lines, sources_by_id, on, undo=True)
            await _withdraw_notices(work, plan, body.reason)
        case PlanAction.ISSUE:
            plan.issued_by, plan.issued_on = work.actor.id, on
            await postings.issue_allocations(work, plan, lines, sources_by_id, on)
        case _:
            pass
    work.session.add(plan)


async def _withdraw_notices(work: UnitOfWork, plan: Plan, reason: str) -> None:
    """Withdraw every notice of a cancelled plan."""
    for row in await notices.list_by_subject(work, NOTICE_SUBJECT_KIND, str(plan.id)):
        if row.withdrawn_at is None:
            await withdraw_notice(work, row, f"方案已撤销: {reason}")
