"""Visits with follow-ups, deeds and trainings."""

from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import require_not_future, require_order
from services.attendance.posts.service import get_person_region
from services.attendance.visits import repository
from services.attendance.visits.models import Deed, Training, Visit, VisitFollowUp
from services.attendance.visits.schemas import (
    DeedChange,
    DeedCreate,
    FollowUpDoneAct,
    TrainingCreate,
    VisitCreate,
    VisitDetail,
    VisitFollowUpRead,
    VisitRead,
)
from shared.auth import May, mask_name
from shared.clients.attendance import DeedRecorded, FollowUpDone, TrainingRecorded, VisitRecorded
from shared.db import new_id
from shared.errors import AlreadyStands, Conflict
from shared.files import uploads
from shared.files.remarks import PhotoClaim, list_photo_remarks
from shared.http import VersionMatch
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork


async def create_visit(work: UnitOfWork, body: VisitCreate) -> Visit:
    """Records a visit of the caller, in the village to which they were assigned that day."""
    require_not_future(body.visited_on, work.today, "/visited_on")
    files = await uploads.require_files(work, body.photos)
    region = await get_person_region(work, work.actor.id, body.visited_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    visit_id = body.id or new_id()
    columns = body.model_dump(include={"visited_on", "kind", "purpose", "project_id", "asset_id", "findings"})
    place = body.fix.to_wgs84() if body.fix else None
    name = body.household.strip()
    claim = PhotoClaim(body.visited_on, body.visited_on, (place.lon, place.lat) if place else None)
    visit, is_new = await create_record(
        work,
        Visit,
        body,
        event=_build_visit_event,
        region=region,
        id=visit_id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        household_sealed=work.context.keyring.encrypt(name, associated_data=f"visit:{visit_id}:household")
        if name
        else "",
        household_masked=mask_name(name) if name else "",
        household_mark=work.context.keyring.blind_index(f"{region}{name}", "household") if name else "",
        lon=place.lon if place else None,
        lat=place.lat if place else None,
        place=body.fix.model_dump(mode="json") if body.fix else {},
        photos=body.photos,
        photo_remarks=await list_photo_remarks(work, Visit, body.photos, files, claim),
        **columns,
    )
    if is_new:
        await _insert_follow_ups(work, visit, body)
    return visit


async def get_visit_detail(work: UnitOfWork, visit_id: UUID) -> VisitDetail:
    """Returns a visit with its follow-ups."""
    visit = await records.get_record(work, Visit, visit_id, "这次走访")
    rows = await repository.list_follow_ups(work, visit)
    return VisitDetail(
        **VisitRead.model_validate(visit).model_dump(),
        follow_ups=[VisitFollowUpRead.model_validate(row) for row in rows],
        place=_build_place(work, visit),
    )


async def finish_follow_up(
    work: UnitOfWork, follow_up_id: UUID, body: FollowUpDoneAct, match: VersionMatch
) -> VisitFollowUp:
    """Completes a follow-up. Raises Conflict if it is completed."""
    follow_up = await records.get_record(work, VisitFollowUp, follow_up_id, "这项待办", lock=True)
    work.actor.require(May.VISIT_RECORD, follow_up.region, follow_up.person)
    match.check_version(follow_up)
    require_not_future(body.done_on, work.today, "/done_on")
    if follow_up.done_on is not None:
        same = (follow_up.done_on, follow_up.result) == (body.done_on, body.result)
        raise (AlreadyStands if same else Conflict)(f"这项待办已于 {follow_up.done_on} 办结", "Done already")
    follow_up.done_on, follow_up.result, follow_up.done_at = body.done_on, body.result, work.at
    await save_record(work, follow_up, FollowUpDone(visit_id=follow_up.visit_id, done_on=body.done_on))
    return follow_up


async def create_deed(work: UnitOfWork, body: DeedCreate) -> Deed:
    """Records a deed of the caller, in the village to which they were assigned that day."""
    require_not_future(body.done_on or body.happened_on, work.today, "/happened_on")
    require_not_future(body.happened_on, work.today, "/happened_on")
    await uploads.require_files(work, body.photos)
    if body.visit_id is not None:
        await records.get_record(work, Visit, body.visit_id, "这次走访")
    region = await get_person_region(work, work.actor.id, body.happened_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    if await repository.has_same_deed(work, work.actor.id, body):
        raise Conflict("这件实事已登记(同日、同类、同内容), 不再计数", "The same deed is recorded")
    columns = body.model_dump(exclude={"id", "amount", "done_on"})
    done_on = body.done_on or (body.happened_on if body.done else None)
    deed, _ = await create_record(
        work,
        Deed,
        body,
        event=build_deed_event,
        region=region,
        id=body.id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        amount=body.amount,
        done_on=done_on,
        **columns,
    )
    return deed


async def update_deed(work: UnitOfWork, deed_id: UUID, body: DeedChange, match: VersionMatch) -> Deed:
    """Changes a deed; a `done_on` completes it."""
    deed = await records.get_record(work, Deed, deed_id, "这件实事", lock=True)
    work.actor.require(May.VISIT_RECORD, deed.region, deed.person)
    match.require_version(deed)
    changes = {name: getattr(body, name) for name in body.model_fields_set if getattr(body, name) is not None}
    if "photos" in changes:
        await uploads.require_files(work, changes["photos"])
    if body.done_on is not None:
        require_not_future(body.done_on, work.today, "/done_on")
        require_order(deed.happened_on, body.done_on, "/done_on")
        changes["done"] = True
    before = {name: getattr(deed, name) for name in changes}
    for name, value in changes.items():
        setattr(deed, name, value)
    await save_record(work, deed, build_deed_event(deed), before=before)
    return deed


async def create_training(work: UnitOfWork, body: TrainingCreate) -> Training:
    """Records a training or contest of the caller."""
    require_not_future(body.held_on, work.today, "/held_on")
    await uploads.require_files(work, body.photos)
    region = await get_person_region(work, work.actor.id, body.held_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    training, _ = await create_record(
        work,
        Training,
        body,
        event=lambda training: TrainingRecorded(
            person=training.person, kind=training.kind, held_on=training.held_on
        ),
        region=region,
        id=body.id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        **body.model_dump(exclude={"id"}),
    )
    return training


async def _insert_follow_ups(work: UnitOfWork, visit: Visit, body: VisitCreate) -> None:
    """Inserts the follow-ups. Raises Invalid if one is due before the visit."""
    for follow_up in body.follow_ups:
        require_order(visit.visited_on, follow_up.due_on, "/follow_ups")
        await create_record(
            work,
            VisitFollowUp,
            follow_up,
            region=visit.region,
            visit_id=visit.id,
            person=visit.person,
            **follow_up.model_dump(),
        )


def _build_place(work: UnitOfWork, visit: Visit) -> dict[str, Any] | None:
    """Returns where the visit was recorded, to the person and to those who review."""
    may_see = work.actor.is_same_person(visit.person) or work.actor.has_access(
        May.PRESENCE_REVIEW, visit.region
    )
    if not may_see or visit.lon is None:
        return None
    return {"lon": visit.lon, "lat": visit.lat, "datum": "wgs84", "coarse": visit.coarse, "fix": visit.place}


def _build_visit_event(visit: Visit) -> VisitRecorded:
    return VisitRecorded(
        person=visit.person,
        kind=visit.kind,
        visited_on=visit.visited_on,
        project_id=visit.project_id,
        asset_id=visit.asset_id,
    )


def build_deed_event(deed: Deed) -> DeedRecorded:
    """What the log says of a deed."""
    return DeedRecorded(
        person=deed.person,
        kind=deed.kind,
        happened_on=deed.happened_on,
        done=deed.done,
        project_id=deed.project_id,
    )
