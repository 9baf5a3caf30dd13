"""Taking complaints in, answering them, and saying what is switched on."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.complaints import repository
from services.attendance.complaints.lifecycle import COMPLAINT, ComplaintFacts, ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import (
    ComplaintCreate,
    ComplaintRead,
    Compliance,
    ObjectionCreate,
)
from services.attendance.days.models import AttendanceDay
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, days, inform
from services.attendance.policy import Switches, ruled
from shared import files
from shared.access import span
from shared.contracts.attendance import ComplaintMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.moves import Act, Preview, fire
from shared.permissions import May
from shared.work import Work

PROMISES = [
    "不排名、不通报到个人",
    "不记录行动轨迹, 只记打卡时的一个位置",
    "照片不作必填",
    "疑点只由人复核, 机器不作处理",
    "打卡位置到期只保留到约一公里",
    "投诉入口长期开放, 可以匿名",
]
_MODES = {
    (True, True): "手机打卡, 也可导入",
    (True, False): "手机打卡",
    (False, True): "只导入钉钉或企业微信的考勤",
    (False, False): "报备、值班与抽查, 不打卡",
}


async def complain(work: Work, body: ComplaintCreate) -> Complaint:
    """A complaint from anybody, about a place of this district. Invalid elsewhere, where nobody here would see it."""
    low, high = span(work.context.settings.district)
    if not low <= body.region <= high:
        detail = "这个地区不归本县, 请填写本县的乡镇或村"
        raise Invalid(
            detail, "Not a region of this district", faults=[Fault("elsewhere", detail, "", "/region")]
        )
    complaint_id = body.id or new_id()
    about = f"complaint:{complaint_id}:contact"
    made, fresh = await create(
        work,
        Complaint,
        body,
        region=body.region,
        id=complaint_id,
        text=body.text,
        contact_sealed=work.context.keyring.seal(body.contact, about=about) if body.contact else "",
        state=ComplaintState.OPEN,
        state_since=work.at,
    )
    if fresh:
        await work.tell(ComplaintMoved(was="", now=made.state), made)
    return made


async def object_to(work: Work, day_id: UUID, body: ObjectionCreate) -> Complaint:
    """A cadre's objection to one of their own days; the day stays provisional until it is answered.

    Conflict while an earlier one about the day is open. Who supervises answers it, not who decided the day.
    """
    day = await records.get(work, AttendanceDay, day_id, "这一天")
    work.actor.require(May.CHECK_IN, day.region, day.person)
    if await repository.open_about(work, day.id, body.id):
        raise Conflict("这一天已有异议待答复", "An objection is open")
    await files.require(work, body.files, "/files")
    made, fresh = await create(
        work,
        Complaint,
        body,
        region=day.region,
        id=body.id,
        text=body.text,
        person=day.person,
        person_name=day.person_name,
        day_id=day.id,
        work_date=day.work_date,
        files=body.files,
        state=ComplaintState.OPEN,
        state_since=work.at,
    )
    if fresh:
        await work.tell(_told(made, "", made.state), made)
    return made


def _told(row: Complaint, was: str, now: str) -> ComplaintMoved:
    return ComplaintMoved(was=was, now=now, person=row.person, work_date=row.work_date)


def shown(work: Work, row: Complaint) -> ComplaintRead:
    """A complaint as its handlers read it, the contact in clear."""
    sealed, about = row.contact_sealed, f"complaint:{row.id}:contact"
    contact = work.context.keyring.open(sealed, about=about) if sealed else ""
    return ComplaintRead(
        **row.model_dump(include=set(ComplaintRead.model_fields) - {"contact"}), contact=contact
    )


async def answer(
    work: Work, complaint_id: UUID, body: Act, *, match: Match, dry_run: bool
) -> Preview | ComplaintRead:
    """Answer a complaint; whoever made it reads the answer with its number."""
    row = await records.get(work, Complaint, complaint_id, "这条投诉", lock=True, may=May.COMPLAINT_HANDLE)
    preview = await fire(
        work,
        COMPLAINT,
        row,
        COMPLAINT.moves[0].action,
        ComplaintFacts(body.reason),
        act=body.model_copy(update={"reason": ""}),
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _told(row, was, now),
    )
    if preview is not None:
        return preview
    row.answer, row.answered_by = body.reason, work.actor.id
    work.session.add(row)
    if row.work_date is not None:
        words = f"{days(row.work_date, row.work_date)}的异议已答复{because(body.reason)}"
        await inform(work, row.person, MessageKind.OBJECTION, row, words)
    return shown(work, row)


async def compliance(work: Work, region: str) -> Compliance:
    """What this district switched on, in words."""
    where = region or work.context.settings.district
    switches, _ = await ruled(work, "check_in.switches", Switches, where)
    return Compliance(
        region=where,
        mode=_MODES[switches.own_check_in, switches.imports],
        promises=PROMISES,
        complaints="POST /api/v1/attendance/complaints",
        **switches.model_dump(),
    )
