"""Plan the progress of a project by month."""

from uuid import UUID

from services.projects.milestones.service import lock_plannable_project
from services.projects.projects.models import Project
from services.projects.schedules.calculation import find_faults, set_due_days
from services.projects.schedules.schemas import ScheduleWrite
from shared.china import format_yuan
from shared.clients.projects import ProjectChanged
from shared.errors import Invalid
from shared.records import save_record
from shared.unit_of_work import UnitOfWork


async def replace_schedule(work: UnitOfWork, project_id: UUID, body: ScheduleWrite) -> Project:
    """Replace the planned progress; no points take it away. Invalid with a pointer to each point that does not fit."""
    project = await lock_plannable_project(work, project_id)
    if faults := list(find_faults(body.points, project.total)):
        raise Invalid(f"计划进度填写有误: {faults[0].detail}", "The schedule is not valid", errors=faults)
    project.schedule = [point.model_dump() for point in body.points]
    set_due_days(project)
    told = [f"{one.month} {one.physical_percent}% {format_yuan(one.payment)}元" for one in body.points]
    event = ProjectChanged(project_id=project.id, changed={"schedule": told})
    await save_record(work, project, event)
    return project
