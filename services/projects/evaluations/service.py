"""Evaluating a project: by those who built it, then by another person; the score is made of the records where there are any."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.evaluations import ranking, repository
from services.projects.evaluations.lifecycle import (
    EVALUATION,
    EvaluationAction,
    EvaluationFacts,
    EvaluationState,
)
from services.projects.evaluations.models import Evaluation
from services.projects.evaluations.schemas import (
    EvaluationAct,
    EvaluationDetail,
    Given,
    SelfEvaluation,
)
from services.projects.evaluations.scoring import Scored, fill, shown
from services.projects.evaluations.sheet import Facts, Sheet
from services.projects.library import repository as library
from services.projects.library.models import Project
from services.projects.library.reached import reached
from services.projects.library.states import State
from services.projects.progress import repository as progress
from shared.contracts.funds import FundsClient, TargetView
from shared.contracts.projects import EvaluationMoved, ProjectEvaluated
from shared.errors import Conflict, Fault, FaultRead, Invalid, NotFound, Refusal
from shared.http import Match
from shared.ids import new_id
from shared.moves import Act, Preview, fire, happened, offers
from shared.permissions import May
from shared.rules import Rule
from shared.work import Work

EVALUATED_IN = frozenset({State.COMPLETED, State.ACCEPTED, State.HANDED_OVER})
JUDGED = ("evaluated", "confirmed")
"""States in which finance's performance target has a score that counts."""


async def _sheet(work: Work, project: Project) -> tuple[Rule, Sheet]:
    on = project.completed_on or work.today
    rule = await work.rule("evaluation.sheet", on=on, region=project.region)
    return rule, Sheet.model_validate(rule.value)


async def _target(work: Work, project_id: UUID) -> TargetView | None:
    """The performance target that finance keeps of the project; asked before anything is locked."""
    found = await FundsClient(work.peer("funds")).targets(project_id)
    judged = [one for one in found if one.score is not None and one.state in JUDGED]
    return max(judged, key=lambda one: one.id, default=None)


async def _facts(
    work: Work, project: Project, target: TargetView | None, *, funds_away: bool = False
) -> Facts:
    reports = await progress.all_of(work, project.id)
    return Facts(
        project_id=str(project.id),
        reached=reached(project, reports),
        planned_end=project.planned_end,
        completed_on=project.completed_on,
        allocated=project.allocated,
        paid=project.paid,
        documents=(await attachments.kinds(work, [project.id]))[project.id],
        target=None if target is None or target.score is None else (str(target.id), target.score),
        funds_away=funds_away,
    )


async def evaluate(work: Work, project_id: UUID, body: SelfEvaluation, match: Match) -> Evaluation:
    """Keep the implementing side's evaluation of its own project; a later one replaces it until it is reviewed."""
    target = await _target(work, project_id)
    project = await library.get(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region)
    match.check(project)
    if project.state not in EVALUATED_IN:
        raise Conflict(f"项目{project.state.label}, 不能自评", "Evaluate after completion and before closing")
    rule, sheet = await _sheet(work, project)
    scored = fill(sheet, await _facts(work, project, target), body.items)
    if scored.wrong or scored.missing or scored.score is None:
        faults = [*scored.wrong, *scored.missing]
        raise Invalid("；".join(one.detail for one in faults), "The sheet is not filled in", faults=faults)
    known = await repository.of_project(work, project.id, lock=True)
    if known is not None and known.state is EvaluationState.REVIEWED:
        raise Conflict("评价已复核, 如需重评请由复核人退回", "Reviewed already; have it returned first")
    row = known or _new(work, project, body)
    row.text, row.submitted_by = body.text, work.actor.id
    row.self_score, row.self_items = scored.score, scored.kept()
    _put(row, rule, sheet, scored)
    await _tell(work, project, row, body, fresh=known is None)
    return row


def _new(work: Work, project: Project, body: SelfEvaluation) -> Evaluation:
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
    row.state_since = happened(Act(happened_at=body.happened_at), row.state_since, work.at)
    return row


def _put(row: Evaluation, rule: Rule, sheet: Sheet, scored: Scored) -> None:
    assert scored.score is not None  # noqa: S101 - the guards saw to it
    grade = sheet.grade(scored.score)
    row.score, row.items = scored.score, scored.kept()
    row.grade, row.grade_label, row.rule = grade.code, grade.label, rule.ref


