"""Create progress reports; the first one moves a started project to under construction."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.projects.progress import repository
from services.projects.progress.models import Progress
from services.projects.progress.schemas import PhotoWrite, ProgressCreate
from services.projects.projects import repository as library
from services.projects.projects.lifecycle import PROJECT_LIFECYCLE, Action, State
from services.projects.projects.models import Project
from services.projects.projects.rules import ExternalFacts, gather_project_facts
from services.projects.projects.schemas import ProjectTransitionRequest
from services.projects.projects.transitions import build_moved_event
from shared.clients.projects import ProjectProgressed
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.lifecycle.transitions import apply_transition
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def create_report(work: UnitOfWork, project_id: UUID, body: ProgressCreate) -> Progress:
    """Keep a report; a late one of an earlier day does not put the project back."""
    project = await library.get_project(work, project_id, lock=True)
    row = PROJECT_LIFECYCLE.get_transition(project.state, Action.PROGRESS)
    work.actor.require(row.may, project.region)
    if body.id and (known := await repository.find_report(work, body.id)):
        if (known.project_id, known.physical_percent) == (project_id, body.physical_percent):
            return known
        raise Conflict("这个编号已有另一份进度", "This id is taken by another report")
    when = body.happened_at or work.at
    on = when.astimezone(CHINA_TIME_ZONE).date()
    await _validate_report(work, project, body, when, on)
    made = Progress(
        id=body.id or new_id(),
        project_id=project.id,
        reported_on=on,
        physical_percent=body.physical_percent,
        quantities=[one.model_dump(mode="json") for one in body.quantities],
        photos=[_build_photo(one) for one in body.photos],
        problems=body.problems,
        reason=body.reason,
        happened_at=when,
        reported_at=work.at,
        reported_by=work.actor.id,
    )
    work.session.add(made)
    await work.session.flush()
    await _advance_project(work, project, made, when)
    return made


async def _validate_report(
    work: UnitOfWork, project: Project, body: ProgressCreate, when: datetime, on: date
) -> None:
    faults = []
    if when > work.at:
        faults.append(FieldError("in_the_future", "进度时间不能晚于现在", "in the future", "/happened_at"))
    if project.started_on is not None and on < project.started_on:
        detail = f"进度时间早于开工 {project.started_on}"
        faults.append(FieldError("before_start", detail, "before the start", "/happened_at"))
    if not any(photo.fix is not None for photo in body.photos):
        faults.append(FieldError("no_place", "至少一张照片须有拍摄地点", "no photo has a place", "/photos"))
    earlier = await repository.find_last_report(work, project.id, on)
    if earlier is not None and body.physical_percent < earlier.physical_percent and not body.reason.strip():
        detail = f"上次已报 {earlier.physical_percent}%, 调低须说明原因"
        faults.append(FieldError("lower", detail, "lower than before without a reason", "/reason"))
    if faults:
        raise Invalid("进度填写有误", "The report is not valid", errors=faults)
    await uploads.require_files(work, [str(photo.file_id) for photo in body.photos])


def _build_photo(photo: PhotoWrite) -> dict[str, Any]:
    kept: dict[str, Any] = {"file_id": str(photo.file_id)}
    if photo.taken_at is not None:
        kept["taken_at"] = photo.taken_at.isoformat()
    if photo.fix is not None:
        place = photo.fix.to_wgs84()
        kept |= {"lon": place.lon, "lat": place.lat, "given": photo.fix.model_dump(mode="json")}
    return kept


async def _advance_project(work: UnitOfWork, project: Project, made: Progress, when: datetime) -> None:
    newest = project.progressed_on is None or made.reported_on >= project.progressed_on
    if newest:
        project.physical_percent, project.progressed_on = made.physical_percent, made.reported_on
        project.heard_on = made.reported_on
    if project.state is State.STARTED:
        act = ProjectTransitionRequest(happened_at=max(when, project.state_since))
        facts = await gather_project_facts(work, project, act, on=made.reported_on, told=ExternalFacts())
        await apply_transition(
            work,
            PROJECT_LIFECYCLE,
            project,
            Action.PROGRESS,
            facts,
            request=act,
            event=lambda was, now: build_moved_event(project, was, now),
        )
    else:
        project.version += 1
        project.updated_at = work.at
        work.session.add(project)
    event = ProjectProgressed(
        project_id=project.id,
        physical_percent=made.physical_percent if newest else project.physical_percent or 0,
        reported_on=made.reported_on,
    )
    await work.publish(event, project, happened_at=when)
