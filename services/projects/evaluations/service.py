"""Submit, review, return and rank project evaluations."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.evaluations import repository
from services.projects.evaluations.calculation import ScoreResult, compute_score, format_points
from services.projects.evaluations.lifecycle import (
    EVALUATION_LIFECYCLE,
    EvaluationAction,
    EvaluationFacts,
    EvaluationState,
)
from services.projects.evaluations.models import ProjectEvaluation
from services.projects.evaluations.repository import EvaluationFilter
from services.projects.evaluations.rules import ScoreSheet, ScoringFacts
from services.projects.evaluations.schemas import (
    EvaluationCounts,
    EvaluationDetail,
    EvaluationRead,
    EvaluationTransitionRequest,
    GivenPoints,
    GradeCount,
    SelfEvaluation,
)
from services.projects.policy import EVALUATION_SHEET
from services.projects.progress import repository as progress
from services.projects.projects import repository as projects
from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from services.projects.quantities.calculation import compute_quantity_progress
from services.projects.quantities.rules import QUANTITY_UNITS
from shared.auth import May
from shared.clients.funds import FundsClient, TargetView
from shared.clients.projects import EvaluationMoved, ProjectEvaluated
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, FieldErrorRead, Invalid, NotFound
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
    effective_time,
    get_transition,
)
from shared.records import insert_record, save_record
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

EVALUABLE_STATES = frozenset({State.COMPLETED, State.ACCEPTED, State.HANDED_OVER})
SCORED_TARGET_STATES = ("evaluated", "confirmed")
"""States in which the performance target of the funds service has a valid score."""


def build_evaluation_read(evaluation: ProjectEvaluation) -> EvaluationRead:
    """Build the response of an evaluation."""
    values = {
        name: getattr(evaluation, name) for name in EvaluationRead.model_fields if hasattr(evaluation, name)
    }
    return EvaluationRead.model_validate(
        {
            **values,
            "score": format_points(evaluation.score),
            "self_score": format_points(evaluation.self_score),
            "rows": f"/api/v1/projects/{evaluation.project_id}/evaluation",
        }
    )


async def count_grades(
    work: UnitOfWork, region: str, year: int | None, category: str | None
) -> EvaluationCounts:
    """Count reviewed evaluations per grade; each count links to its rows."""
    rule = await work.get_rule(EVALUATION_SHEET, region=region)
    sheet = rule.value
    rows = await repository.count_by_grade(
        work, EvaluationFilter(region=region, year=year, category=category)
    )
    reviewed = {row.grade: row.number for row in rows if row.state == EvaluationState.REVIEWED}
    waiting = sum(row.number for row in rows if row.state == EvaluationState.SUBMITTED)
    labels = {grade.code: grade.label for grade in sheet.grades}
    extra_filters = (f"&year={year}" if year else "") + (f"&category={category}" if category else "")
    return EvaluationCounts(
        region=region,
        year=year,
        reviewed=sum(reviewed.values()),
        waiting=waiting,
        items=[
            GradeCount(
                grade=code,
                label=labels.get(code, code),
                count=reviewed.get(code, 0),
                rows=f"/api/v1/projects/evaluations?region={region}&state=reviewed&grade={code}{extra_filters}",
            )
            for code in dict.fromkeys([*labels, *reviewed])
        ],
    )


async def _load_sheet(work: UnitOfWork, project: Project) -> tuple[Rule[ScoreSheet], ScoreSheet]:
    day = project.completed_on or work.today
    rule = await work.get_rule(EVALUATION_SHEET, on=day, region=project.region)
    return rule, rule.value


async def _request_target(work: UnitOfWork, project_id: UUID) -> TargetView | None:
    """Request the latest scored performance target from funds, before any row is locked."""
    targets = await FundsClient(work.service_client("funds")).list_targets(project_id)
    scored_targets = [
        view for view in targets if view.score is not None and view.state in SCORED_TARGET_STATES
    ]
    return max(scored_targets, key=lambda view: view.id, default=None)


async def _load_facts(
    work: UnitOfWork, project: Project, target: TargetView | None, *, funds_unavailable: bool = False
) -> ScoringFacts:
    reports = await progress.list_all_reports(work, project.id)
    units = (await work.get_rule(QUANTITY_UNITS, region=project.region)).value
    return ScoringFacts(
        project_id=str(project.id),
        reached=compute_quantity_progress(units, project.quantities, reports),
        planned_end=project.planned_end,
        completed_on=project.completed_on,
        allocated=project.allocated,
        paid=project.paid,
        documents=(await attachments.list_document_kinds(work, [project.id]))[project.id],
        target=None if target is None or target.score is None else (str(target.id), target.score),
        funds_unavailable=funds_unavailable,
    )


async def submit_self_evaluation(
    work: UnitOfWork, project_id: UUID, body: SelfEvaluation, match: VersionMatch
) -> ProjectEvaluation:
    """Store the self-evaluation of a project; it can be replaced until it is reviewed."""
    target = await _request_target(work, project_id)
    project = await projects.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region, department=project.managing_unit)
    match.check_version(project)
    if project.state not in EVALUABLE_STATES:
        raise Conflict(f"项目{project.state.label}, 不能自评", "Evaluate after completion and before closing")
    rule, sheet = await _load_sheet(work, project)
    result = compute_score(sheet, await _load_facts(work, project, target), body.items)
    if result.wrong or result.missing or result.score is None:
        errors = [*result.wrong, *result.missing]
        raise Invalid(
            "；".join(error.detail for error in errors), "The sheet is not filled in", errors=errors
        )
    existing = await repository.find_evaluation(work, project.id, lock=True)
    if existing is not None and existing.state is EvaluationState.REVIEWED:
        raise Conflict("评价已复核, 如需重评请由复核人退回", "Reviewed already; have it returned first")
    evaluation = existing or _build_evaluation(work, project, body)
    evaluation.text, evaluation.submitted_by = body.text, work.actor.id
    evaluation.self_score, evaluation.self_items = result.score, result.serialize_items()
    _set_score(evaluation, rule, sheet, result)
    await _publish_evaluation(work, project, evaluation, body, created=existing is None)
    return evaluation


def _build_evaluation(work: UnitOfWork, project: Project, body: SelfEvaluation) -> ProjectEvaluation:
    evaluation = ProjectEvaluation(
        id=new_id(),
        region=project.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        project_id=project.id,
        project_name=project.name,
        category=project.category,
        category_label=project.category_label,
        year=project.plan_year or project.year,
        state=EvaluationState.SUBMITTED,
        state_since=project.state_since,
        score=0,
        self_score=0,
        grade="",
        grade_label="",
        rule="",
    )
    evaluation.state_since = effective_time(
        TransitionRequest(happened_at=body.happened_at), evaluation.state_since, work.at
    )
    return evaluation


def _set_score(
    evaluation: ProjectEvaluation, rule: Rule[ScoreSheet], sheet: ScoreSheet, result: ScoreResult
) -> None:
    assert result.score is not None  # noqa: S101 - checked by the caller
    grade = sheet.find_grade(result.score)
    evaluation.score, evaluation.items = result.score, result.serialize_items()
    evaluation.grade, evaluation.grade_label, evaluation.rule = grade.code, grade.label, rule.ref


async def _publish_evaluation(
    work: UnitOfWork, project: Project, evaluation: ProjectEvaluation, body: SelfEvaluation, *, created: bool
) -> None:
    """Write the evaluation, copy it to the project and publish both events."""
    if evaluation.state is EvaluationState.RETURNED:
        request = EvaluationTransitionRequest(happened_at=body.happened_at)
        facts = EvaluationFacts()
        await apply_transition(
            work,
            EVALUATION_LIFECYCLE,
            evaluation,
            EvaluationAction.SUBMIT,
            facts,
            request=request,
            event=_make_event_factory(evaluation),
        )
    else:
        previous = "" if created else evaluation.state.value
        event = _make_event_factory(evaluation)(previous, evaluation.state)
        write = insert_record if created else save_record
        await write(work, evaluation, event, happened_at=body.happened_at)
    await _copy_to_project(work, project, evaluation)


def _make_event_factory(evaluation: ProjectEvaluation) -> Callable[[str, str], EvaluationMoved]:
    return lambda was, now: EvaluationMoved(
        evaluation_id=evaluation.id,
        project_id=evaluation.project_id,
        was=was,
        now=now,
        score=format_points(evaluation.score),
        grade=evaluation.grade,
    )


async def _copy_to_project(work: UnitOfWork, project: Project, evaluation: ProjectEvaluation) -> None:
    """Copy the score, grade and state to the project, which shows them."""
    project.evaluation = {
        "id": str(evaluation.id),
        "score": format_points(evaluation.score),
        "grade": evaluation.grade_label,
        "state": evaluation.state.value,
        "text": evaluation.text,
        "on": work.today.isoformat(),
    }
    project.evaluated_by = evaluation.submitted_by
    event = ProjectEvaluated(
        project_id=project.id,
        score=format_points(evaluation.score),
        grade=evaluation.grade_label,
        state=evaluation.state.value,
    )
    await save_record(work, project, event)


async def transition_evaluation(
    work: UnitOfWork,
    project_id: UUID,
    action: EvaluationAction,
    body: EvaluationTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> ProjectEvaluation | TransitionPreview:
    """Review or return an evaluation, or submit it again; a review computes the score from the current records."""
    computes_score = action is not EvaluationAction.RETURN
    target = await _request_target(work, project_id) if computes_score else None
    project = await projects.get_project(work, project_id, lock=True)
    evaluation = await _get_evaluation(work, project, lock=True)
    rule, sheet = await _load_sheet(work, project)
    result = compute_score(
        sheet, await _load_facts(work, project, target), _merge_given_points(evaluation, body.items)
    )
    if computes_score and result.wrong:
        detail = "；".join(error.detail for error in result.wrong)
        raise Invalid(detail, "The sheet is filled in wrongly", errors=result.wrong)
    if computes_score and not result.missing and not dry_run:
        get_transition(work, EVALUATION_LIFECYCLE, evaluation, action, request=body, match=match)
        _set_score(evaluation, rule, sheet, result)
        _set_actor(work, evaluation, action, body)
    facts = EvaluationFacts(result.missing, body.reason, body.opinion)
    preview = await apply_transition(
        work,
        EVALUATION_LIFECYCLE,
        evaluation,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=_make_event_factory(evaluation),
    )
    if preview is not None:
        return preview
    await _copy_to_project(work, project, evaluation)
    return evaluation


def _set_actor(
    work: UnitOfWork,
    evaluation: ProjectEvaluation,
    action: EvaluationAction,
    body: EvaluationTransitionRequest,
) -> None:
    """Record who performed the action; the transaction rolls back when the transition is refused."""
    if action is EvaluationAction.REVIEW:
        evaluation.reviewed_by, evaluation.opinion = work.actor.id, body.opinion
    else:
        evaluation.submitted_by, evaluation.self_score, evaluation.self_items = (
            work.actor.id,
            evaluation.score,
            evaluation.items,
        )


def _merge_given_points(evaluation: ProjectEvaluation, items: Sequence[GivenPoints]) -> list[GivenPoints]:
    """Combine the reviewer's points with the self-evaluation's points for items the reviewer left out."""
    reviewed_codes = {item.code for item in items}
    earlier = [
        GivenPoints(code=item["code"], points=item["points"], reason=item["reason"])
        for item in evaluation.items
        if not item["computed"] and item["code"] not in reviewed_codes and item["reason"]
    ]
    return [*items, *earlier]


async def _get_evaluation(work: UnitOfWork, project: Project, *, lock: bool) -> ProjectEvaluation:
    evaluation = await repository.find_evaluation(work, project.id, lock=lock)
    if evaluation is None:
        raise NotFound("项目还没有自评", "The project was not evaluated yet")
    return evaluation


async def get_evaluation_detail(work: UnitOfWork, project_id: UUID) -> EvaluationDetail:
    """Return stored scores, scores by current records, and available actions; works while the funds service is unavailable."""
    target, funds_unavailable = None, False
    try:
        target = await _request_target(work, project_id)
    except ApiError:
        funds_unavailable = True
    project = await projects.get_project(work, project_id)
    evaluation = await repository.find_evaluation(work, project.id)
    rule, sheet = await _load_sheet(work, project)
    facts = await _load_facts(work, project, target, funds_unavailable=funds_unavailable)
    result = compute_score(sheet, facts, [] if evaluation is None else _merge_given_points(evaluation, []))
    due_on = project.accepted_on and project.accepted_on + timedelta(days=sheet.due_days)
    return EvaluationDetail(
        project_id=project.id,
        evaluation=None if evaluation is None else build_evaluation_read(evaluation),
        items=[] if evaluation is None else evaluation.items,
        now=result.items,
        score_now=None if result.score is None else format_points(result.score),
        missing=[_build_fault_read(error) for error in result.missing],
        rule=rule.ref,
        basis=rule.basis,
        confirmed=rule.confirmed,
        due_on=due_on,
        available_actions=[]
        if evaluation is None
        else available_actions(work, EVALUATION_LIFECYCLE, evaluation, EvaluationFacts(result.missing)),
    )


def _build_fault_read(fault: FieldError) -> FieldErrorRead:
    return FieldErrorRead(pointer=fault.pointer, code=fault.code, detail=fault.detail)
