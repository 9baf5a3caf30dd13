"""Reading projects and their history."""

from datetime import timedelta
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.commitments import repository as commitments
from services.projects.library import repository
from services.projects.library.facts import Told, gather
from services.projects.library.lifecycle import PROJECT
from services.projects.library.reached import reached
from services.projects.library.reads import (
    History,
    HistoryItem,
    PlaceRead,
    ProjectDetail,
    ProjectRead,
)
from services.projects.library.schemas import (
    PlannedMoneyWrite,
    ProjectAct,
    TargetWrite,
)
from services.projects.progress import repository as progress
from shared.moves import offers
from shared.work import Work

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
        reached=reached(project, await progress.all_of(work, project.id)),
        documents=sorted(kinds[project.id]),
        committed=await commitments.open_amount(work, project.id),
        available_actions=offers(work, PROJECT, project, facts),
    )


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
