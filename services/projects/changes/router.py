"""Routes of `/projects/{id}/changes` and `/projects/changes`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.projects.changes import repository, service
from services.projects.changes.lifecycle import CHANGE_LIFECYCLE, ChangeAction, ChangeState
from services.projects.changes.models import ChangeRequest
from services.projects.changes.schemas import ChangeCreate, ChangeDetail, ChangeRead, ChangeTransitionRequest
from shared.auth import May
from shared.china import RegionCode
from shared.errors import BadRequest, Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.notices.router import record_notice_router
from shared.records import Act, RecordKind, Todo, turn

router = APIRouter(prefix="/projects", tags=["项目变更"], route_class=Route)
MAX_BODY_BYTES = 256 * 1024
notice_router = record_notice_router(
    "/projects/changes", load=service.load_notice_subject, read=May.PROJECT_READ, post=May.PROJECT_NOTICE
)


@router.post(
    "/{project_id}/changes",
    status_code=201,
    response_model=ChangeRead,
    **requires(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid), body=MAX_BODY_BYTES),
)
async def ask_for_change(work: WriteWork, project_id: UUID, body: ChangeCreate) -> ChangeRequest:
    """提出变更申请."""
    return await service.create_change(work, project_id, body)


@router.get("/changes", response_model=Page[ChangeRead], **requires(May.PROJECT_READ, refuses=(BadRequest,)))
async def list_changes(
    work: ReadWork,
    params: Pagination,
    project_id: UUID | None = None,
    state: ChangeState | None = None,
    region: RegionCode | None = None,
    unpublished: Annotated[bool, Query(description="只看审定后逾期未公示的")] = False,
) -> PageAnswer:
    """变更申请."""
    return await repository.list_changes(
        work, params, project_id=project_id, state=state, region=region, unpublished=unpublished
    )


@router.get(
    "/changes/{change_id}", response_model=ChangeDetail, **requires(May.PROJECT_READ, refuses=(NotFound,))
)
async def read_change(work: ReadWork, change_id: UUID) -> ChangeDetail:
    """变更申请和可办事项."""
    return await service.get_change_detail(work, change_id)


@router.post(
    "/changes/{change_id}/{action}",
    response_model=ChangeRead | TransitionPreview,
    **moves(CHANGE_LIFECYCLE),
)
async def act_on_change(
    work: WriteWork,
    change_id: UUID,
    action: ChangeAction,
    body: ChangeTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> ChangeRequest | TransitionPreview:
    """办理变更: 审定, 公示期满后生效, 不予变更, 撤回."""
    return await service.transition_change(work, change_id, action, body, match=match, dry_run=dry_run)


CHANGE_KIND = RecordKind(
    name="project_change",
    label="变更申请",
    path="/projects/changes",
    model=ChangeRequest,
    read=ChangeRead,
    may=May.PROJECT_READ,
    title="project_name",
    columns=("project_name", "reason", "region", "state", "decision_no", "approved_on", "republish_by"),
    create="/projects/{project_id}/changes",
    filters=("project_id", "state", "region", "unpublished"),
    search=("project_name", "reason"),
    parents={"project_id": "project"},
    lifecycle=CHANGE_LIFECYCLE,
    topics=("project.change_moved",),
    acts=(Act("发布公示", "/projects/changes/{id}/notices"),),
    turns=(
        turn(ChangeState.SUBMITTED, ChangeAction.APPROVE, "待审定的变更申请"),
        turn(ChangeState.APPROVED, ChangeAction.APPLY, "待执行的变更"),
    ),
    todo=(
        Todo(
            "unpublished.true",
            "逾期未公示的变更",
            (May.PROJECT_NOTICE,),
            lambda work: repository.build_unpublished_condition(work.today),
            due="republish_by",
        ),
    ),
)
