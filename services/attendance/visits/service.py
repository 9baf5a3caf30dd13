"""Recording visits, and doing what they left to be done."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import require_not_future, require_order
from services.attendance.posts.service import get_person_region
from services.attendance.visits import repository
from services.attendance.visits.models import Deed, FollowUp, Training, Visit
from services.attendance.visits.schemas import (
    DeedChange,
    DeedCreate,
    FollowUpDoneAct,
    FollowUpRead,
    TrainingCreate,
    VisitCreate,
    VisitDetail,
    VisitRead,
)
from shared.auth import May, mask_name
from shared.clients.attendance import DeedRecorded, FollowUpDone, TrainingRecorded, VisitRecorded
from shared.db import new_id
from shared.errors import Conflict
from shared.files import uploads
from shared.http import VersionMatch
from shared.records import create_record
from shared.unit_of_work import UnitOfWork, to_json_values


async def create_visit(work: UnitOfWork, body: VisitCreate) -> Visit:
    """A visit, by who made it; it belongs to the village they were stationed in that day."""
    require_not_future(body.visited_on, work.today, "/visited_on")
    await uploads.require_files(work, body.photos)
    region = await get_person_region(work, work.actor.id, body.visited_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    visit_id = body.id or new_id()
    columns = body.model_dump(include={"visited_on", "kind", "purpose", "project_id", "asset_id", "findings"})
    place = body.fix.to_wgs84() if body.fix else None
    name = body.household.strip()
    visit, fresh = await create_record(
        work,
        Visit,
        body,
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
        **columns,
    )
    if fresh:
        await _insert_follow_ups(work, visit, body)
        await work.publish(_build_visit_event(visit), visit)
    return visit


async def _insert_follow_ups(work: UnitOfWork, visit: Visit, body: VisitCreate) -> None:
    for one in body.follow_ups:
        require_order(visit.visited_on, one.due_on, "/follow_ups")
        await create_record(
            work,
            FollowUp,
            one,
            region=visit.region,
            visit_id=visit.id,
            person=visit.person,
            **one.model_dump(),
        )


def _build_visit_event(visit: Visit) -> VisitRecorded:
    return VisitRecorded(
        person=visit.person,
        kind=visit.kind,
        visited_on=visit.visited_on,
        project_id=visit.project_id,
        asset_id=visit.asset_id,
    )


async def get_visit_detail(work: UnitOfWork, visit_id: UUID) -> VisitDetail:
    """A visit and what it left to be done."""
    visit = await records.get_record(work, Visit, visit_id, "这次走访")
    rows = await repository.list_follow_ups(work, visit)
    return VisitDetail(
        **VisitRead.model_validate(visit).model_dump(),
        follow_ups=[FollowUpRead.model_validate(row) for row in rows],
    )


async def finish_follow_up(
    work: UnitOfWork, follow_up_id: UUID, body: FollowUpDoneAct, match: VersionMatch
) -> FollowUp:
    """What was to be done is done; Conflict the second time."""
    found = await records.get_record(work, FollowUp, follow_up_id, "这项待办", lock=True)
    work.actor.require(May.VISIT_RECORD, found.region, found.person)
    match.check_version(found)
    require_not_future(body.done_on, work.today, "/done_on")
    if found.done_on is not None:
        raise Conflict(f"这项待办已于 {found.done_on} 办结", "Done already")
    found.done_on, found.result, found.done_at = body.done_on, body.result, work.at
    found.version += 1
    found.updated_at = work.at
    await work.publish(FollowUpDone(visit_id=found.visit_id, done_on=body.done_on), found)
    return found


async def create_deed(work: UnitOfWork, body: DeedCreate) -> Deed:
    """A deed of the caller, in the village they were stationed in that day."""
    require_not_future(body.done_on or body.happened_on, work.today, "/happened_on")
    require_not_future(body.happened_on, work.today, "/happened_on")
    await uploads.require_files(work, body.photos)
    if body.visit_id is not None:
        await records.get_record(work, Visit, body.visit_id, "这次走访")
    region = await get_person_region(work, work.actor.id, body.happened_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    columns = body.model_dump(exclude={"id", "amount", "done_on"})
    done_on = body.done_on or (body.happened_on if body.done else None)
    deed, fresh = await create_record(
        work,
        Deed,
        body,
        region=region,
        id=body.id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        amount=body.amount,
        done_on=done_on,
        **columns,
    )
    if fresh:
        await work.publish(_build_deed_event(deed), deed)
    return deed


def _build_deed_event(deed: Deed) -> DeedRecorded:
    return DeedRecorded(
        person=deed.person,
        kind=deed.kind,
        happened_on=deed.happened_on,
        done=deed.done,
        project_id=deed.project_id,
    )


async def update_deed(work: UnitOfWork, deed_id: UUID, body: DeedChange, match: VersionMatch) -> Deed:
    """Add to a deed, or say it is done."""
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
    before = to_json_values({name: getattr(deed, name) for name in changes})
    for name, value in changes.items():
        setattr(deed, name, value)
    deed.version += 1
    deed.updated_at = work.at
    await work.publish(_build_deed_event(deed), deed, before=before)
    return deed


async def create_training(work: UnitOfWork, body: TrainingCreate) -> Training:
    """A training or contest of the caller."""
    require_not_future(body.held_on, work.today, "/held_on")
    await uploads.require_files(work, body.photos)
    region = await get_person_region(work, work.actor.id, body.held_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    row, fresh = await create_record(
        work,
        Training,
        body,
        region=region,
        id=body.id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        **body.model_dump(exclude={"id"}),
    )
    if fresh:
        await work.publish(TrainingRecorded(person=row.person, kind=row.kind, held_on=row.held_on), row)
    return row
