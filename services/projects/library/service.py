"""Reading projects, their history, and keeping what the implementing side says of its own work."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.commitments import repository as commitments
from services.projects.library import repository
from services.projects.library.facts import Told, gather
from services.projects.library.lifecycle import PROJECT
from services.projects.library.models import Project
from services.projects.library.reads import (
    History,
    HistoryItem,
    PlaceRead,
    ProjectDetail,
    ProjectRead,
    Reached,
)
from services.projects.library.schemas import (
    Evaluation,
    PlannedMoneyWrite,
    ProjectAct,
    TargetWrite,
)
from services.projects.library.states import State
from services.projects.progress import repository as progress
from services.projects.progress.models import Progress
from shared.contracts.projects import ProjectEvaluated
from shared.errors import Conflict
from shared.http import Match
from shared.moves import offers
from shared.permissions import May
from shared.work import Work

EVALUATED_IN = frozenset({State.COMPLETED, State.ACCEPTED, State.HANDED_OVER})
DAY = timedelta(days=1)


async def detail(work: Work, project_id: UUID) -> ProjectDetail:
    """The project with everything that belongs to it, and what the caller could do with it now."""
    project = await repository.get(work, project_id)
    facts = await gather(work, project, ProjectAct(), on=work.today, told=Told())
    kinds = await attachments.kinds(work, [project.id])
    return ProjectDetail(
        **ProjectRead.model_validate(project).model_dump(),
        places=[PlaceRead.model_validate(one) for one in await repository.places(work, project.id)],
        money=[PlannedMoneyWrite.model_validate(one) for one in await repository.money(work, project.id)],
        targets=[TargetWrite.model_validate(one) for one in await repository.targets(work, project.id)],
        reached=_reached(project, await progress.before(work, project.id, work.today)),
        documents=sorted(kinds[project.id]),
        committed=await commitments.open_amount(work, project.id),
        available_actions=offers(work, PROJECT, project, facts),
    )


def _reached(project: Project, last: Progress | None) -> list[Reached]:
    planned = {(one["name"], one["unit"]): Decimal(one["amount"]) for one in project.quantities}
    done = {(one["name"], one["unit"]): Decimal(one["amount"]) for one in (last.quantities if last else ())}
    found = []
    for name, unit in dict.fromkeys([*planned, *done]):
        wanted, made = planned.get((name, unit), Decimal(0)), done.get((name, unit), Decimal(0))
        percent = int(made * 100 / wanted) if wanted else None
        found.append(Reached(name=name, unit=unit, planned=wanted, done=made, percent=percent))
    return found


async def history(work: Work, project_id: UUID, cursor: int, limit: int) -> History:
    """What happened to a project in the order it was recorded."""
    project = await repository.get(work, project_id)
    rows = await repository.history(work, project.id, cursor, limit + 1)
    items = [
        HistoryItem(
            position=str(row.seq),
            type=row.type,
            at=row.recorded_at,
            recorded_at=row.ingested_at,
            late_days=(row.ingested_at - row.recorded_at) // DAY,
            actor=row.actor,
            on_behalf_of=row.on_behalf_of,
            reason=row.reason,
            before=row.before,
            after=row.after,
        )
        for row in rows[:limit]
    ]
    return History(items=items, next_cursor=items[-1].position if len(rows) > limit else None)


async def evaluate(work: Work, project_id: UUID, body: Evaluation, match: Match) -> Project:
    """Keep the implementing side's evaluation of its own project, until it is closed."""
    project = await repository.get(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region)
    match.check(project)
    if project.state not in EVALUATED_IN:
        raise Conflict(f"项目{project.state.label}, 不能自评", "Evaluate after completion and before closing")
    before = dict(project.evaluation)
    project.evaluation = {"score": str(body.score), "text": body.text, "on": work.today.isoformat()}
    project.evaluated_by = work.actor.id
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    event = ProjectEvaluated(project_id=project.id, score=str(body.score))
    await work.tell(event, project, before=before)
    return project
