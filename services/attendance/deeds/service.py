"""Recording deeds and trainings."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.deeds.models import Deed, Training
from services.attendance.deeds.schemas import DeedChange, DeedCreate, TrainingCreate
from services.attendance.fields import in_order, not_future
from services.attendance.stationed import home
from services.attendance.visits.models import Visit
from shared import files
from shared.contracts.attendance import DeedRecorded, TrainingRecorded
from shared.creates import create
from shared.http import Match
from shared.permissions import May
from shared.work import Work, plain


async def record(work: Work, body: DeedCreate) -> Deed:
    """A deed of the caller, in the village they were stationed in that day."""
    not_future(body.done_on or body.happened_on, work.today, "/happened_on")
    not_future(body.happened_on, work.today, "/happened_on")
    await files.require(work, body.photos)
    if body.visit_id is not None:
        await records.get(work, Visit, body.visit_id, "这次走访")
    region = await home(work, work.actor.id, body.happened_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    columns = body.model_dump(exclude={"id", "amount", "done_on"})
    done_on = body.done_on or (body.happened_on if body.done else None)
    deed, fresh = await create(
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
        await work.tell(_told(deed), deed)
    return deed


def _told(deed: Deed) -> DeedRecorded:
    return DeedRecorded(
        person=deed.person,
        kind=deed.kind,
        happened_on=deed.happened_on,
        done=deed.done,
        project_id=deed.project_id,
    )


async def change(work: Work, deed_id: UUID, body: DeedChange, match: Match) -> Deed:
    """Add to a deed, or say it is done."""
    deed = await records.get(work, Deed, deed_id, "这件实事", lock=True)
    work.actor.require(May.VISIT_RECORD, deed.region, deed.person)
    match.require(deed)
    changes = {name: getattr(body, name) for name in body.model_fields_set if getattr(body, name) is not None}
    if "photos" in changes:
        await files.require(work, changes["photos"])
    if body.done_on is not None:
        not_future(body.done_on, work.today, "/done_on")
        in_order(deed.happened_on, body.done_on, "/done_on")
        changes["done"] = True
    before = plain({name: getattr(deed, name) for name in changes})
    for name, value in changes.items():
        setattr(deed, name, value)
    deed.version += 1
    deed.updated_at = work.at
    await work.tell(_told(deed), deed, before=before)
    return deed


async def train(work: Work, body: TrainingCreate) -> Training:
    """A training or contest of the caller."""
    not_future(body.held_on, work.today, "/held_on")
    await files.require(work, body.photos)
    region = await home(work, work.actor.id, body.held_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    row, fresh = await create(
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
        await work.tell(TrainingRecorded(person=row.person, kind=row.kind, held_on=row.held_on), row)
    return row
