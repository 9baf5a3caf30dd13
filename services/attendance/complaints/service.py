"""Complaints, objections to days, their answers, and the compliance statement."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.complaints import repository
from services.attendance.complaints.lifecycle import COMPLAINT, ComplaintFacts, ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import ComplaintCreate, ComplaintRead, Compliance, ObjectionCreate
from services.attendance.days.models import AttendanceDay
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import CHECK_IN_SWITCHES, COMPLAINT_LIMITS
from shared.auth import May
from shared.clients.attendance import ComplaintMoved
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid, NotFound, RateLimited
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, apply_transition
from shared.records import create_record
from shared.records.description import SwitchRead
from shared.retention.erasure import ASKED_BY_THE_PERSON, ExpiringColumns, erase_columns
from shared.unit_of_work import UnitOfWork

SWITCH_LABELS = {
    "own_check_in": "本人打卡",
    "imports": "导入考勤",
    "spot_checks": "抽查",
    "photo": "打卡照片",
    "coarse_after_days": "多少天后打卡位置只留到约一公里",
}
PUBLIC_PROMISES = [
    "不排名、不通报到个人",
    "不记录行动轨迹, 只记打卡时的一个位置",
    "照片不作必填",
    "疑点只由人复核, 机器不作处理",
    "打卡位置到期只保留到约一公里",
    "投诉入口长期开放, 可以匿名",
]
_MODE_LABELS = {
    (True, True): "手机打卡, 也可导入",
    (True, False): "手机打卡",
    (False, True): "只导入钉钉或企业微信的考勤",
    (False, False): "报备、值班与抽查, 不打卡",
}


COMPLAINT_CONTACT = ExpiringColumns(Complaint, ("contact_sealed",), (ComplaintState.ANSWERED,))


async def create_complaint(work: UnitOfWork, body: ComplaintCreate) -> Complaint:
    """Records a complaint, which may be anonymous. Raises Invalid for a region that nobody here serves, RateLimited over a limit."""
    try:
        await work.service_client("identity").get(f"/api/v1/regions/{body.region}")
    except NotFound:
        detail = "这个地区不在本系统, 请填写本县的乡镇或村"
        errors = [FieldError("elsewhere", detail, "not served here", "/region")]
        raise Invalid(detail, "Not a region of this installation", errors=errors) from None
    limits = (await work.get_rule(COMPLAINT_LIMITS, region=body.region)).value
    of_sender, of_district = await repository.system_count_complaints(work, body.region)
    if of_sender >= limits.per_sender_hour or of_district >= limits.per_district_day:
        raise RateLimited(
            "网上投诉的次数太多, 请一小时后再来, 或拨打监督电话 12317",
            "Too many complaints",
            headers={"Retry-After": "3600"},
        )
    complaint_id = body.id or new_id()
    associated_data = f"complaint:{complaint_id}:contact"
    complaint, _ = await create_record(
        work,
        Complaint,
        body,
        event=lambda complaint: ComplaintMoved(was="", now=complaint.state),
        region=body.region,
        id=complaint_id,
        text=body.text,
        contact_sealed=work.context.keyring.encrypt(body.contact, associated_data=associated_data)
        if body.contact
        else "",
        state=ComplaintState.OPEN,
        state_since=work.at,
    )
    return complaint


async def create_objection(work: UnitOfWork, day_id: UUID, body: ObjectionCreate) -> Complaint:
    """Records a cadre's objection to one of their own days; the day stays provisional until it is answered.

    Raises Conflict while another one is open. It is answered by supervision, not by whoever decided the day.
    """
    day = await records.get_record(work, AttendanceDay, day_id, "这一天")
    work.actor.require(May.CHECK_IN, day.region, day.person)
    if await repository.has_open_objection(work, day.id, body.id):
        raise Conflict("这一天已有异议待答复", "An objection is open")
    await uploads.require_files(work, body.files, "/files")
    objection, _ = await create_record(
        work,
        Complaint,
        body,
        event=lambda objection: _build_event(objection, "", objection.state),
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
    return objection


def _build_event(complaint: Complaint, was: str, now: str) -> ComplaintMoved:
    return ComplaintMoved(was=was, now=now, person=complaint.person, work_date=complaint.work_date)


def to_read_model(work: UnitOfWork, complaint: Complaint) -> ComplaintRead:
    """Returns a complaint for its handlers, with the contact decrypted."""
    sealed, associated_data = complaint.contact_sealed, f"complaint:{complaint.id}:contact"
    contact = work.context.keyring.decrypt(sealed, associated_data=associated_data) if sealed else ""
    return ComplaintRead(
        **complaint.model_dump(include=set(ComplaintRead.model_fields) - {"contact"}), contact=contact
    )


async def answer_complaint(
    work: UnitOfWork, complaint_id: UUID, body: TransitionRequest, *, match: VersionMatch, dry_run: bool
) -> TransitionPreview | ComplaintRead:
    """Answers a complaint or an objection; the author of a complaint reads the answer by its id."""
    complaint = await records.get_record(
        work, Complaint, complaint_id, "这条投诉", lock=True, may=May.COMPLAINT_HANDLE
    )
    preview = await apply_transition(
        work,
        COMPLAINT,
        complaint,
        COMPLAINT.transitions[0].action,
        ComplaintFacts(body.reason),
        request=body.model_copy(update={"reason": ""}),
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _build_event(complaint, was, now),
    )
    if preview is not None:
        return preview
    complaint.answer, complaint.answered_by = body.reason, work.actor.id
    work.session.add(complaint)
    if complaint.work_date is not None:
        text = (
            f"{format_days(complaint.work_date, complaint.work_date)}的异议已答复{format_reason(body.reason)}"
        )
        await send_message(work, complaint.person, MessageKind.OBJECTION, complaint, text)
    return to_read_model(work, complaint)


async def erase_contact(work: UnitOfWork, complaint_id: UUID) -> None:
    """Empties the contact of a complaint, as its author may ask; a second call changes nothing."""
    complaint = await records.get_record(
        work, Complaint, complaint_id, "这条投诉", lock=True, may=May.COMPLAINT_HANDLE
    )
    work.actor.require(May.COMPLAINT_HANDLE, complaint.region)
    await erase_columns(work, COMPLAINT_CONTACT, complaint, reason=ASKED_BY_THE_PERSON)


async def get_compliance(work: UnitOfWork, region: str) -> Compliance:
    """Returns the attendance methods switched on in a region, with the record-keeping number and the promises."""
    region_code = region or work.home_region
    switches = (await work.get_rule(CHECK_IN_SWITCHES, region=region_code)).value
    return Compliance(
        region=region_code,
        mode=_MODE_LABELS[switches.own_check_in, switches.imports],
        promises=PUBLIC_PROMISES,
        complaints="POST /api/v1/attendance/complaints",
        **switches.model_dump(),
    )


async def list_switches(work: UnitOfWork) -> list[SwitchRead]:
    """List what is switched on today where the caller works: own check-in, photos, imports, spot checks."""
    rule = await work.get_rule(CHECK_IN_SWITCHES)
    values = rule.value.model_dump(mode="json")
    return [
        SwitchRead(key=f"check_in.{name}", label=label, value=values[name], basis=rule.ref)
        for name, label in SWITCH_LABELS.items()
    ]
