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
from services.projects.evaluations.models import Evaluation
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
from services.projects.progress import repository as progress
from services.projects.progress.calculation import compute_quantity_progress
from services.projects.projects import repository as library
from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
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
)
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork


def build_evaluation_read(row: Evaluation) -> EvaluationRead:
    """An evaluation as it is shown."""
    values = {name: getattr(row, name) for name in EvaluationRead.model_fields if hasattr(row, name)}
    return EvaluationRead.model_validate(
        {
            **values,
            "score": format_points(row.score),
            "self_score": format_points(row.self_score),
            "rows": f"/api/v1/projects/{row.project_id}/evaluation",
        }
    )


async def count_grades(
    work: UnitOfWork, region: str, year: int | None, category: str | None
) -> EvaluationCounts:
    """How many projects have which grade; each figure opens to its rows."""
    rule = await work.get_rule("evaluation.sheet", region=region)
    sheet = ScoreSheet.model_validate(rule.value)
    rows = await repository.count_by_grade(
        work, EvaluationFilter(region=region, year=year, category=category)
    )
    reviewed = {row.grade: row.number for row in rows if row.state == EvaluationState.REVIEWED}
    waiting = sum(row.number for row in rows if row.state == EvaluationState.SUBMITTED)
    labels = {one.code: one.label for one in sheet.grades}
    more = (f"&year={year}" if year else "") + (f"&category={category}" if category else "")
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
                rows=f"/api/v1/projects/evaluations?region={region}&state=reviewed&grade={code}{more}",
            )
            for code in dict.fromkeys([*labels, *reviewed])
        ],
    )


EVALUABLE_STATES = frozenset({State.COMPLETED, State.ACCEPTED, State.HANDED_OVER})
SCORED_TARGET_STATES = ("evaluated", "confirmed")
"""States in which finance's performance target has a score that counts."""


async def _load_sheet(work: UnitOfWork, project: Project) -> tuple[Rule, ScoreSheet]:
    on = project.completed_on or work.today
    rule = await work.get_rule("evaluation.sheet", on=on, region=project.region)
    return rule, ScoreSheet.model_validate(rule.value)


async def _request_target(work: UnitOfWork, project_id: UUID) -> TargetView | None:
    """The performance target that finance keeps of the project; asked before anything is locked."""
    found = await FundsClient(work.service_client("funds")).list_targets(project_id)
    judged = [one for one in found if one.score is not None and one.state in SCORED_TARGET_STATES]
    return max(judged, key=lambda one: one.id, default=None)


async def _load_facts(
    work: UnitOfWork, project: Project, target: TargetView | None, *, funds_away: bool = False
) -> ScoringFacts:
    reports = await progress.list_all_reports(work, project.id)
    return ScoringFacts(
        project_id=str(project.id),
        reached=compute_quantity_progress(project, reports),
        planned_end=project.planned_end,
        completed_on=project.completed_on,
        allocated=project.allocated,
        paid=project.paid,
        documents=(await attachments.list_document_kinds(work, [project.id]))[project.id],
        target=None if target is None or target.score is None else (str(target.id), target.score),
        funds_unavailable=funds_away,
    )


async def submit_self_evaluation(
    work: UnitOfWork, project_id: UUID, body: SelfEvaluation, match: VersionMatch
) -> Evaluation:
    """Keep the implementing side's evaluation of its own project; a later one replaces it until it is reviewed."""
    target = await _request_target(work, project_id)
    project = await library.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region)
    match.check_version(project)
    if project.state not in EVALUABLE_STATES:
        raise Conflict(f"项目{project.state.label}, 不能自评", "Evaluate after completion and before closing")
    rule, sheet = await _load_sheet(work, project)
    scored = compute_score(sheet, await _load_facts(work, project, target), body.items)
    if scored.wrong or scored.missing or scored.score is None:
        faults = [*scored.wrong, *scored.missing]
        raise Invalid("；".join(one.detail for one in faults), "The sheet is not filled in", errors=faults)
    known = await repository.find_evaluation(work, project.id, lock=True)
    if known is not None and known.state is EvaluationState.REVIEWED:
        raise Conflict("评价已复核, 如需重评请由复核人退回", "Reviewed already; have it returned first")
    row = known or _build_evaluation(work, project, body)
    row.text, row.submitted_by = body.text, work.actor.id
    row.self_score, row.self_items = scored.score, scored.serialize_items()
    _set_score(row, rule, sheet, scored)
    await _publish_evaluation(work, project, row, body, fresh=known is None)
    return row