async def _tell(work: Work, project: Project, row: Evaluation, body: SelfEvaluation, *, fresh: bool) -> None:
    """Write the evaluation and the project's copy of it, and tell both."""
    if row.state is EvaluationState.RETURNED:
        act = EvaluationAct(happened_at=body.happened_at)
        facts = EvaluationFacts()
        await fire(work, EVALUATION, row, EvaluationAction.SUBMIT, facts, act=act, event=_event(row))
    else:
        was = "" if fresh else row.state.value
        row.version += not fresh
        row.updated_at = work.at
        work.session.add(row)
        await work.session.flush()
        await work.tell(_event(row)(was, row.state), row, happened_at=body.happened_at)
    await _copy(work, project, row)


def _event(row: Evaluation) -> Callable[[str, str], EvaluationMoved]:
    return lambda was, now: EvaluationMoved(
        evaluation_id=row.id,
        project_id=row.project_id,
        was=was,
        now=now,
        score=shown(row.score),
        grade=row.grade,
    )


async def _copy(work: Work, project: Project, row: Evaluation) -> None:
    """What the project itself shows of its evaluation."""
    project.evaluation = {
        "id": str(row.id),
        "score": shown(row.score),
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
        project_id=project.id, score=shown(row.score), grade=row.grade_label, state=row.state.value
    )
    await work.tell(event, project)


async def act(
    work: Work,
    project_id: UUID,
    action: EvaluationAction,
    body: EvaluationAct,
    *,
    match: Match,
    dry_run: bool,
) -> Evaluation | Preview:
    """Review an evaluation or send it back. A review scores anew by the records of the day."""
    scoring = action is not EvaluationAction.RETURN
    target = await _target(work, project_id) if scoring else None
    project = await library.get(work, project_id, lock=True)
    row = await _row(work, project, lock=True)
    rule, sheet = await _sheet(work, project)
    scored = fill(sheet, await _facts(work, project, target), _given(row, body.items))
    if scoring and scored.wrong:
        detail = "；".join(one.detail for one in scored.wrong)
        raise Invalid(detail, "The sheet is filled in wrongly", faults=scored.wrong)
    if scoring and not scored.missing and not dry_run:
        EVALUATION.move(row.state, action)
        _put(row, rule, sheet, scored)
        _sign(work, row, action, body)
    facts = EvaluationFacts(scored.missing, body.reason, body.opinion)
    preview = await fire(
        work, EVALUATION, row, action, facts, act=body, match=match, dry_run=dry_run, event=_event(row)
    )
    if preview is not None:
        return preview
    await _copy(work, project, row)
    return row


def _sign(work: Work, row: Evaluation, action: EvaluationAction, body: EvaluationAct) -> None:
    """Who says so; a move that is then refused leaves none of it."""
    if action is EvaluationAction.REVIEW:
        row.reviewed_by, row.opinion = work.actor.id, body.opinion
    else:
        row.submitted_by, row.self_score, row.self_items = work.actor.id, row.score, row.items


def _given(row: Evaluation, items: Sequence[Given]) -> list[Given]:
    """What the reviewer gave, and for the rest what the project gave itself."""
    mine = {one.code for one in items}
    kept = [
        Given(code=one["code"], points=one["points"], reason=one["reason"])
        for one in row.items
        if not one["computed"] and one["code"] not in mine and one["reason"]
    ]
    return [*items, *kept]


async def _row(work: Work, project: Project, *, lock: bool) -> Evaluation:
    row = await repository.of_project(work, project.id, lock=lock)
    if row is None:
        raise NotFound("项目还没有自评", "The project was not evaluated yet")
    return row


async def detail(work: Work, project_id: UUID) -> EvaluationDetail:
    """What was scored, what the records say now, and what the caller could do."""
    target, away = None, False
    try:
        target = await _target(work, project_id)
    except Refusal:
        away = True
    project = await library.get(work, project_id)
    row = await repository.of_project(work, project.id)
    rule, sheet = await _sheet(work, project)
    facts = await _facts(work, project, target, funds_away=away)
    scored = fill(sheet, facts, [] if row is None else _given(row, []))
    due = project.accepted_on and project.accepted_on + timedelta(days=sheet.due_days)
    return EvaluationDetail(
        project_id=project.id,
        evaluation=None if row is None else ranking.read(row),
        items=[] if row is None else row.items,
        now=scored.items,
        score_now=None if scored.score is None else shown(scored.score),
        missing=[_shown(one) for one in scored.missing],
        rule=rule.ref,
        basis=rule.basis,
        confirmed=rule.confirmed,
        due_on=due,
        available_actions=[]
        if row is None
        else offers(work, EVALUATION, row, EvaluationFacts(scored.missing)),
    )


def _shown(fault: Fault) -> FaultRead:
    return FaultRead(pointer=fault.pointer, code=fault.code, detail=fault.detail)
