"""Project transitions: single, batch (批量办理) and roll-over (滚动入库); fields and events that each one writes."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from services.projects.changes import repository as changes
from services.projects.policy import ADMISSION_STATEMENTS
from services.projects.projects import repository
from services.projects.projects.guards import COUNTY_DIGITS
from services.projects.projects.lifecycle import PROJECT_LIFECYCLE, STAGE_OF_STATE, Action, State
from services.projects.projects.models import NOTICE_SUBJECT_KIND, Project
from services.projects.projects.rules import ExternalFacts, gather_project_facts
from services.projects.projects.schemas import (
    BatchItemResult,
    BatchWrite,
    ProjectTransitionRequest,
    RollOver,
    TransitionBatchRead,
)
from services.projects.screening import service as screening
from services.projects.screening.schemas import ScreeningOccasion
from shared.auth import May
from shared.clients.assets import AssetsClient
from shared.clients.funds import FundsClient
from shared.clients.projects import BuiltAsset, ProjectAccepted, ProjectMoved, ProjectRolledOver
from shared.db import search
from shared.errors import ApiError, Conflict, FieldError, FieldErrorRead, PreconditionMissing
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, get_transition
from shared.notices import repository as notices
from shared.notices import service as notice_service
from shared.notices.schemas import NoticeLevel
from shared.records import log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

ADMISSION_NOTICE_LEVELS = frozenset({NoticeLevel.VILLAGE, NoticeLevel.TOWN, NoticeLevel.DISTRICT})
ACTOR_FIELDS = {
    Action.DECLARE: "declared_by",
    Action.ENDORSE: "endorsed_by",
    Action.APPRAISE: "appraised_by",
    Action.APPROVE: "approved_by",
    Action.COMPLETE: "completed_by",
}
"""Columns that record who performed an action, for later four-eyes checks."""
DATE_FIELDS = {
    Action.DECLARE: "declared_on",
    Action.ADMIT: "admitted_on",
    Action.START: "started_on",
    Action.COMPLETE: "completed_on",
    Action.ACCEPT: "accepted_on",
    Action.HAND_OVER: "handed_over_on",
    Action.CLOSE: "closed_on",
}
SCREENING_OCCASIONS = {
    Action.DECLARE: ScreeningOccasion.DECLARE,
    Action.ADMIT: ScreeningOccasion.ADMIT,
    Action.PLAN: ScreeningOccasion.PLAN,
}
"""Actions before which the project is screened by the current rules → occasion stored with the run."""
NO_TOWN_REASON = "县级项目没有所属乡镇, 不经乡镇审核; 镇、村公示已同时进行"
ProjectOperation = Callable[[UnitOfWork, Project], Awaitable[TransitionPreview | Project]]


async def apply_effects(
    work: UnitOfWork, project: Project, action: Action, request: ProjectTransitionRequest, day: date
) -> None:
    """Write the columns an action sets, before the guards are checked; the transaction rolls back when the transition is refused."""
    if action in ACTOR_FIELDS:
        setattr(project, ACTOR_FIELDS[action], work.actor.id)
    if action in DATE_FIELDS:
        setattr(project, DATE_FIELDS[action], day)
    await _add_opinion(work, project, action, request, day)
    if action is Action.ADMIT:
        await _assign_library_code(work, project, day)
    elif action in {Action.RETURN, Action.RECALL}:
        await _withdraw_notices(work, project)
    else:
        _set_fields(project, action, request)
    work.session.add(project)


def _set_fields(project: Project, action: Action, request: ProjectTransitionRequest) -> None:
    match action:
        case Action.APPROVE:
            project.decision_no, project.decision_on = request.decision_no, request.decision_on
        case Action.PLAN:
            project.plan_year = request.plan_year or project.plan_year or project.year
        case Action.START:
            project.procurement = request.procurement or project.procurement
            project.heard_on = project.started_on
        case Action.ACCEPT:
            project.settled = request.settled or 0
            project.built = [asset.model_dump(mode="json") for asset in request.built]
        case Action.HAND_OVER:
            project.uncovered_reason = request.reason
        case _:
            pass


async def _add_opinion(
    work: UnitOfWork, project: Project, action: Action, request: ProjectTransitionRequest, day: date
) -> None:
    if not (request.opinion or request.statements or action in {Action.RETURN, Action.RECALL, Action.SUBMIT}):
        return
    rule = await work.get_rule(ADMISSION_STATEMENTS, region=project.region)
    entry: dict[str, Any] = {
        "action": action.value,
        "opinion": request.opinion or request.reason,
        "statements": list(request.statements),
        "by": work.actor.id,
        "on": day.isoformat(),
        "recorded_at": work.at.isoformat(),
        "rule": rule.ref,
    }
    project.opinions = [*project.opinions, entry]


async def _assign_library_code(work: UnitOfWork, project: Project, day: date) -> None:
    if project.library_code is not None:
        return
    district = project.region[:COUNTY_DIGITS]
    number = await repository.allocate_code_number(work, district, day.year)
    project.library_code = f"{district}-{day.year}-{number:05d}"
    texts = (project.name, project.place, project.implementing_unit, project.library_code, project.content)
    await search.index_record(work.session, "project", project.id, *texts)


async def _withdraw_notices(work: UnitOfWork, project: Project) -> None:
    """Withdraw admission notices of a returned project: its content may change and must be published again."""
    for row in await notices.list_by_subject(work, NOTICE_SUBJECT_KIND, str(project.id)):
        if row.withdrawn_at is None and row.level in ADMISSION_NOTICE_LEVELS:
            await notice_service.withdraw_notice(work, row, "项目退回修改, 重新申报后另行公示")


async def transition_project(
    work: UnitOfWork,
    project_id: UUID,
    action: Action,
    body: ProjectTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Project:
    """Perform one transition, or preview it with `dry_run`; raise PreconditionMissing with every missing precondition."""
    registered, unpaid = await _request_external_facts(work, project_id, action)
    project = await repository.get_project(work, project_id, lock=True)
    return await transition_locked_project(
        work, project, action, body, external=ExternalFacts(registered, unpaid), match=match, dry_run=dry_run
    )


async def _request_external_facts(
    work: UnitOfWork, project_id: UUID, action: Action
) -> tuple[int | None, int | None]:
    """Request facts from assets or funds before any row is locked; raise Unavailable when they do not answer."""
    if action is Action.HAND_OVER:
        coverage = await AssetsClient(work.service_client("assets")).get_coverage(project_id)
        return coverage.registered_value, None
    if action is Action.CLOSE:
        funds = await FundsClient(work.service_client("funds")).get_project_funds(project_id)
        return None, funds.unpaid + funds.applied
    return None, None


async def transition_locked_project(
    work: UnitOfWork,
    project: Project,
    action: Action,
    body: ProjectTransitionRequest,
    *,
    external: ExternalFacts | None = None,
    match: VersionMatch | None = None,
    dry_run: bool = False,
) -> TransitionPreview | Project:
    """Perform one transition of a project that is already locked."""
    if action is Action.SUBMIT and not body.reason.strip():
        body = body.model_copy(update={"reason": NO_TOWN_REASON})
    row = get_transition(work, PROJECT_LIFECYCLE, project, action, request=body, match=match, dry_run=dry_run)
    work.actor.require(row.may, project.region, department=project.managing_unit)
    external = external or ExternalFacts()
    day = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    if action in SCREENING_OCCASIONS:
        result = await screening.screen_project(work, project)
        external = ExternalFacts(external.registered, external.unpaid, result)
    facts = await gather_project_facts(work, project, body, on=day, external=external)
    if not dry_run:
        if external.screening is not None:
            await screening.save_screening(work, project, external.screening, SCREENING_OCCASIONS[action])
        await apply_effects(work, project, action, body, day)
    preview = await apply_transition(
        work,
        PROJECT_LIFECYCLE,
        project,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: build_moved_event(project, was, now),
    )
    if preview is not None:
        return preview
    if action is Action.ACCEPT:
        await _publish_accepted(work, project, body)
    return project


def build_moved_event(project: Project, was: State, now: State) -> ProjectMoved:
    """Build the event of a transition with the fields that other services copy."""
    return ProjectMoved(
        project_id=project.id,
        was=was,
        now=now,
        stage=STAGE_OF_STATE[now],
        name=project.name,
        code=project.library_code or "",
        category=project.category,
        industry=project.counts_as_industry,
        blocked=project.blocked,
        physical_percent=project.physical_percent,
        managing_unit=project.managing_unit,
    )


async def _publish_accepted(work: UnitOfWork, project: Project, body: ProjectTransitionRequest) -> None:
    accepted_on = project.accepted_on or work.today
    event = ProjectAccepted(
        project_id=project.id,
        name=project.name,
        code=project.library_code or "",
        category=project.category,
        place=project.place,
        lon=project.lon,
        lat=project.lat,
        settled=project.settled,
        completed_on=project.completed_on or accepted_on,
        accepted_on=accepted_on,
        unit=project.implementing_unit,
        managing_unit=project.managing_unit,
        household=project.household,
        built=tuple(BuiltAsset.model_validate(asset) for asset in project.built),
    )
    await log_event(work, project, event, happened_at=body.happened_at)


async def plan_funded_project(work: UnitOfWork, project: Project, issued_on: date) -> None:
    """Move a project in reserve into the plan of the year the money was issued for; do nothing when a precondition is missing."""
    if project.state is not State.RESERVE:
        return
    body = ProjectTransitionRequest(plan_year=issued_on.year, reason="资金已下达")
    body.happened_at = max(project.state_since, min(work.at, _noon_on(issued_on)))
    preview = await transition_locked_project(work, project, Action.PLAN, body, dry_run=True)
    if isinstance(preview, TransitionPreview) and preview.allowed:
        await transition_locked_project(work, project, Action.PLAN, body)


def _noon_on(day: date) -> datetime:
    return datetime.combine(day, time(12), CHINA_TIME_ZONE)


async def transition_batch(work: UnitOfWork, body: BatchWrite, *, dry_run: bool) -> TransitionBatchRead:
    """Perform the same transition on each project; return one result per project."""
    action = Action(body.action)

    async def operation(work: UnitOfWork, project: Project) -> TransitionPreview | Project:
        return await transition_locked_project(work, project, action, body.act, dry_run=dry_run)

    return await _process_each(work, body.ids, operation, dry_run=dry_run)


async def roll_over_projects(work: UnitOfWork, body: RollOver, *, dry_run: bool) -> TransitionBatchRead:
    """Move projects in reserve into a later year after screening by the current rules; return one result per project."""

    async def operation(work: UnitOfWork, project: Project) -> TransitionPreview | Project:
        return await _roll_over_project(work, project, body, dry_run=dry_run)

    return await _process_each(work, body.ids, operation, dry_run=dry_run)


async def _roll_over_project(
    work: UnitOfWork, project: Project, body: RollOver, *, dry_run: bool
) -> TransitionPreview | Project:
    work.actor.require(May.PROJECT_PLAN, project.region, department=project.managing_unit)
    if project.state is not State.RESERVE:
        raise Conflict(f"项目{project.state.label}, 只有在库未纳入计划的项目滚动", "Only projects in reserve")
    if body.year <= project.year:
        raise Conflict(f"项目年度已是 {project.year}", f"The project is of {project.year} already")
    if await changes.has_open_change(work, project.id):
        raise Conflict("有未办结的变更申请", "A change request is open")
    previous_year, project.year = project.year, body.year
    result = await screening.screen_project(work, project)
    if errors := await screening.list_screening_faults(work, project, result):
        raise PreconditionMissing(
            "；".join(error.detail for error in errors), "Screening blocks it", errors=errors
        )
    if dry_run:
        raise _RollbackRow(project)
    await screening.save_screening(work, project, result, ScreeningOccasion.ROLL_OVER)
    event = ProjectRolledOver(
        project_id=project.id, was_year=previous_year, now_year=body.year, decision_no=body.decision_no
    )
    await save_record(work, project, event, before={"year": previous_year}, reason=body.reason)
    return project


class _RollbackRow(Exception):
    """Raised after a successful dry run to roll back the savepoint of one project."""

    def __init__(self, project: Project) -> None:
        super().__init__(str(project.id))
        self.name, self.state = project.name, project.state


async def _process_each(
    work: UnitOfWork, ids: Sequence[UUID], operation: ProjectOperation, *, dry_run: bool
) -> TransitionBatchRead:
    results = {}
    for project_id in sorted(set(ids)):  # one lock order for all batches prevents deadlocks
        results[project_id] = await _process_project(work, project_id, operation)
    items = [results[project_id] for project_id in dict.fromkeys(ids)]
    done = sum(item.done for item in items)
    return TransitionBatchRead(dry_run=dry_run, done=done, refused=len(items) - done, items=items)


async def _process_project(
    work: UnitOfWork, project_id: UUID, operation: ProjectOperation
) -> BatchItemResult:
    name = ""
    try:
        async with work.session.begin_nested():
            project = await repository.get_project(work, project_id, lock=True)
            name = project.name
            return _build_item_result(project_id, name, await operation(work, project))
    except _RollbackRow as dry_run:
        return BatchItemResult(id=project_id, name=dry_run.name, done=True, state=dry_run.state)
    except ApiError as error:
        return BatchItemResult(
            id=project_id,
            name=name,
            done=False,
            problem=error.problem_type(),
            detail=error.detail,
            errors=[_build_fault_read(field_error) for field_error in error.errors],
        )


def _build_item_result(project_id: UUID, name: str, outcome: TransitionPreview | Project) -> BatchItemResult:
    if isinstance(outcome, Project):
        return BatchItemResult(id=project_id, name=name, done=True, state=outcome.state)
    return BatchItemResult(
        id=project_id,
        name=name,
        done=outcome.allowed,
        state=State(outcome.to_state) if outcome.allowed else None,
        problem="" if outcome.allowed else PreconditionMissing.problem_type(),
        detail="；".join(error.detail for error in outcome.missing),
        errors=outcome.missing,
    )


def _build_fault_read(fault: FieldError) -> FieldErrorRead:
    return FieldErrorRead(pointer=fault.pointer, code=fault.code, detail=fault.detail)
