"""Add and remove attachments of a project."""

from uuid import UUID

from services.projects.attachments import repository
from services.projects.attachments.models import Attachment
from services.projects.attachments.schemas import AttachmentCreate
from services.projects.projects import repository as projects
from services.projects.projects.lifecycle import EDITABLE_STATES, Stage
from services.projects.projects.models import Project
from shared.auth import May
from shared.clients.projects import ProjectDocumented
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.records import save_record
from shared.unit_of_work import UnitOfWork

DOCUMENT_PERMISSIONS = (
    May.PROJECT_DECLARE,
    May.PROJECT_ENDORSE,
    May.PROJECT_APPRAISE,
    May.PROJECT_APPROVE,
    May.PROJECT_IMPLEMENT,
    May.PROJECT_ACCEPT,
)


def _require_any_permission(work: UnitOfWork, project: Project) -> None:
    region, department = project.region, project.managing_unit
    for permission in DOCUMENT_PERMISSIONS:
        if work.actor.has_access(permission, region, department=department):
            return
    work.actor.require(DOCUMENT_PERMISSIONS[0], region, department=department)


async def create_attachment(work: UnitOfWork, project_id: UUID, body: AttachmentCreate) -> Attachment:
    """Attach an uploaded file; repeating a request with the same id returns the first result."""
    project = await projects.get_project(work, project_id, lock=True)
    _require_any_permission(work, project)
    if body.id and (existing := await repository.find_attachment(work, body.id)):
        if (existing.project_id, existing.file_id, existing.kind) == (
            project_id,
            str(body.file_id),
            body.kind,
        ):
            return existing
        raise Conflict("这个编号已有另一份附件", "This id is taken by another attachment")
    if project.stage is Stage.OUT:
        raise Conflict("项目已出库, 不再添加附件", "The project has left the library")
    if body.dated_on is not None and body.dated_on > work.today:
        detail = "文件日期不能晚于今天"
        raise Invalid(detail, errors=[FieldError("in_the_future", detail, "in the future", "/dated_on")])
    await uploads.require_files(work, [str(body.file_id)], "/file_id")
    attachment = Attachment(
        id=body.id or new_id(),
        project_id=project_id,
        kind=body.kind,
        file_id=str(body.file_id),
        title=body.title,
        document_no=body.document_no,
        dated_on=body.dated_on,
        added_at=work.at,
        added_by=work.actor.id,
    )
    work.session.add(attachment)
    await work.session.flush()
    await save_record(
        work, project, ProjectDocumented(project_id=project_id, attachment_id=attachment.id, kind=body.kind)
    )
    return attachment


async def remove_attachment(
    work: UnitOfWork, project_id: UUID, attachment_id: UUID, reason: str
) -> Attachment:
    """Remove a document while the project is editable, or the caller's own document on the day it was added."""
    project = await projects.get_project(work, project_id, lock=True)
    _require_any_permission(work, project)
    attachment = await repository.get_attachment(work, project_id, attachment_id)
    if attachment.removed_at is not None:
        return attachment
    added_today_by_caller = (
        attachment.added_by == work.actor.id and attachment.added_at.date() == work.at.date()
    )
    if project.state not in EDITABLE_STATES and not added_today_by_caller:
        raise Conflict("申报后附件不能撤下, 请补充新的附件", "Documents stay once the project is declared")
    attachment.removed_at, attachment.removed_by, attachment.removed_reason = work.at, work.actor.id, reason
    work.session.add(attachment)
    await save_record(
        work,
        project,
        ProjectDocumented(
            project_id=project_id, attachment_id=attachment.id, kind=attachment.kind, removed=True
        ),
        reason=reason,
    )
    return attachment
