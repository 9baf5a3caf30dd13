"""`/attendance/make-ups`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.make_ups import repository, service
from services.attendance.make_ups.lifecycle import MAKE_UP, MakeUpAction, MakeUpState
from services.attendance.make_ups.models import MakeUp
from services.attendance.make_ups.schemas import MakeUpCreate, MakeUpDetail, MakeUpRead
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Act, Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/make-ups", tags=["补卡"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=MakeUpRead,
    **allows(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def request_make_up(work: Writing, body: MakeUpCreate) -> MakeUp:
    """补卡申请."""
    return await service.request(work, body)


@router.get("", response_model=Page[MakeUpRead], **allows(May.PRESENCE_READ))
async def list_make_ups(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: MakeUpState | None = None,
    to_witness: Annotated[bool, Query(description="只看等本人证明的")] = False,
) -> Page[MakeUp]:
    """补卡列表; `to_witness` for whom others named as their witness."""
    if to_witness:
        return await repository.to_witness(work, asked)
    equal = {"person": person, "state": state}
    return await records.listed(work, asked, MakeUp, order="-starts_on", region=region, equal=equal)


@router.get("/{make_up_id}", response_model=MakeUpDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_make_up(work: Reading, make_up_id: UUID) -> MakeUpDetail:
    """补卡与可办事项."""
    return await service.detail(work, make_up_id)


@router.post(
    "/{make_up_id}/{action}",
    response_model=MakeUpRead | Preview,
    description=f"```mermaid\n{MAKE_UP.mermaid()}\n```",
    **allows(*MAKE_UP.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_make_up(
    work: Writing,
    make_up_id: UUID,
    action: MakeUpAction,
    body: Act,
    match: IfMatch,
    dry_run: bool = False,
) -> MakeUp | Preview:
    """办理补卡: 证明, 批准, 不批准, 撤回."""
    return await service.act(work, make_up_id, action, body, match=match, dry_run=dry_run)
