"""Planning milestones and reaching them."""

from datetime import date
from uuid import UUID

from services.projects.library import repository as library
from services.projects.library.models import Project
from services.projects.library.states import BUILDING, State
from services.projects.milestones import repository
from services.projects.milestones.models import Milestone
from services.projects.milestones.schemas import MilestoneDone, MilestoneRead, MilestonesWrite
from shared.contracts.projects import MilestoneReached, ProjectChanged
from shared.errors import Conflict, Fault, Invalid
from shared.ids import new_id
from shared.permissions import May
from shared.work import Work

PLANNABLE = frozenset({State.RESERVE, State.PLANNED, State.SUSPENDED, *BUILDING})


async def _project(work: Work, project_id: UUID) -> Project:
    project = await library.get(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region)
    if project.state not in PLANNABLE:
        raise Conflict(f"项目{project.state.label}, 节点不再变动", f"The project is {project.state}")
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    return project


async def plan(work: Work, project_id: UUID, body: MilestonesWrite) -> list[MilestoneRead]:
    """Replace the milestones that were not reached yet; those that were stay."""
    project = await _project(work, project_id)
    names = [one.name for one in body.items]
    await repository.forget_open(work, project.id)
    done = {one.name for one in await repository.of_project(work, project.id)}
    if len(names) != len(set(names)) or done & set(names):
        detail = "节点名称重复"
        raise Invalid(detail, faults=[Fault("twice", detail, "a name stands twice", "/items")])
    work.session.add_all(
        Milestone(id=new_id(), project_id=project.id, name=one.name, planned_on=one.planned_on)
        for one in body.items
    )
    await work.session.flush()
    event = ProjectChanged(
        project_id=project.id,
        changed={"milestones": [f"{one.name} {one.planned_on}" for one in body.items]},
    )
    await work.tell(event, project)
    return await listed(work, project.id)


async def reach(work: Work, project_id: UUID, milestone_id: UUID, body: MilestoneDone) -> MilestoneRead:
    """A milestone was reached; the same day again is the first success."""
    project = await _project(work, project_id)
    row = await repository.get(work, project.id, milestone_id)
    if row.done_on is not None:
        if row.done_on == body.done_on:
            return _read(row, work.today)
        raise Conflict(f"节点已于 {row.done_on} 完成", "Reached already")
    if body.done_on > work.today:
        detail = "完成日期不能晚于今天"
        raise Invalid(detail, faults=[Fault("in_the_future", detail, "in the future", "/done_on")])
    row.done_on, row.done_by, row.remark = body.done_on, work.actor.id, body.remark
    work.session.add(row)
    event = MilestoneReached(project_id=project.id, milestone_id=row.id, name=row.name, done_on=body.done_on)
    await work.tell(event, project)
    return _read(row, work.today)


async def listed(work: Work, project_id: UUID) -> list[MilestoneRead]:
    """The milestones of a project the caller was given."""
    return [_read(row, work.today) for row in await repository.of_project(work, project_id)]


def _read(row: Milestone, today: date) -> MilestoneRead:
    late = ((row.done_on or today) - row.planned_on).days
    return MilestoneRead.model_validate(row).model_copy(update={"late_days": max(late, 0)})
