"""`/projects/{id}/changes` and `/projects/changes`: changes of what the library took in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.projects.changes import repository, service
from services.projects.changes.lifecycle import CHANGE, ChangeAction, ChangeState
from services.projects.changes.models import ChangeRequest
from services.projects.changes.schemas import ChangeAct, ChangeCreate, ChangeDetail, ChangeRead
from services.projects.library.schemas import REGION
from shared.errors import BadRequest, Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.notices.router import of_record
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["项目变更"], route_class=Route)
LARGE = 256 * 1024
notices = of_record("/projects/changes", load=service.subject, read=May.PROJECT_READ, post=May.PROJECT_NOTICE)


@router.post(
    "/{project_id}/changes",
    status_code=201,
    response_model=ChangeRead,
    **allows(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid), body=LARGE),
)
async def ask_for_change(work: Writing, project_id: UUID, body: ChangeCreate) -> ChangeRequest:
    """提出变更申请."""
    return await service.ask(work, project_id, body)


@router.get("/changes", response_model=Page[ChangeRead], **allows(May.PROJECT_READ, refuses=(BadRequest,)))
async def list_changes(
    work: Reading,
    asked: Paging,
    project_id: UUID | None = None,
    state: ChangeState | None = None,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    unpublished: Annotated[bool, Query(description="只看审定后逾期未公示的")] = False,
) -> Page[ChangeRequest]:
    """变更申请."""
    return await repository.listed(
        work, asked, project_id=project_id, state=state, region=region, unpublished=unpublished
    )


@router.get(
    "/changes/{change_id}", response_model=ChangeDetail, **allows(May.PROJECT_READ, refuses=(NotFound,))
)
async def read_change(work: Reading, change_id: UUID) -> ChangeDetail:
    """变更申请和可办事项."""
    return await service.detail(work, change_id)


@router.post(
    "/changes/{change_id}/{action}",
    response_model=ChangeRead | Preview,
    description=f"```mermaid\n{CHANGE.mermaid()}\n```",
    **allows(*CHANGE.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_change(
    work: Writing,
    change_id: UUID,
    action: ChangeAction,
    body: ChangeAct,
    match: IfMatch,
    dry_run: bool = False,
) -> ChangeRequest | Preview:
    """办理变更: 审定, 公示期满后生效, 不予变更, 撤回."""
    return await service.act(work, change_id, action, body, match=match, dry_run=dry_run)
