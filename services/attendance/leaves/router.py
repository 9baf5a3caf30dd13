"""`/attendance/leaves` and `/attendance/delegations`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.leaves import deputies, repository, service
from services.attendance.leaves.lifecycle import LEAVE, LeaveAction, LeaveState
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
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance", tags=["请假"], route_class=Route)


@router.post(
    "/leaves",
    status_code=201,
    response_model=LeaveRead,
    **allows(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def request_leave(work: Writing, body: LeaveCreate) -> Leave:
    """请假: 审批链由天数决定."""
    return await service.request(work, body)


@router.get("/leaves", response_model=Page[LeaveRead], **allows(May.PRESENCE_READ))
async def list_leaves(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: LeaveState | None = None,
    overdue: Annotated[bool, Query(description="只看到期未销假的")] = False,
    to_approve: Annotated[bool, Query(description="只看轮到本人(或受托)审批的")] = False,
) -> Page[Leave]:
    """请假列表."""
    if to_approve:
        return await repository.to_approve(work, asked)
    where = [col(Leave.state) == LeaveState.APPROVED, col(Leave.ends_on) < work.today] if overdue else []
    equal = {"person": person, "state": state}
    return await records.listed(
        work, asked, Leave, order="-starts_on", region=region, equal=equal, where=where
    )


@router.get(
    "/leaves/{leave_id}", response_model=LeaveDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_leave(work: Reading, leave_id: UUID) -> LeaveDetail:
    """请假, 提示与可办事项."""
    return await service.detail(work, leave_id)


@router.post(
    "/leaves/{leave_id}/{action}",
    response_model=LeaveRead | Preview,
    description=f"```mermaid\n{LEAVE.mermaid()}\n```",
    **allows(*LEAVE.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_leave(
    work: Writing,
    leave_id: UUID,
    action: LeaveAction,
    body: LeaveAct,
    match: IfMatch,
    dry_run: bool = False,
) -> Leave | Preview:
    """办理请假: 同意并上报, 批准, 不批准, 撤回, 销假."""
    return await service.act(work, leave_id, action, body, match=match, dry_run=dry_run)


@router.post(
    "/delegations",
    status_code=201,
    response_model=DelegationRead,
    **allows(May.LEAVE_APPROVE, refuses=(NotFound, Conflict, Invalid)),
)
async def delegate(work: Writing, body: DelegationCreate) -> Delegation:
    """委托他人审批: for a time, one's own step."""
    return await deputies.delegate(work, body)


@router.post(
    "/delegations/{delegation_id}/end",
    response_model=DelegationRead,
    **allows(May.LEAVE_APPROVE, refuses=(NotFound, Invalid, Stale)),
)
async def recall_delegation(
    work: Writing, delegation_id: UUID, body: DelegationEnd, match: IfMatch
) -> Delegation:
    """收回委托: the approver is back sooner."""
    return await deputies.recall(work, delegation_id, body, match)


@router.get("/delegations", response_model=Page[DelegationRead], **allows(May.LEAVE_APPROVE))
async def list_delegations(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    on: Annotated[date | None, Query(description="这一天有效的")] = None,
) -> Page[Delegation]:
    """审批委托列表."""
    where = [] if on is None else [col(Delegation.starts_on) <= on, col(Delegation.ends_on) >= on]
    return await records.listed(
        work, asked, Delegation, order="-starts_on", region=region, where=where, may=May.LEAVE_APPROVE
    )
