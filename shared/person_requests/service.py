"""Use cases of requests about personal data: register, show what is held, answer, erase, hold."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import Field
from pydantic_core import to_jsonable_python

from shared.auth import mask_name, normalize_text
from shared.db import new_id
from shared.errors import Conflict, invalid_field
from shared.events import Event
from shared.files.uploads import delete_contents
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    apply_transition,
    available_actions,
)
from shared.person_requests import repository
from shared.person_requests.lifecycle import (
    PersonRequestAction,
    PersonRequestFacts,
    PersonRequestKind,
    PersonRequestState,
)
from shared.person_requests.models import (
    ACCOUNT_NAME,
    FoundRow,
    PersonalRows,
    PersonRequestRow,
    PersonRequests,
    Subject,
    name_erased_account,
)
from shared.person_requests.repository import open_field, record_key
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.person_requests.schemas import (
    PersonData,
    PersonReading,
    PersonRequestBody,
    PersonRequestCreate,
    PersonRequestDetail,
    PersonRequestMove,
    PersonRequestRead,
    PersonRowRead,
)
from shared.records import create_record, log_event, save_record
from shared.retention.erasure import PersonalDataErased
from shared.unit_of_work import UnitOfWork

ID_CARD_LENGTH = 18
DISTRICT_DIGITS = 6
ACTS_THAT_LOOK = {PersonRequestAction.ERASE}
"""Moves for which the rows about the person are looked for, and locked."""


class PersonRequestMoved(Event):
    """A request about personal data was registered or moved; it names nobody. `columns` counts emptied rows by label."""

    topic = "person_request.moved"
    request_id: UUID
    kind: str
    was: str
    now: str


class PersonDataRead(Event):
    """Everything held about the person of a request was read, for a purpose."""

    topic = "person_request.read"
    request_id: UUID
    purpose: str
    records: list[str] = Field(description="keys of the records that were shown")


def _associated_data(requests: PersonRequests, request_id: UUID, name: str) -> str:
    return f"{requests.row.__tablename__}:{request_id}:{name}"


async def register_request(
    work: UnitOfWork, requests: PersonRequests, body: PersonRequestCreate
) -> PersonRequestRow:
    """Register a request about somebody told apart by id number, phone, or name and village. Invalid for a name alone."""
    mark = work.context.keyring.blind_index(body.id_no[:ID_CARD_LENGTH], "id_card") if body.id_no else ""
    phone = normalize_text(body.phone or "", "phone")
    subject = Subject(normalize_text(body.name), mask_name(body.name), phone, mark, body.region)
    if not mark and not phone and not subject.is_of_village:
        words = "没有证件号码和电话的, 须指明所在村"
        raise invalid_field("not_told_apart", words, "/id_no", "A name alone tells nobody apart")
    return await create_request(work, requests, body, subject, phone=body.phone or "")


async def create_request(
    work: UnitOfWork,
    requests: PersonRequests,
    body: PersonRequestBody,
    subject: Subject,
    *,
    phone: str = "",
    **columns: Any,  # noqa: ANN401 - of several types
) -> PersonRequestRow:
    """Register a request; a hold stands at once. Conflict when an erasure is asked of a held person."""
    work.actor.require(requests.may, subject.region)
    received_on = body.received_on or work.today
    if received_on > work.today:
        raise invalid_field("in_the_future", "收到请求的日期不能晚于今天", "/received_on")
    is_erasure = body.kind is PersonRequestKind.ERASURE
    if is_erasure != (body.basis is not None):
        raise invalid_field(
            "basis", "删除请求须选择法定情形, 其他请求不填", "/basis", "An erasure has a basis"
        )
    days = (await work.get_rule(PERSON_REQUEST_DAYS, region=subject.region)).value
    is_hold = body.kind is PersonRequestKind.HOLD
    if is_erasure and (hold := await _find_hold(work, requests, subject)):
        raise Conflict(_describe_hold(work, requests, hold), "A legal hold stands")
    request_id, keyring = body.id or new_id(), work.context.keyring
    sealed: dict[str, Any] = {
        f"{name}_sealed": keyring.encrypt(text, associated_data=_associated_data(requests, request_id, name))
        for name, text in (("name", body.name), ("phone", phone))
        if text
    }
    request, is_new = await create_record(
        work,
        requests.row,
        body,
        region=subject.region,
        id=request_id,
        kind=body.kind,
        name_masked=mask_name(subject.name),
        id_mark=subject.mark,
        basis=body.basis,
        document=body.document,
        received_on=received_on,
        due_on=None if is_hold else received_on + timedelta(days=days),
        held_by=work.actor.id if is_hold else "",
        state=PersonRequestState.HELD if is_hold else PersonRequestState.REQUESTED,
        state_since=work.at,
        **sealed,
        **columns,
    )
    if is_new:
        await log_event(work, request, _build_event(request, ""), reason=body.document)
    return request


def _build_event(request: PersonRequestRow, was: str) -> PersonRequestMoved:
    return PersonRequestMoved(request_id=request.id, kind=request.kind, was=was, now=request.state)


def _get_subject(work: UnitOfWork, request: PersonRequestRow) -> Subject:
    """The person of an open or held request. Conflict when it is closed: nobody is named any more."""
    name = open_field(work, request, "name")
    if not name:
        raise Conflict("请求已办结, 其中不再有此人的姓名和号码", "A closed request names nobody")
    phone = open_field(work, request, "phone")
    return Subject(
        normalize_text(name),
        mask_name(name),
        normalize_text(phone, "phone"),
        request.id_mark,
        request.region,
        getattr(request, "account_id", ""),
    )


async def _find_hold(work: UnitOfWork, requests: PersonRequests, subject: Subject) -> PersonRequestRow | None:
    """A hold of the same person: of one id number, or of one name with the same phone or without a number on either side."""
    for hold in await repository.system_list_holds(work, requests, subject):
        held = _get_subject(work, hold)
        both = subject.mark and held.mark
        if both and subject.mark == held.mark:
            return hold
        if not both and held.name == subject.name and held.phone in {"", subject.phone}:
            return hold
    return None


def _describe_hold(work: UnitOfWork, requests: PersonRequests, hold: PersonRequestRow | None) -> str:
    """A sentence about a hold, empty without one. Its document is named to who may read it, the district to everybody."""
    if hold is None:
        return ""
    if work.actor.has_access(requests.may, hold.region):
        return f"此人的信息正在保全({hold.document}), 解除之前不能删除"
    district = hold.region[:DISTRICT_DIGITS].ljust(len(hold.region), "0")
    return f"此人的信息正由区划 {district} 的主管部门保全, 解除之前不能删除"


async def read_person(
    work: UnitOfWork, requests: PersonRequests, request_id: UUID, body: PersonReading
) -> PersonData:
    """Everything that this service holds about the person of a request, in clear; the reading is an event."""
    request = await repository.get_request(work, requests, request_id)
    found = await repository.system_find_rows(work, requests, _get_subject(work, request))
    event = PersonDataRead(
        request_id=request.id,
        purpose=body.purpose,
        records=list(
            # The key of a row that is no record may tell of the person: who they are at an outside issuer.
            dict.fromkeys(record_key(one.record) for one in found if hasattr(one.record, "version"))
        ),
    )
    await log_event(work, request, event, reason=body.purpose)
    return PersonData(service=work.context.name, rows=[_read_row(work, one) for one in found])


def _read_row(work: UnitOfWork, found: FoundRow) -> PersonRowRead:
    rows, record = found.rows, found.record
    values = {name: open_field(work, record, name) for name in rows.opens}
    shown = to_jsonable_python({name: getattr(record, name) for name in rows.shows})
    return PersonRowRead(
        label=rows.label,
        id=record_key(record),
        values=values | shown,
        withheld=[
            name
            for name in rows.withheld
            if getattr(record, name, "") or getattr(record, f"{name}_sealed", "")
        ],
        files=list(getattr(record, rows.files)) if rows.files else [],
        kept=found.kept,
    )


async def get_request_detail(
    work: UnitOfWork, requests: PersonRequests, request_id: UUID
) -> PersonRequestDetail:
    """A request and the actions available to the caller; what stands against an erasure shows when it is tried."""
    request = await repository.get_request(work, requests, request_id)
    facts = PersonRequestFacts(request.kind, reason="-", erasable=1)
    return PersonRequestDetail(
        **PersonRequestRead.model_validate(request).model_dump(),
        available_actions=available_actions(work, requests.lifecycle, request, facts),
    )


async def transition_request(
    work: UnitOfWork,
    requests: PersonRequests,
    request_id: UUID,
    action: PersonRequestAction,
    body: PersonRequestMove,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | PersonRequestRow:
    """Answer, erase, reject, hold or lift. PreconditionMissing says why nothing may be erased.

    A closed request is emptied of the person in the same transaction.
    """
    blocked = await _find_blocks(work, requests, request_id) if action is PersonRequestAction.ERASE else ()
    request = await repository.get_request(work, requests, request_id, lock=True)
    is_erasure = action is PersonRequestAction.ERASE and request.state is PersonRequestState.REQUESTED
    found: list[FoundRow] = []
    hold = subject = None
    if is_erasure:
        subject = _get_subject(work, request)
        hold = await _find_hold(work, requests, subject)
        found = await repository.system_find_rows(work, requests, subject, lock=not dry_run)
    facts = PersonRequestFacts(
        request.kind,
        body.reason,
        erasable=sum(not one.kept for one in found),
        kept=tuple(dict.fromkeys(f"{one.rows.label}: {one.kept}" for one in found if one.kept)),
        hold=_describe_hold(work, requests, hold),
        blocked=blocked,
    )
    preview = await apply_transition(
        work,
        requests.lifecycle,
        request,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: _build_event(request, was),
    )
    if preview is not None:
        return preview
    if action is PersonRequestAction.HOLD:
        request.held_by, request.due_on = work.actor.id, None
    else:
        request.decided_by = work.actor.id
        _empty_request(request)
        await repository.system_delete_answers(work, [str(request.id)])
    if subject is not None:
        request.outcome = _count_rows(found)
        await _erase_rows(work, requests, request, [one for one in found if not one.kept])
        if requests.conclude is not None:
            await requests.conclude(work, subject)
    work.session.add(request)
    return request


async def _find_blocks(work: UnitOfWork, requests: PersonRequests, request_id: UUID) -> tuple[str, ...]:
    """What stands against any erasure, asked before the first statement of the work."""
    if requests.find_blocks is None:
        return ()
    async with work.context.database.read() as session:
        reading = work.context.unit_of_work(session, work.actor)
        request = await repository.get_request(reading, requests, request_id)
        if request.state is not PersonRequestState.REQUESTED:
            return ()
        return await requests.find_blocks(reading, _get_subject(reading, request))


def _empty_request(request: PersonRequestRow) -> None:
    request.name_sealed = request.phone_sealed = request.id_mark = request.created_digest = ""
    request.name_masked = ""


def _count_rows(found: Sequence[FoundRow]) -> list[dict[str, Any]]:
    counts = Counter((one.rows.label, one.kept) for one in found)
    return [
        {"label": label, "erased": 0 if kept else count, "kept": count if kept else 0, "why": kept}
        for (label, kept), count in counts.items()
    ]


async def _erase_rows(
    work: UnitOfWork, requests: PersonRequests, request: PersonRequestRow, found: Sequence[FoundRow]
) -> None:
    """Empty the columns, take the person out of notices, forget stored answers, and delete files and uploaded tables.

    Contents are deleted last and before the commit: a lost commit leaves rows of which the erasure is asked again.
    """
    ids = {record_key(one.record) for one in found}
    files = {UUID(name) for one in found if one.rows.files for name in getattr(one.record, one.rows.files)}
    digests, elsewhere = await repository.system_delete_files(work, files, ids) if files else ([], [])
    for one in found:
        await _erase_row(work, one, request, elsewhere)
    for rows in {one.rows.notice: one.rows for one in found if one.rows.notice}.values():
        subjects = [record_key(one.record) for one in found if one.rows.notice == rows.notice]
        await repository.system_blank_notices(work, rows.notice, subjects)
    await repository.system_delete_answers(work, ids)
    if requests.imports is not None:
        records = {getattr(one.record, one.rows.source) for one in found}
        digests += await repository.system_list_source_tables(work, requests.imports, records)
    await delete_contents(work.context, digests)


async def _erase_row(
    work: UnitOfWork, found: FoundRow, request: PersonRequestRow, elsewhere: Sequence[UUID]
) -> None:
    rows, record = found.rows, found.record
    if rows.deletes:
        await work.session.delete(record)
        return
    own_files = tuple(one for one in elsewhere if rows.files and str(one) in getattr(record, rows.files))
    for name, value in _list_values(rows, record).items():
        if value is ACCOUNT_NAME:
            value = name_erased_account(getattr(request, "account_id", ""))  # noqa: PLW2901
        setattr(record, name, value() if callable(value) else value)
    if not hasattr(record, "version"):
        work.session.add(record)
        return
    event = PersonalDataErased(columns=sorted(_list_values(rows, record)), file_ids=own_files)
    reason = f"个人信息保护法第四十七条: {request.basis.label if request.basis else ''}"
    await save_record(work, record, event, reason=reason)


def _list_values(rows: PersonalRows, record: Any) -> dict[str, Any]:  # noqa: ANN401 - a record of their model
    """Column → what stands in it after the erasure; the digest of the request that made the row is one of them."""
    digest = {"created_digest": ""} if hasattr(record, "created_digest") else {}
    files = {rows.files: list} if rows.files else {}
    return {**rows.empties, **files, **digest}
