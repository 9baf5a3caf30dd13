"""Routes `/attendance/complaints`, `/attendance/objections` and `/attendance/compliance`."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.complaints import repository, service
from services.attendance.complaints.lifecycle import COMPLAINT, ComplaintAction, ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import (
    AttendanceObjectionRead,
    ComplaintCreate,
    ComplaintRead,
    ComplaintReceipt,
    Compliance,
    ObjectionCreate,
)
from services.attendance.fields import PersonQuery, RegionQuery
from shared.auth import May
from shared.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, PreconditionMissing
from shared.http import (
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    PublicReadWork,
    PublicWriteWork,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    never_stored,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest
from shared.records import Act, RecordKind, turn

router = APIRouter(prefix="/attendance", tags=["投诉与公开"], route_class=Route)


@router.get("/compliance", response_model=Compliance, **allows_anonymous(refuses=(NotFound,)))
async def read_compliance(work: PublicReadWork, region: RegionQuery = "") -> Compliance:
    """本地的考勤方式、备案号与承诺, 不必登录."""
    return await service.get_compliance(work, region)


@router.post(
    "/complaints",
    status_code=201,
    response_model=ComplaintReceipt,
    **allows_anonymous(refuses=(Conflict, Invalid)),
)
async def complain(work: PublicWriteWork, body: ComplaintCreate) -> Complaint:
    """投诉, 不必登录, 可以匿名."""
    return await service.create_complaint(work, body)


@router.get("/complaints", response_model=Page[ComplaintRead], **never_stored(requires(May.COMPLAINT_HANDLE)))
async def list_complaints(
    work: ReadWork, page_params: Pagination, region: RegionQuery = "", state: ComplaintState | None = None
) -> Page[ComplaintRead]:
    """投诉列表."""
    complaints = await repository.list_complaints(work, page_params, region=region, state=state)
    return Page(
        items=[service.to_read_model(work, complaint) for complaint in complaints.items],
        next_cursor=complaints.next_cursor,
        total=complaints.total,
    )


@router.post(
    "/days/{day_id}/objections",
    status_code=201,
    response_model=AttendanceObjectionRead,
    **requires(May.CHECK_IN, refuses=(NotFound, Conflict, Invalid)),
)
async def object_to_day(work: WriteWork, day_id: UUID, body: ObjectionCreate) -> Complaint:
    """对本人某一天的认定提出异议."""
    return await service.create_objection(work, day_id, body)


@router.get("/objections", response_model=Page[AttendanceObjectionRead], **requires(May.PRESENCE_READ))
async def list_objections(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: ComplaintState | None = None,
) -> PageAnswer:
    """对在岗日的异议; a cadre sees their own."""
    equal = {"person": person, "state": state}
    where = [col(Complaint.day_id).is_not(None)]
    return await records.list_records(
        work,
        page_params,
        Complaint,
        order="-created_at",
        region=region,
        equal=equal,
        where=where,
        read=AttendanceObjectionRead,
    )


@router.get(
    "/complaints/{complaint_id}", response_model=ComplaintReceipt, **allows_anonymous(refuses=(NotFound,))
)
async def read_complaint(work: PublicReadWork, complaint_id: UUID) -> Complaint:
    """凭编号查看投诉的答复."""
    return await repository.system_get_complaint(work.session, complaint_id)


@router.post(
    "/complaints/{complaint_id}/answer",
    response_model=ComplaintRead | TransitionPreview,
    description=f"```mermaid\n{COMPLAINT.to_mermaid()}\n```",
    **never_stored(
        requires(
            May.COMPLAINT_HANDLE,
            refuses=(NotFound, Conflict, PreconditionMissing, Invalid, PreconditionFailed),
        )
    ),
)
async def answer_complaint(
    work: WriteWork, complaint_id: UUID, body: TransitionRequest, match: IfMatch, dry_run: bool = False
) -> ComplaintRead | TransitionPreview:
    """答复投诉."""
    return await service.answer_complaint(work, complaint_id, body, match=match, dry_run=dry_run)


@router.delete(
    "/complaints/{complaint_id}/contact",
    status_code=204,
    response_model=None,
    **requires(May.COMPLAINT_HANDLE, refuses=(NotFound, Forbidden)),
)
async def erase_contact(work: WriteWork, complaint_id: UUID) -> None:
    """应投诉人要求删除联系方式; 办结已久的按规则自动删除."""
    await service.erase_contact(work, complaint_id)


ANSWER = Act("答复", "/attendance/complaints/{id}/answer", states=(ComplaintState.OPEN,))
COMPLAINT_KIND = RecordKind(
    name="complaint",
    label="投诉与异议",
    path="/attendance/complaints",
    model=Complaint,
    read=ComplaintRead,
    may=May.COMPLAINT_HANDLE,
    title="text",
    columns=("text", "region", "work_date", "state", "created_at", "answered_by"),
    filters=("region", "state"),
    search=("text",),
    lifecycle=COMPLAINT,
    topics=("complaint.moved",),
    acts=(ANSWER,),
    turns=(turn(ComplaintState.OPEN, ComplaintAction.ANSWER, "待答复的投诉与异议"),),
)
OBJECTION_KIND = RecordKind(
    name="day_objection",
    label="对在岗日的异议",
    path="/attendance/objections",
    model=Complaint,
    read=AttendanceObjectionRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="text",
    columns=("person_name", "work_date", "text", "region", "state", "answer"),
    create="/attendance/days/{day_id}/objections",
    filters=("region", "person", "state"),
    search=("person_name", "text"),
    parents={"day_id": "day"},
    lifecycle=COMPLAINT,
    acts=(ANSWER,),
    only=repository.build_objection_condition,
    topics=("complaint.moved",),
    phone=True,
)
