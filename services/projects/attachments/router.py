"""Routes of `/projects/{id}/documents`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.attachments import repository, service
from services.projects.attachments.models import Attachment
from services.projects.attachments.schemas import AttachmentCreate, AttachmentRead, AttachmentRemove
from services.projects.projects import repository as projects
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/projects", tags=["项目附件"], route_class=Route)


@router.get(
    "/{project_id}/documents",
    response_model=list[AttachmentRead],
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_documents(work: ReadWork, project_id: UUID) -> list[Attachment]:
    """项目附件."""
    await projects.get_project(work, project_id)
    return await repository.list_attachments(work, project_id)


@router.post(
    "/{project_id}/documents",
    status_code=201,
    response_model=AttachmentRead,
    **requires(*service.DOCUMENT_PERMISSIONS, refuses=(NotFound, Conflict, Invalid)),
)
async def add_document(work: WriteWork, project_id: UUID, body: AttachmentCreate) -> Attachment:
    """添加附件."""
    return await service.create_attachment(work, project_id, body)


@router.post(
    "/{project_id}/documents/{attachment_id}/remove",
    response_model=AttachmentRead,
    **requires(*service.DOCUMENT_PERMISSIONS, refuses=(NotFound, Conflict)),
)
async def remove_document(
    work: WriteWork, project_id: UUID, attachment_id: UUID, body: AttachmentRemove
) -> Attachment:
    """撤下附件, 留痕."""
    return await service.remove_attachment(work, project_id, attachment_id, body.reason)
