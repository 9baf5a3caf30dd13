"""Recording visits, and doing what they left to be done."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import in_order, not_future
from services.attendance.stationed import home
from services.attendance.visits import repository
from services.attendance.visits.models import FollowUp, Visit
from services.attendance.visits.schemas import (
    FollowUpDoneAct,
    FollowUpRead,
    VisitCreate,
    VisitDetail,
    VisitRead,
)
from shared import files
from shared.contracts.attendance import FollowUpDone, VisitRecorded
from shared.creates import create
from shared.errors import Conflict
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.personal import mask_name
from shared.work import Work


async def record(work: Work, body: VisitCreate) -> Visit:
    """A visit, by who made it; it belongs to the village they were stationed in that day."""
    not_future(body.visited_on, work.today, "/visited_on")
    await files.require(work, body.photos)
    region = await home(work, work.actor.id, body.visited_on)
    work.actor.require(May.VISIT_RECORD, region, work.actor.id)
    visit_id = body.id or new_id()
    columns = body.model_dump(include={"visited_on", "kind", "purpose", "project_id", "asset_id", "findings"})
    place = body.fix.wgs84() if body.fix else None
    name = body.household.strip()
    visit, fresh = await create(
        work,
        Visit,
        body,
        region=region,
        id=visit_id,
        person=work.actor.id,
        person_name=work.actor.name[:50],
        household_sealed=work.context.keyring.seal(name, about=f"visit:{visit_id}:household") if name else "",
        household_masked=mask_name(name) if name else "",
        household_mark=work.context.keyring.blind(f"{region}{name}", "household") if name else "",
        lon=place.lon if place else None,
        lat=place.lat if place else None,
        place=body.fix.model_dump(mode="json") if body.fix else {},
        photos=body.photos,
        **columns,
    )
    if fresh:
        await _left(work, visit, body)
        await work.tell(_told(visit), visit)
    return visit


async def _left(work: Work, visit: Visit, body: VisitCreate) -> None:
    for one in body.follow_ups:
        in_order(visit.visited_on, one.due_on, "/follow_ups")
        await create(
            work,
            FollowUp,
            one,
            region=visit.region,
            visit_id=visit.id,
            person=visit.person,
            **one.model_dump(),
        )


def _told(visit: Visit) -> VisitRecorded:
    return VisitRecorded(
        person=visit.person,
        kind=visit.kind,
        visited_on=visit.visited_on,
        project_id=visit.project_id,
        asset_id=visit.asset_id,
    )


async def detail(work: Work, visit_id: UUID) -> VisitDetail:
    """A visit and what it left to be done."""
    visit = await records.get(work, Visit, visit_id, "这次走访")
    rows = await repository.follow_ups(work, visit)
    return VisitDetail(
        **VisitRead.model_validate(visit).model_dump(),
        follow_ups=[FollowUpRead.model_validate(row) for row in rows],
    )


async def finish(work: Work, follow_up_id: UUID, body: FollowUpDoneAct, match: Match) -> FollowUp:
    """What was to be done is done; Conflict the second time."""
    found = await records.get(work, FollowUp, follow_up_id, "这项待办", lock=True)
    work.actor.require(May.VISIT_RECORD, found.region, found.person)
    match.check(found)
    not_future(body.done_on, work.today, "/done_on")
    if found.done_on is not None:
        raise Conflict(f"这项待办已于 {found.done_on} 办结", "Done already")
    found.done_on, found.result, found.done_at = body.done_on, body.result, work.at
    found.version += 1
    found.updated_at = work.at
    await work.tell(FollowUpDone(visit_id=found.visit_id, done_on=body.done_on), found)
    return found
