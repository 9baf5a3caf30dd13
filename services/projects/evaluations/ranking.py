"""Evaluations as they are shown and counted."""

from services.projects.evaluations import repository
from services.projects.evaluations.lifecycle import EvaluationState
from services.projects.evaluations.models import Evaluation
from services.projects.evaluations.repository import Wanted
from services.projects.evaluations.schemas import EvaluationCounts, EvaluationRead, GradeCount
from services.projects.evaluations.scoring import shown
from services.projects.evaluations.sheet import Sheet
from shared.work import Work


def read(row: Evaluation) -> EvaluationRead:
    """An evaluation as it is shown."""
    values = {name: getattr(row, name) for name in EvaluationRead.model_fields if hasattr(row, name)}
    return EvaluationRead.model_validate(
        {
            **values,
            "score": shown(row.score),
            "self_score": shown(row.self_score),
            "rows": f"/api/v1/projects/{row.project_id}/evaluation",
        }
    )


async def counts(work: Work, region: str, year: int | None, category: str | None) -> EvaluationCounts:
    """How many projects have which grade; each figure opens to its rows."""
    rule = await work.rule("evaluation.sheet", region=region)
    sheet = Sheet.model_validate(rule.value)
    rows = await repository.counts(work, Wanted(region=region, year=year, category=category))
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
