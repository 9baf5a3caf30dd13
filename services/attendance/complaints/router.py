"""`/attendance/complaints` and `/attendance/compliance`."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.complaints import repository, service
from services.attendance.complaints.lifecycle import COMPLAINT, ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import (
    ComplaintCreate,
    ComplaintRead,
    ComplaintReceipt,
    Compliance,
    ObjectionCreate,
    ObjectionRead,
)
from services.attendance.fields import PersonQuery, RegionQuery
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, PublicReading, PublicWriting, Reading, Route, Writing, allows, public
from shared.moves import Act, Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance", tags=["投诉与公开"], route_class=Route)


@router.get("/compliance", response_model=Compliance, **public(refuses=(NotFound,)))
async def read_compliance(work: PublicReading, region: RegionQuery = "") -> Compliance:
    """本地的考勤方式、备案号与承诺, 不必登录."""
    return await service.compliance(work, region)


@router.post(
    "/complaints", status_code=201, response_model=ComplaintReceipt, **public(refuses=(Conflict, Invalid))
)
async def complain(work: PublicWriting, body: ComplaintCreate) -> Complaint:
    """投诉, 不必登录, 可以匿名."""
    return await service.complain(work, body)


@router.get("/complaints", response_model=Page[ComplaintRead], **allows(May.COMPLAINT_HANDLE))
async def list_complaints(
    work: Reading, asked: Paging, region: RegionQuery = "", state: ComplaintState | None = None
) -> Page[ComplaintRead]:
    """投诉列表."""
    found = await records.listed(
        work,
        asked,
        Complaint,
        order="-created_at",
        region=region,
        equal={"state": state},
        may=May.COMPLAINT_HANDLE,
    )
    return Page(
        items=[service.shown(work, one) for one in found.items],
        next_cursor=found.next_cursor,
        total=found.total,
    )


@router.post(
    "/days/{day_id}/objections",
    status_code=201,
    response_model=ObjectionRead,
    **allows(May.CHECK_IN, refuses=(NotFound, Conflict, Invalid)),
)
async def object_to_day(work: Writing, day_id: UUID, body: ObjectionCreate) -> Complaint:
    """对本人某一天的认定提出异议."""
    return await service.object_to(work, day_id, body)


@router.get("/objections", response_model=Page[ObjectionRead], **allows(May.PRESENCE_READ))
async def list_objections(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: ComplaintState | None = None,
) -> Page[Complaint]:
    """对在岗日的异议; a cadre sees their own."""
    equal = {"person": person, "state": state}
    where = [col(Complaint.day_id).is_not(None)]
    return await records.listed(
        work, asked, Complaint, order="-created_at", region=region, equal=equal, where=where
    )


@router.get("/complaints/{complaint_id}", response_model=ComplaintReceipt, **public(refuses=(NotFound,)))
async def read_complaint(work: PublicReading, complaint_id: UUID) -> Complaint:
    """凭编号查看投诉的答复."""
    return await repository.system_get(work.session, complaint_id)


@router.post(
    "/complaints/{complaint_id}/answer",
    response_model=ComplaintRead | Preview,
    description=f"```mermaid\n{COMPLAINT.mermaid()}\n```",
    **allows(May.COMPLAINT_HANDLE, refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def answer_complaint(
    work: Writing, complaint_id: UUID, body: Act, match: IfMatch, dry_run: bool = False
) -> ComplaintRead | Preview:
    """答复投诉."""
    return await service.answer(work, complaint_id, body, match=match, dry_run=dry_run)
