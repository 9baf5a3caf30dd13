"""Moving many projects by one decision: each in a savepoint of its own, all in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from services.projects.batches.schemas import BatchRead, BatchWrite, RollOver, Verdict
from services.projects.changes import repository as changes
from services.projects.library import repository, screens
from services.projects.library.models import Project
from services.projects.library.moving import step
from services.projects.library.states import Action, State
from services.projects.screening.kinds import Occasion
from shared.contracts.projects import ProjectRolledOver
from shared.errors import Conflict, Fault, FaultRead, NotReady, Refusal
from shared.moves import Preview
from shared.permissions import May
from shared.work import Work

One = Callable[[Work, Project], Awaitable[Preview | Project]]


async def move(work: Work, body: BatchWrite, *, dry_run: bool) -> BatchRead:
    """Take every project the same step by the same act; a verdict for each."""
    action = Action(body.action)

    async def one(work: Work, project: Project) -> Preview | Project:
        return await step(work, project, action, body.act, dry_run=dry_run)

    return await _each(work, body.ids, one, dry_run=dry_run)


async def roll_over(work: Work, body: RollOver, *, dry_run: bool) -> BatchRead:
    """Take projects in reserve into a later year, screened by the rules of the day."""

    async def one(work: Work, project: Project) -> Preview | Project:
        return await _roll(work, project, body, dry_run=dry_run)

    return await _each(work, body.ids, one, dry_run=dry_run)


async def _roll(work: Work, project: Project, body: RollOver, *, dry_run: bool) -> Preview | Project:
    work.actor.require(May.PROJECT_PLAN, project.region)
    if project.state is not State.RESERVE:
        raise Conflict(f"项目{project.state.label}, 只有在库未纳入计划的项目滚动", "Only projects in reserve")
    if body.year <= project.year:
        raise Conflict(f"项目年度已是 {project.year}", f"The project is of {project.year} already")
    if await changes.is_open(work, project.id):
        raise Conflict("有未办结的变更申请", "A change request is open")
    was, project.year = project.year, body.year
    found = await screens.ask(work, project)
    if stops := await screens.faults(work, project, found):
        raise NotReady("；".join(one.detail for one in stops), "Screening blocks it", faults=stops)
    if dry_run:
        raise _Undo(project)
    await screens.keep(work, project, found, Occasion.ROLL_OVER)
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    event = ProjectRolledOver(
        project_id=project.id, was_year=was, now_year=body.year, decision_no=body.decision_no
    )
    await work.tell(event, project, before={"year": was}, reason=body.reason)
    return project


class _Undo(Exception):
    """A dry run went through; nothing of it may stay."""

    def __init__(self, project: Project) -> None:
        super().__init__(str(project.id))
        self.name, self.state = project.name, project.state


async def _each(work: Work, ids: Sequence[UUID], one: One, *, dry_run: bool) -> BatchRead:
    verdicts = {}
    for project_id in sorted(set(ids)):  # locked in one order by everybody
        verdicts[project_id] = await _verdict(work, project_id, one)
    items = [verdicts[project_id] for project_id in dict.fromkeys(ids)]
    done = sum(item.done for item in items)
    return BatchRead(dry_run=dry_run, done=done, refused=len(items) - done, items=items)


async def _verdict(work: Work, project_id: UUID, one: One) -> Verdict:
    name = ""
    try:
        async with work.session.begin_nested():
            project = await repository.get(work, project_id, lock=True)
            name = project.name
            return _said(project_id, name, await one(work, project))
    except _Undo as undo:
        return Verdict(id=project_id, name=undo.name, done=True, state=undo.state)
    except Refusal as refusal:
        return Verdict(
            id=project_id,
            name=name,
            done=False,
            problem=refusal.kind(),
            detail=refusal.detail,
            errors=[_fault(fault) for fault in refusal.faults],
        )


def _said(project_id: UUID, name: str, found: Preview | Project) -> Verdict:
    if isinstance(found, Project):
        return Verdict(id=project_id, name=name, done=True, state=found.state)
    return Verdict(
        id=project_id,
        name=name,
        done=found.allowed,
        state=State(found.to_state) if found.allowed else None,
        problem="" if found.allowed else NotReady.kind(),
        detail="；".join(fault.detail for fault in found.missing),
        errors=found.missing,
    )


def _fault(fault: Fault) -> FaultRead:
    return FaultRead(pointer=fault.pointer, code=fault.code, detail=fault.detail)
