"""Routes `/attendance/spot-checks` and `/attendance/spot-checks/drawn`."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.spot_checks import service
from services.attendance.spot_checks.models import DrawnPerson, SpotCheck
from services.attendance.spot_checks.schemas import (
    Decision,
    DrawnRead,
    Outcome,
    SpotCheckAnswer,
    SpotCheckCreate,
    SpotCheckRead,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind, Todo

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
async def list_spot_checks(work: ReadWork, page_params: Pagination, region: RegionQuery = "") -> PageAnswer:
    """抽查列表."""
    return await records.list_records(
        work,
        page_params,
        SpotCheck,
        order="-work_date",
        region=region,
        may=May.SPOT_CHECK,
        read=SpotCheckRead,
    )


@router.get("/drawn", response_model=Page[DrawnRead], **requires(May.PRESENCE_READ))
async def list_drawn(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    spot_check_id: UUID | None = None,
    outcome: Outcome | None = None,
) -> PageAnswer:
    """抽到的人与结果; a cadre sees their own, so that the phone can ask them."""
    equal = {"person": person, "spot_check_id": spot_check_id, "outcome": outcome}
    return await records.list_records(
        work, page_params, DrawnPerson, order="-work_date", region=region, equal=equal, read=DrawnRead
    )


@router.post(
    "/drawn/{drawn_id}/answer",
    response_model=DrawnRead,
    **requires(May.CHECK_IN, refuses=(NotFound, Conflict, Invalid)),
)
async def answer_spot_check(work: WriteWork, drawn_id: UUID, body: SpotCheckAnswer) -> DrawnPerson:
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


SPOT_CHECK_KIND = RecordKind(
    name="spot_check",
    label="抽查",
    path="/attendance/spot-checks",
    model=SpotCheck,
    read=SpotCheckRead,
    may=May.SPOT_CHECK,
    title="work_date",
    columns=("work_date", "region", "pool", "drawn", "closes_at", "created_by"),
    filters=("region",),
    topics=("spot_check.drawn",),
)
DRAWN_KIND = RecordKind(
    name="spot_check_drawn",
    label="抽查答复",
    path="/attendance/spot-checks/drawn",
    model=DrawnPerson,
    read=DrawnRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "work_date", "region", "outcome", "closes_at", "answered_at"),
    filters=("region", "person", "spot_check_id", "outcome"),
    search=("person_name",),
    parents={"spot_check_id": "spot_check"},
    topics=("spot_check.answered",),
    told_by={"spot_check.drawn": "spot_check_id"},
    todo=(
        Todo(
            "outcome.pending",
            "待答复的抽查",
            (May.CHECK_IN,),
            lambda _work: col(DrawnPerson.outcome) == Outcome.PENDING,
            due="work_date",
        ),
    ),
    acts=(
        Act("答复抽查", "/attendance/spot-checks/drawn/{id}/answer"),
        Act("认定", "/attendance/spot-checks/drawn/{id}/decide"),
    ),
    phone=True,
)
