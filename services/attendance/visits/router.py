"""Routes `/attendance/visits`, `/attendance/follow-ups`, `/attendance/deeds` and `/attendance/trainings`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.sql_conditions import in_date_range
from services.attendance.visits import service
from services.attendance.visits.models import Deed, Training, Visit, VisitFollowUp
from services.attendance.visits.schemas import (
    DeedChange,
    DeedCreate,
    DeedKind,
    DeedRead,
    FollowUpDoneAct,
    TrainingCreate,
    TrainingKind,
    TrainingRead,
    VisitCreate,
    VisitDetail,
    VisitFollowUpRead,
    VisitKind,
    VisitRead,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind, Shortcut, Todo

HouseholdMarks = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]] | None,
    Query(max_length=30, description="村和户主姓名的盲索引, 由监测户的页面查询"),
]
router = APIRouter(prefix="/attendance", tags=["走访"], route_class=Route)


@router.post(
    "/visits",
    status_code=201,
    response_model=VisitRead,
    **requires(May.VISIT_RECORD, refuses=(NotFound, Conflict, Invalid)),
)
async def record_visit(work: WriteWork, body: VisitCreate) -> Visit:
    """记录走访: 农户, 项目或资产."""
    return await service.create_visit(work, body)


@router.get("/visits", response_model=Page[VisitRead], **requires(May.PRESENCE_READ))
async def list_visits(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    project_id: UUID | None = None,
    asset_id: UUID | None = None,
    kind: VisitKind | None = None,
    household_mark: HouseholdMarks = None,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> PageAnswer:
    """走访列表; by project, asset or household for their own pages."""
    equal = {"person": person, "kind": kind, "project_id": project_id, "asset_id": asset_id}
    where = in_date_range(Visit.visited_on, since, until)
    if household_mark:
        where.append(col(Visit.household_mark).in_(household_mark))
    return await records.list_records(
        work,
        page_params,
        Visit,
        order="-visited_on",
        region=region,
        equal=equal,
        where=where,
        read=VisitRead,
    )


@router.get(
    "/visits/{visit_id}", response_model=VisitDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_visit(work: ReadWork, visit_id: UUID) -> VisitDetail:
    """走访及其待办."""
    return await service.get_visit_detail(work, visit_id)


@router.get("/follow-ups", response_model=Page[VisitFollowUpRead], **requires(May.PRESENCE_READ))
async def list_follow_ups(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    done: Annotated[bool | None, Query(description="空为全部")] = None,
) -> PageAnswer:
    """走访待办列表, the most urgent first."""
    column = col(VisitFollowUp.done_on)
    where = [] if done is None else [column.is_not(None) if done else column.is_(None)]
    return await records.list_records(
        work,
        page_params,
        VisitFollowUp,
        order="due_on",
        region=region,
        equal={"person": person},
        where=where,
        read=VisitFollowUpRead,
    )


@router.post(
    "/follow-ups/{follow_up_id}/finish",
    response_model=VisitFollowUpRead,
    **requires(May.VISIT_RECORD, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def finish_follow_up(
    work: WriteWork, follow_up_id: UUID, body: FollowUpDoneAct, match: IfMatch
) -> VisitFollowUp:
    """办结待办."""
    return await service.finish_follow_up(work, follow_up_id, body, match)


deeds_router = APIRouter(prefix="/attendance", tags=["帮办实事"], route_class=Route)
_RECORD_ROUTE = requires(May.VISIT_RECORD, refuses=(NotFound, Conflict, Invalid))


@deeds_router.post("/deeds", status_code=201, response_model=DeedRead, **_RECORD_ROUTE)
async def record_deed(work: WriteWork, body: DeedCreate) -> Deed:
    """记录帮办实事."""
    return await service.create_deed(work, body)


@deeds_router.get("/deeds", response_model=Page[DeedRead], **requires(May.PRESENCE_READ))
async def list_deeds(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    project_id: UUID | None = None,
    kind: DeedKind | None = None,
    done: Annotated[bool | None, Query(description="空为全部")] = None,
) -> PageAnswer:
    """实事清单."""
    equal = {"person": person, "project_id": project_id, "kind": kind, "done": done}
    return await records.list_records(
        work, page_params, Deed, order="-happened_on", region=region, equal=equal, read=DeedRead
    )


@deeds_router.get(
    "/deeds/{deed_id}", response_model=DeedRead, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_deed(work: ReadWork, deed_id: UUID) -> Deed:
    """一件实事."""
    return await records.get_record(work, Deed, deed_id, "这件实事")


@deeds_router.patch(
    "/deeds/{deed_id}",
    response_model=DeedRead,
    **requires(May.VISIT_RECORD, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_deed(work: WriteWork, deed_id: UUID, body: DeedChange, match: IfMatch) -> Deed:
    """补充或办结实事."""
    return await service.update_deed(work, deed_id, body, match)


@deeds_router.post("/trainings", status_code=201, response_model=TrainingRead, **_RECORD_ROUTE)
async def record_training(work: WriteWork, body: TrainingCreate) -> Training:
    """记录岗位大练兵或业务大比武."""
    return await service.create_training(work, body)


@deeds_router.get("/trainings", response_model=Page[TrainingRead], **requires(May.PRESENCE_READ))
async def list_trainings(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    kind: TrainingKind | None = None,
) -> PageAnswer:
    """练兵比武记录."""
    equal = {"person": person, "kind": kind}
    return await records.list_records(
        work, page_params, Training, order="-held_on", region=region, equal=equal, read=TrainingRead
    )


VISIT_KIND = RecordKind(
    name="visit",
    label="走访",
    path="/attendance/visits",
    model=Visit,
    read=VisitRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="findings",
    columns=("visited_on", "person_name", "kind", "purpose", "region", "findings"),
    filters=("region", "person", "project_id", "asset_id", "kind", "from", "to"),
    search=("person_name", "findings"),
    parents={"project_id": "project", "asset_id": "asset"},
    topics=("visit.recorded",),
    phone=True,
    shortcuts=(Shortcut(May.VISIT_RECORD, "记走访", "/attendance/visits"),),
)
FOLLOW_UP_KIND = RecordKind(
    name="follow_up",
    label="走访待办",
    path="/attendance/follow-ups",
    model=VisitFollowUp,
    read=VisitFollowUpRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="text",
    columns=("text", "due_on", "region", "done_on", "result"),
    filters=("region", "person", "done"),
    search=("text",),
    parents={"visit_id": "visit"},
    due="due_on",
    topics=("follow_up.done",),
    told_by={"visit.recorded": "visit_id"},
    todo=(
        Todo(
            "done.false", "走访待办", (May.VISIT_RECORD,), lambda _work: col(VisitFollowUp.done_on).is_(None)
        ),
    ),
    acts=(Act("办结", "/attendance/follow-ups/{id}/finish"),),
    phone=True,
)
DEED_KIND = RecordKind(
    name="deed",
    label="帮办实事",
    path="/attendance/deeds",
    model=Deed,
    read=DeedRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="content",
    columns=("happened_on", "person_name", "kind", "content", "region", "beneficiaries", "amount", "done"),
    filters=("region", "person", "project_id", "kind", "done"),
    search=("person_name", "content"),
    parents={"project_id": "project", "visit_id": "visit"},
    topics=("deed.recorded",),
    phone=True,
    shortcuts=(Shortcut(May.VISIT_RECORD, "记实事", "/attendance/deeds"),),
)
TRAINING_KIND = RecordKind(
    name="training",
    label="练兵比武",
    path="/attendance/trainings",
    model=Training,
    read=TrainingRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="title",
    columns=("held_on", "person_name", "kind", "title", "region", "minutes", "result"),
    filters=("region", "person", "kind"),
    search=("person_name", "title"),
    topics=("training.recorded",),
)
