"""Routes of `/projects/{id}/commitments`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.commitments import repository, service
from services.projects.commitments.models import Commitment
from services.projects.commitments.schemas import CommitmentRead, CommitmentWrite
from services.projects.projects import repository as projects
from shared.auth import May
from shared.errors import Conflict, NotFound
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/projects", tags=["资金安排登记"], route_class=Route)


@router.get(
    "/{project_id}/commitments",
    response_model=list[CommitmentRead],
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_commitments(work: ReadWork, project_id: UUID) -> list[Commitment]:
    """财政已登记的资金安排."""
    await projects.get_project(work, project_id)
    return await repository.list_commitments(work, project_id)


@router.put(
    "/{project_id}/commitments/{commitment_id}",
    response_model=CommitmentRead,
    **requires(May.PROJECT_COMMIT, refuses=(NotFound, Conflict)),
)
async def commit_project(
    work: WriteWork, project_id: UUID, commitment_id: UUID, body: CommitmentWrite
) -> Commitment:
    """登记资金安排, 可重复."""
    return await service.register_commitment(work, project_id, commitment_id, body)


@router.delete(
    "/{project_id}/commitments/{commitment_id}",
    response_model=CommitmentRead,
    **requires(May.PROJECT_COMMIT, refuses=(NotFound,)),
)
async def release_project(work: WriteWork, project_id: UUID, commitment_id: UUID) -> Commitment:
    """撤销登记, 可重复."""
    return await service.release_commitment(work, project_id, commitment_id)
