"""Create progress reports; the first one moves a started project to under construction."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.projects.progress import repository
from services.projects.progress.models import PhotoUse, Progress
from services.projects.progress.rules import PROGRESS_EVIDENCE, PhotoFacts, check_photos, check_quantities
from services.projects.progress.schemas import PhotoWrite, ProgressCreate
from services.projects.projects import repository as projects
from services.projects.projects.lifecycle import PROJECT_LIFECYCLE, Action, State
from services.projects.projects.models import Project
from services.projects.projects.rules import ExternalFacts, gather_project_facts
from services.projects.projects.schemas import ProjectTransitionRequest
from services.projects.projects.transitions import build_moved_event
from services.projects.quantities.rules import QUANTITY_UNITS
from services.projects.quantities.service import store_quantities
from services.projects.schedules.calculation import set_due_days
from shared.clients.projects import ProjectProgressed
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.lifecycle.transitions import apply_transition
from shared.records import log_event, touch_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def create_report(work: UnitOfWork, project_id: UUID, body: ProgressCreate) -> Progress:
    """Store a progress report; a backdated report does not lower the current progress of the project."""
    project = await projects.get_project(work, project_id, lock=True)
    row = PROJECT_LIFECYCLE.get_transition(project.state, Action.PROGRESS)
    work.actor.require(row.may, project.region, department=project.managing_unit)
    if body.id and (existing := await repository.find_report(work, body.id)):
        if (existing.project_id, existing.physical_percent) == (project_id, body.physical_percent):
            return existing
        raise Conflict("这个编号已有另一份进度", "This id is taken by another report")
    happened_at = body.happened_at or work.at
    reported_on = happened_at.astimezone(CHINA_TIME_ZONE).date()
    files = await _validate_report(work, project, body, happened_at, reported_on)
    report = Progress(
        id=body.id or new_id(),
        project_id=project.id,
        reported_on=reported_on,
        physical_percent=body.physical_percent,
        quantities=[quantity.model_dump(mode="json") for quantity in body.quantities],
        photos=[_build_photo(quantity) for quantity in body.photos],
        problems=body.problems,
        reason=body.reason,
        happened_at=happened_at,
        reported_at=work.at,
        reported_by=work.actor.id,
    )
    work.session.add(report)
    await work.session.flush()
    for sha256 in {row.sha256 for row in files.values()}:
        work.session.add(
            PhotoUse(
                sha256=sha256, progress_id=report.id, project_id=project.id, reported_on=report.reported_on
            )
        )
    await work.session.flush()
    if report.quantities:
        await store_quantities(work, project)
    await _advance_project(work, project, report, happened_at)
    return report


async def _validate_report(
    work: UnitOfWork, project: Project, body: ProgressCreate, happened_at: datetime, reported_on: date
) -> Mapping[str, Any]:
    """Raise Invalid for what is wrong with a report, else return the rows of its photo files."""
    errors = []
    if happened_at > work.at:
        errors.append(FieldError("in_the_future", "进度时间不能晚于现在", "in the future", "/happened_at"))
    if project.started_on is not None and reported_on < project.started_on:
        detail = f"进度时间早于开工 {project.started_on}"
        errors.append(FieldError("before_start", detail, "before the start", "/happened_at"))
    if not any(photo.fix is not None for photo in body.photos):
        errors.append(FieldError("no_place", "至少一张照片须有拍摄地点", "no photo has a place", "/photos"))
    reports = await repository.list_reports_until(work, project.id, reported_on)
    earlier = reports[-1] if reports else None
    if earlier is not None and body.physical_percent < earlier.physical_percent and not body.reason.strip():
        detail = f"上次已报 {earlier.physical_percent}%, 调低须说明原因"
        errors.append(FieldError("lower", detail, "lower than before without a reason", "/reason"))
    files = await uploads.require_files(work, [str(photo.file_id) for photo in body.photos])
    rule = (await work.get_rule(PROGRESS_EVIDENCE, on=reported_on, region=project.region)).value
    facts = PhotoFacts(
        files,
        await repository.list_points(work, project.id) if project.lon is not None else (),
        await repository.list_photo_uses(work, (row.sha256 for row in files.values())),
    )
    errors += check_photos(body, facts, rule, happened_at)
    units = (await work.get_rule(QUANTITY_UNITS, region=project.region)).value
    errors += check_quantities(project, reports, body, rule, units)
    if errors:
        first = errors[0]
        raise Invalid(f"进度填写有误: {first.detail}", "The report is not valid", errors=errors)
    return files


def _build_photo(photo: PhotoWrite) -> dict[str, Any]:
    values: dict[str, Any] = {"file_id": str(photo.file_id)}
    if photo.taken_at is not None:
        values["taken_at"] = photo.taken_at.isoformat()
    if photo.fix is not None:
        place = photo.fix.to_wgs84()
        values |= {"lon": place.lon, "lat": place.lat, "given": photo.fix.model_dump(mode="json")}
    return values


async def _advance_project(
    work: UnitOfWork, project: Project, report: Progress, happened_at: datetime
) -> None:
    is_latest = project.progressed_on is None or report.reported_on >= project.progressed_on
    if is_latest:
        project.physical_percent, project.progressed_on = report.physical_percent, report.reported_on
        project.heard_on = report.reported_on
        set_due_days(project)
    if project.state is State.STARTED:
        request = ProjectTransitionRequest(happened_at=max(happened_at, project.state_since))
        facts = await gather_project_facts(
            work, project, request, on=report.reported_on, external=ExternalFacts()
        )
        await apply_transition(
            work,
            PROJECT_LIFECYCLE,
            project,
            Action.PROGRESS,
            facts,
            request=request,
            event=lambda was, now: build_moved_event(project, was, now),
        )
    else:
        touch_record(work, project)
    event = ProjectProgressed(
        project_id=project.id,
        physical_percent=report.physical_percent if is_latest else project.physical_percent or 0,
        reported_on=report.reported_on,
    )
    await log_event(work, project, event, happened_at=happened_at)
