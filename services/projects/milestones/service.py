"""Replace and complete milestones."""

from datetime import date
from uuid import UUID

from services.projects.milestones import repository
from services.projects.milestones.models import Milestone
from services.projects.milestones.schemas import MilestoneCompletion, MilestoneRead, MilestonesWrite
from services.projects.projects import repository as projects
from services.projects.projects.lifecycle import CONSTRUCTION_STATES, State
from services.projects.projects.models import Project
from shared.auth import May
from shared.clients.projects import MilestoneReached, ProjectChanged
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.records import save_record
from shared.unit_of_work import UnitOfWork

PLANNABLE_STATES = frozenset({State.RESERVE, State.PLANNED, State.SUSPENDED, *CONSTRUCTION_STATES})


async def lock_plannable_project(work: UnitOfWork, project_id: UUID) -> Project:
    """Lock a project whose works the caller may plan; raise Conflict when they are over or not decided."""
    project = await projects.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region, department=project.managing_unit)
    if project.state not in PLANNABLE_STATES:
        raise Conflict(
            f"项目{project.state.label}, 不能编排节点和计划进度", f"The project is {project.state}"
        )
    return project


async def replace_milestones(
    work: UnitOfWork, project_id: UUID, body: MilestonesWrite
) -> list[MilestoneRead]:
    """Replace the milestones that are not completed; completed ones stay."""
    project = await lock_plannable_project(work, project_id)
    names = [milestone.name for milestone in body.items]
    await repository.delete_open_milestones(work, project.id)
    completed_names = {milestone.name for milestone in await repository.list_milestones(work, project.id)}
    if len(names) != len(set(names)) or completed_names & set(names):
        detail = "节点名称重复"
        raise Invalid(detail, errors=[FieldError("twice", detail, "a name stands twice", "/items")])
    work.session.add_all(
        Milestone(id=new_id(), project_id=project.id, name=milestone.name, planned_on=milestone.planned_on)
        for milestone in body.items
    )
    await work.session.flush()
    event = ProjectChanged(
        project_id=project.id,
        changed={"milestones": [f"{milestone.name} {milestone.planned_on}" for milestone in body.items]},
    )
    await save_record(work, project, event)
    return await list_milestones(work, project.id)


async def complete_milestone(
    work: UnitOfWork, project_id: UUID, milestone_id: UUID, body: MilestoneCompletion
) -> MilestoneRead:
    """Complete a milestone; repeating the same date has no effect, another date raises Conflict."""
    project = await lock_plannable_project(work, project_id)
    milestone = await repository.get_milestone(work, project.id, milestone_id)
    if milestone.done_on is not None:
        if milestone.done_on == body.done_on:
            return _build_read(milestone, work.today)
        raise Conflict(f"节点已于 {milestone.done_on} 完成", "Reached already")
    if body.done_on > work.today:
        detail = "完成日期不能晚于今天"
        raise Invalid(detail, errors=[FieldError("in_the_future", detail, "in the future", "/done_on")])
    milestone.done_on, milestone.done_by, milestone.remark = body.done_on, work.actor.id, body.remark
    work.session.add(milestone)
    event = MilestoneReached(
        project_id=project.id, milestone_id=milestone.id, name=milestone.name, done_on=body.done_on
    )
    await save_record(work, project, event)
    return _build_read(milestone, work.today)


async def list_milestones(work: UnitOfWork, project_id: UUID) -> list[MilestoneRead]:
    """Return the milestones of a project with their delay in days. The caller has checked access to the project."""
    return [_build_read(row, work.today) for row in await repository.list_milestones(work, project_id)]


def _build_read(milestone: Milestone, today: date) -> MilestoneRead:
    late_days = ((milestone.done_on or today) - milestone.planned_on).days
    return MilestoneRead.model_validate(milestone).model_copy(update={"late_days": max(late_days, 0)})
