"""`/attendance/spot-checks` and the persons drawn, `/attendance/spot-checks/drawn`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.spot_checks import service
from services.attendance.spot_checks.kinds import Outcome
from services.attendance.spot_checks.models import Drawn, SpotCheck
from services.attendance.spot_checks.schemas import (
    Answer,
    Decision,
    DrawnRead,
    SpotCheckCreate,
    SpotCheckRead,
)
from shared.errors import Conflict, Invalid, NotFound, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/spot-checks", tags=["抽查"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=SpotCheckRead,
    **allows(May.SPOT_CHECK, refuses=(NotFound, Conflict, Invalid)),
)
async def start_spot_check(work: Writing, body: SpotCheckCreate) -> SpotCheck:
    """开展抽查: 种子与候选名单摘要一并记录, 可复核."""
    return await service.start(work, body)


@router.get("", response_model=Page[SpotCheckRead], **allows(May.SPOT_CHECK))
async def list_spot_checks(work: Reading, asked: Paging, region: RegionQuery = "") -> Page[SpotCheck]:
    """抽查列表."""
    return await records.listed(work, asked, SpotCheck, order="-work_date", region=region, may=May.SPOT_CHECK)


@router.get("/drawn", response_model=Page[DrawnRead], **allows(May.PRESENCE_READ))
async def list_drawn(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    spot_check_id: UUID | None = None,
    outcome: Outcome | None = None,
) -> Page[Drawn]:
    """抽到的人与结果; a cadre sees their own, so that the phone can ask them."""
    equal = {"person": person, "spot_check_id": spot_check_id, "outcome": outcome}
    return await records.listed(work, asked, Drawn, order="-work_date", region=region, equal=equal)


@router.post(
    "/drawn/{drawn_id}/answer",
    response_model=DrawnRead,
    **allows(May.CHECK_IN, refuses=(NotFound, Conflict, Invalid)),
)
async def answer_spot_check(work: Writing, drawn_id: UUID, body: Answer) -> Drawn:
    """本人答复抽查: 在时限内以定位答复."""
    return await service.answer(work, drawn_id, body)


@router.post(
    "/drawn/{drawn_id}/decide",
    response_model=DrawnRead,
    **allows(May.SPOT_CHECK, refuses=(NotFound, Conflict, Invalid, Stale)),
)
async def decide_spot_check(work: Writing, drawn_id: UUID, body: Decision, match: IfMatch) -> Drawn:
    """登记回拨或现场结果, 核实逾时答复."""
    return await service.decide(work, drawn_id, body, match)
