"""Routes `/attendance/spot-checks` and `/attendance/spot-checks/drawn`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.spot_checks import service
from services.attendance.spot_checks.models import DrawnPerson, SpotCheck
from services.attendance.spot_checks.schemas import (
    Answer,
    Decision,
    DrawnRead,
    Outcome,
    SpotCheckCreate,
    SpotCheckRead,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/attendance/spot-checks", tags=["抽查"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=SpotCheckRead,
    **requires(May.SPOT_CHECK, refuses=(NotFound, Conflict, Invalid)),
)
async def start_spot_check(work: WriteWork, body: SpotCheckCreate) -> SpotCheck:
    """开展抽查: 种子与候选名单摘要一并记录, 可复核."""
    return await service.create_spot_check(work, body)


@router.get("", response_model=Page[SpotCheckRead], **requires(May.SPOT_CHECK))
async def list_spot_checks(
    work: ReadWork, page_params: Pagination, region: RegionQuery = ""
) -> Page[SpotCheck]:
    """抽查列表."""
    return await records.list_records(
        work, page_params, SpotCheck, order="-work_date", region=region, may=May.SPOT_CHECK
    )


@router.get("/drawn", response_model=Page[DrawnRead], **requires(May.PRESENCE_READ))
async def list_drawn(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    spot_check_id: UUID | None = None,
    outcome: Outcome | None = None,
) -> Page[DrawnPerson]:
    """抽到的人与结果; a cadre sees their own, so that the phone can ask them."""
    equal = {"person": person, "spot_check_id": spot_check_id, "outcome": outcome}
    return await records.list_records(
        work, page_params, DrawnPerson, order="-work_date", region=region, equal=equal
    )


@router.post(
    "/drawn/{drawn_id}/answer",
    response_model=DrawnRead,
    **requires(May.CHECK_IN, refuses=(NotFound, Conflict, Invalid)),
)
async def answer_spot_check(work: WriteWork, drawn_id: UUID, body: Answer) -> DrawnPerson:
    """本人答复抽查: 在时限内以定位答复."""
    return await service.answer_spot_check(work, drawn_id, body)


@router.post(
    "/drawn/{drawn_id}/decide",
    response_model=DrawnRead,
    **requires(May.SPOT_CHECK, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def decide_spot_check(work: WriteWork, drawn_id: UUID, body: Decision, match: IfMatch) -> DrawnPerson:
    """登记回拨或现场结果, 核实逾时答复."""
    return await service.decide_spot_check(work, drawn_id, body, match)
