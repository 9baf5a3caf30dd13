"""Routes `/attendance/errands`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.errands import service
from services.attendance.errands.lifecycle import ERRAND, ErrandAction, ErrandState
from services.attendance.errands.models import Errand
from services.attendance.errands.schemas import ErrandAct, ErrandCreate, ErrandDetail, ErrandRead
from services.attendance.fields import PersonQuery, RegionQuery
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/attendance/errands", tags=["公出"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=ErrandRead,
    **requires(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def report_errand(work: WriteWork, body: ErrandCreate) -> Errand:
    """公出报备."""
    return await service.create_errand(work, body)


@router.get("", response_model=Page[ErrandRead], **requires(May.PRESENCE_READ))
async def list_errands(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: ErrandState | None = None,
) -> PageAnswer:
    """公出列表."""
    equal = {"person": person, "state": state}
    return await records.list_records(
        work, page_params, Errand, order="-starts_on", region=region, equal=equal, read=ErrandRead
    )


@router.get("/{errand_id}", response_model=ErrandDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_errand(work: ReadWork, errand_id: UUID) -> ErrandDetail:
    """公出与可办事项."""
    return await service.get_errand_detail(work, errand_id)


@router.post(
    "/{errand_id}/{action}",
    response_model=ErrandRead | TransitionPreview,
    **moves(ERRAND),
)
async def act_on_errand(
    work: WriteWork,
    errand_id: UUID,
    action: ErrandAction,
    body: ErrandAct,
    match: IfMatch,
    dry_run: bool = False,
) -> Errand | TransitionPreview:
    """办理公出: 知悉, 不同意, 撤回, 返村."""
    return await service.transition_errand(work, errand_id, action, body, match=match, dry_run=dry_run)


ERRAND_KIND = RecordKind(
    name="errand",
    label="公出",
    path="/attendance/errands",
    model=Errand,
    read=ErrandRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "kind", "place", "region", "starts_on", "ends_on", "state"),
    filters=("region", "person", "state"),
    search=("person_name", "place", "why"),
    lifecycle=ERRAND,
    topics=("presence_request.moved",),
    turns=(turn(ErrandState.REPORTED, ErrandAction.ACKNOWLEDGE, "待知悉的公出报备"),),
    phone=True,
)
