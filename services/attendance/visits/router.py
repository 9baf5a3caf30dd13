"""`/attendance/visits` and `/attendance/follow-ups`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.rows import between
from services.attendance.visits import service
from services.attendance.visits.kinds import VisitKind
from services.attendance.visits.models import FollowUp, Visit
from services.attendance.visits.schemas import (
    FollowUpDoneAct,
    FollowUpRead,
    VisitCreate,
    VisitDetail,
    VisitRead,
)
from shared.errors import Conflict, Invalid, NotFound, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance", tags=["走访"], route_class=Route)


@router.post(
    "/visits",
    status_code=201,
    response_model=VisitRead,
    **allows(May.VISIT_RECORD, refuses=(NotFound, Conflict, Invalid)),
)
async def record_visit(work: Writing, body: VisitCreate) -> Visit:
    """记录走访: 农户, 项目或资产."""
    return await service.record(work, body)


@router.get("/visits", response_model=Page[VisitRead], **allows(May.PRESENCE_READ))
async def list_visits(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    project_id: UUID | None = None,
    asset_id: UUID | None = None,
    kind: VisitKind | None = None,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> Page[Visit]:
    """走访列表; by project or asset for their own pages."""
    equal = {"person": person, "kind": kind, "project_id": project_id, "asset_id": asset_id}
    return await records.listed(
        work,
        asked,
        Visit,
        order="-visited_on",
        region=region,
        equal=equal,
        where=between(Visit.visited_on, since, until),
    )


@router.get(
    "/visits/{visit_id}", response_model=VisitDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_visit(work: Reading, visit_id: UUID) -> VisitDetail:
    """走访及其待办."""
    return await service.detail(work, visit_id)


@router.get("/follow-ups", response_model=Page[FollowUpRead], **allows(May.PRESENCE_READ))
async def list_follow_ups(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    done: Annotated[bool | None, Query(description="空为全部")] = None,
) -> Page[FollowUp]:
    """走访待办列表, the most urgent first."""
    column = col(FollowUp.done_on)
    where = [] if done is None else [column.is_not(None) if done else column.is_(None)]
    return await records.listed(
        work, asked, FollowUp, order="due_on", region=region, equal={"person": person}, where=where
    )


@router.post(
    "/follow-ups/{follow_up_id}/finish",
    response_model=FollowUpRead,
    **allows(May.VISIT_RECORD, refuses=(NotFound, Conflict, Invalid, Stale)),
)
async def finish_follow_up(
    work: Writing, follow_up_id: UUID, body: FollowUpDoneAct, match: IfMatch
) -> FollowUp:
    """办结待办."""
    return await service.finish(work, follow_up_id, body, match)
