"""Routes `/attendance/make-ups`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.make_ups import repository, service
from services.attendance.make_ups.lifecycle import MAKE_UP, MakeUpAction, MakeUpState, caller_is_witness
from services.attendance.make_ups.models import MakeUp
from services.attendance.make_ups.schemas import MakeUpCreate, MakeUpDetail, MakeUpRead
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/attendance/make-ups", tags=["补卡"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=MakeUpRead,
    **requires(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def request_make_up(work: WriteWork, body: MakeUpCreate) -> MakeUp:
    """补卡申请."""
    return await service.create_make_up(work, body)


@router.get("", response_model=Page[MakeUpRead], **requires(May.PRESENCE_READ))
async def list_make_ups(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: MakeUpState | None = None,
    to_witness: Annotated[bool, Query(description="只看等本人证明的")] = False,
) -> PageAnswer:
    """补卡列表; `to_witness` for whom others named as their witness."""
    if to_witness:
        return await repository.list_make_ups_to_witness(work, page_params)
    equal = {"person": person, "state": state}
    return await records.list_records(
        work, page_params, MakeUp, read=MakeUpRead, order="-starts_on", region=region, equal=equal
    )


@router.get("/{make_up_id}", response_model=MakeUpDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_make_up(work: ReadWork, make_up_id: UUID) -> MakeUpDetail:
    """补卡与可办事项."""
    return await service.get_make_up_detail(work, make_up_id)


@router.post(
    "/{make_up_id}/{action}",
    response_model=MakeUpRead | TransitionPreview,
    **moves(MAKE_UP),
)
async def act_on_make_up(
    work: WriteWork,
    make_up_id: UUID,
    action: MakeUpAction,
    body: TransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> MakeUp | TransitionPreview:
    """办理补卡: 证明, 批准, 不批准, 撤回."""
    return await service.transition_make_up(work, make_up_id, action, body, match=match, dry_run=dry_run)


MAKE_UP_KIND = RecordKind(
    name="make_up",
    label="补卡",
    path="/attendance/make-ups",
    model=MakeUp,
    read=MakeUpRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "on", "part", "region", "why", "state"),
    filters=("region", "person", "state", "to_witness"),
    search=("person_name", "why"),
    lifecycle=MAKE_UP,
    topics=("presence_request.moved",),
    turns=(
        turn(
            MakeUpState.REQUESTED,
            MakeUpAction.WITNESS,
            "等我证明的补卡",
            key="to_witness.true",
            owner="witness",
        ),
        turn(MakeUpState.WITNESSED, MakeUpAction.APPROVE, "待审批的补卡"),
    ),
    twins={caller_is_witness: lambda work: col(MakeUp.witness) == work.actor.id},
    phone=True,
    visible=repository.visible_make_ups,
)
