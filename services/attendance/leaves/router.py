"""Routes `/attendance/leaves` and `/attendance/delegations`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.leaves import repository, service
from services.attendance.leaves.lifecycle import LEAVE, LeaveAction, LeaveState, is_callers_turn
from services.attendance.leaves.models import Delegation, Leave
from services.attendance.leaves.schemas import (
    DelegationCreate,
    DelegationEnd,
    DelegationRead,
    LeaveAct,
    LeaveCreate,
    LeaveDetail,
    LeaveRead,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, RecordKind, Todo, turn

router = APIRouter(prefix="/attendance", tags=["请假"], route_class=Route)


@router.post(
    "/leaves",
    status_code=201,
    response_model=LeaveDetail,
    **requires(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def request_leave(work: WriteWork, body: LeaveCreate) -> LeaveDetail:
    """请假: 审批链由天数决定, 相连的假合并计算; 回答里有提示."""
    return await service.get_leave_detail(work, (await service.create_leave(work, body)).id)


@router.get("/leaves", response_model=Page[LeaveRead], **requires(May.PRESENCE_READ))
async def list_leaves(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: LeaveState | None = None,
    overdue: Annotated[bool, Query(description="只看到期未销假的")] = False,
    to_approve: Annotated[bool, Query(description="只看轮到本人(或受托)审批的")] = False,
) -> PageAnswer:
    """请假列表."""
    if to_approve:
        return await repository.list_leaves_to_approve(work, page_params)
    where = [col(Leave.state) == LeaveState.APPROVED, col(Leave.ends_on) < work.today] if overdue else []
    equal = {"person": person, "state": state}
    return await records.list_records(
        work,
        page_params,
        Leave,
        read=LeaveRead,
        order="-starts_on",
        region=region,
        equal=equal,
        where=where,
    )


@router.get(
    "/leaves/{leave_id}", response_model=LeaveDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_leave(work: ReadWork, leave_id: UUID) -> LeaveDetail:
    """请假, 提示与可办事项."""
    return await service.get_leave_detail(work, leave_id)


@router.post(
    "/leaves/{leave_id}/{action}",
    response_model=LeaveRead | TransitionPreview,
    **moves(LEAVE),
)
async def act_on_leave(
    work: WriteWork,
    leave_id: UUID,
    action: LeaveAction,
    body: LeaveAct,
    match: IfMatch,
    dry_run: bool = False,
) -> Leave | TransitionPreview:
    """办理请假: 同意并上报, 批准, 不批准, 撤回, 销假."""
    return await service.transition_leave(work, leave_id, action, body, match=match, dry_run=dry_run)


@router.post(
    "/delegations",
    status_code=201,
    response_model=DelegationRead,
    **requires(May.LEAVE_APPROVE, refuses=(NotFound, Conflict, Invalid)),
)
async def delegate(work: WriteWork, body: DelegationCreate) -> Delegation:
    """委托他人审批: for a time, one's own step."""
    return await service.create_delegation(work, body)


@router.post(
    "/delegations/{delegation_id}/end",
    response_model=DelegationRead,
    **requires(May.LEAVE_APPROVE, refuses=(NotFound, Invalid, PreconditionFailed)),
)
async def recall_delegation(
    work: WriteWork, delegation_id: UUID, body: DelegationEnd, match: IfMatch
) -> Delegation:
    """收回委托: the approver is back sooner."""
    return await service.end_delegation(work, delegation_id, body, match)


@router.get("/delegations", response_model=Page[DelegationRead], **requires(May.LEAVE_APPROVE))
async def list_delegations(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    on: Annotated[date | None, Query(description="这一天有效的")] = None,
) -> PageAnswer:
    """审批委托列表."""
    where = [] if on is None else [col(Delegation.starts_on) <= on, col(Delegation.ends_on) >= on]
    return await records.list_records(
        work,
        page_params,
        Delegation,
        order="-starts_on",
        region=region,
        where=where,
        may=May.LEAVE_APPROVE,
        read=DelegationRead,
    )


LEAVE_KIND = RecordKind(
    name="leave",
    label="请假",
    path="/attendance/leaves",
    model=Leave,
    read=LeaveRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "kind", "region", "starts_on", "ends_on", "halves", "state"),
    filters=("region", "person", "state", "overdue", "to_approve"),
    search=("person_name", "why"),
    lifecycle=LEAVE,
    topics=("presence_request.moved",),
    turns=(
        turn(
            LeaveState.REQUESTED,
            (LeaveAction.APPROVE, LeaveAction.ENDORSE),
            "待我审批的请假",
            key="to_approve.true",
        ),
    ),
    twins={is_callers_turn: repository.build_callers_turn_condition},
    todo=(
        Todo(
            "overdue.true",
            "到期未销假的请假",
            (May.LEAVE_REQUEST,),
            lambda work: repository.build_not_returned_condition(work.today),
            due="ends_on",
        ),
    ),
    phone=True,
)
DELEGATION_KIND = RecordKind(
    name="delegation",
    label="审批委托",
    path="/attendance/delegations",
    model=Delegation,
    read=DelegationRead,
    may=May.LEAVE_APPROVE,
    title="deputy",
    columns=("approver", "deputy", "step", "region", "starts_on", "ends_on"),
    filters=("region", "on"),
    acts=(Act("提前收回", "/attendance/delegations/{id}/end"),),
)