def _build_evaluation(work: UnitOfWork, project: Project, body: SelfEvaluation) -> Evaluation:
    row = Evaluation(
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
    row.state_since = effective_time(
        TransitionRequest(happened_at=body.happened_at), row.state_since, work.at
    )
    return row


def _set_score(row: Evaluation, rule: Rule, sheet: ScoreSheet, scored: ScoreResult) -> None:
    assert scored.score is not None  # noqa: S101 - the guards saw to it
    grade = sheet.find_grade(scored.score)
    row.score, row.items = scored.score, scored.serialize_items()
    row.grade, row.grade_label, row.rule = grade.code, grade.label, rule.ref


async def _publish_evaluation(
    work: UnitOfWork, project: Project, row: Evaluation, body: SelfEvaluation, *, fresh: bool
) -> None:
    """Write the evaluation and the project's copy of it, and tell both."""
    if row.state is EvaluationState.RETURNED:
        act = EvaluationTransitionRequest(happened_at=body.happened_at)
        facts = EvaluationFacts()
        await apply_transition(
            work,
            EVALUATION_LIFECYCLE,
            row,
            EvaluationAction.SUBMIT,
            facts,
            request=act,
            event=_make_event_factory(row),
        )
    else:
        was = "" if fresh else row.state.value
        row.version += not fresh
        row.updated_at = work.at
        work.session.add(row)
        await work.session.flush()
        await work.publish(_make_event_factory(row)(was, row.state), row, happened_at=body.happened_at)
    await _copy_to_project(work, project, row)


def _make_event_factory(row: Evaluation) -> Callable[[str, str], EvaluationMoved]:
    return lambda was, now: EvaluationMoved(
        evaluation_id=row.id,
        project_id=row.project_id,
        was=was,
        now=now,
        score=format_points(row.score),
        grade=row.grade,
    )


async def _copy_to_project(work: UnitOfWork, project: Project, row: Evaluation) -> None:
    """What the project itself shows of its evaluation."""
    project.evaluation = {
        "id": str(row.id),
        "score": format_points(row.score),
        "grade": row.grade_label,
        "state": row.state.value,
        "text": row.text,
        "on": work.today.isoformat(),
    }
    project.evaluated_by = row.submitted_by
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    event = ProjectEvaluated(
        project_id=project.id, score=format_points(row.score), grade=row.grade_label, state=row.state.value
    )
    await work.publish(event, project)


async def transition_evaluation(
    work: UnitOfWork,
    project_id: UUID,
    action: EvaluationAction,
    body: EvaluationTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> Evaluation | TransitionPreview:
    """Review an evaluation or send it back. A review scores anew by the records of the day."""
    scoring = action is not EvaluationAction.RETURN
    target = await _request_target(work, project_id) if scoring else None
    project = await library.get_project(work, project_id, lock=True)
    row = await _get_evaluation(work, project, lock=True)
    rule, sheet = await _load_sheet(work, project)
    scored = compute_score(
        sheet, await _load_facts(work, project, target), _merge_given_points(row, body.items)
    )
    if scoring and scored.wrong:
        detail = "；".join(one.detail for one in scored.wrong)
        raise Invalid(detail, "The sheet is filled in wrongly", errors=scored.wrong)
    if scoring and not scored.missing and not dry_run:
        EVALUATION_LIFECYCLE.get_transition(row.state, action)
        _set_score(row, rule, sheet, scored)
        _set_actor(work, row, action, body)
    facts = EvaluationFacts(scored.missing, body.reason, body.opinion)
    preview = await apply_transition(
        work,
        EVALUATION_LIFECYCLE,
        row,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=_make_event_factory(row),
    )
    if preview is not None:
        return preview
    await _copy_to_project(work, project, row)
    return row


def _set_actor(
    work: UnitOfWork, row: Evaluation, action: EvaluationAction, body: EvaluationTransitionRequest
) -> None:
    """Who says so; a move that is then refused leaves none of it."""
    if action is EvaluationAction.REVIEW:
        row.reviewed_by, row.opinion = work.actor.id, body.opinion
    else:
        row.submitted_by, row.self_score, row.self_items = work.actor.id, row.score, row.items


def _merge_given_points(row: Evaluation, items: Sequence[GivenPoints]) -> list[GivenPoints]:
    """What the reviewer gave, and for the rest what the project gave itself."""
    mine = {one.code for one in items}
    kept = [
        GivenPoints(code=one["code"], points=one["points"], reason=one["reason"])
        for one in row.items
        if not one["computed"] and one["code"] not in mine and one["reason"]
    ]
    return [*items, *kept]


async def _get_evaluation(work: UnitOfWork, project: Project, *, lock: bool) -> Evaluation:
    row = await repository.find_evaluation(work, project.id, lock=lock)
    if row is None:
        raise NotFound("项目还没有自评", "The project was not evaluated yet")
    return row


async def get_evaluation_detail(work: UnitOfWork, project_id: UUID) -> EvaluationDetail:
    """What was scored, what the records say now, and what the caller could do."""
    target, away = None, False
    try:
        target = await _request_target(work, project_id)
    except ApiError:
        away = True
    project = await library.get_project(work, project_id)
    row = await repository.find_evaluation(work, project.id)
    rule, sheet = await _load_sheet(work, project)
    facts = await _load_facts(work, project, target, funds_away=away)
    scored = compute_score(sheet, facts, [] if row is None else _merge_given_points(row, []))
    due = project.accepted_on and project.accepted_on + timedelta(days=sheet.due_days)
    return EvaluationDetail(
        project_id=project.id,
        evaluation=None if row is None else build_evaluation_read(row),
        items=[] if row is None else row.items,
        now=scored.items,
        score_now=None if scored.score is None else format_points(scored.score),
        missing=[_build_fault_read(one) for one in scored.missing],
        rule=rule.ref,
        basis=rule.basis,
        confirmed=rule.confirmed,
        due_on=due,
        available_actions=[]
        if row is None
        else available_actions(work, EVALUATION_LIFECYCLE, row, EvaluationFacts(scored.missing)),
    )


def _build_fault_read(fault: FieldError) -> FieldErrorRead:
    return FieldErrorRead(pointer=fault.pointer, code=fault.code, detail=fault.detail)
