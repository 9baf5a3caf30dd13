"""`/attendance/deeds` and `/attendance/trainings`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.deeds import service
from services.attendance.deeds.kinds import DeedKind, TrainingKind
from services.attendance.deeds.models import Deed, Training
from services.attendance.deeds.schemas import (
    DeedChange,
    DeedCreate,
    DeedRead,
    TrainingCreate,
    TrainingRead,
)
from services.attendance.fields import PersonQuery, RegionQuery
from shared.errors import Conflict, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance", tags=["帮办实事"], route_class=Route)
_RECORDS = allows(May.VISIT_RECORD, refuses=(NotFound, Conflict, Invalid))


@router.post("/deeds", status_code=201, response_model=DeedRead, **_RECORDS)
async def record_deed(work: Writing, body: DeedCreate) -> Deed:
    """记录帮办实事."""
    return await service.record(work, body)


@router.get("/deeds", response_model=Page[DeedRead], **allows(May.PRESENCE_READ))
async def list_deeds(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    project_id: UUID | None = None,
    kind: DeedKind | None = None,
    done: Annotated[bool | None, Query(description="空为全部")] = None,
) -> Page[Deed]:
    """实事清单."""
    equal = {"person": person, "project_id": project_id, "kind": kind, "done": done}
    return await records.listed(work, asked, Deed, order="-happened_on", region=region, equal=equal)


@router.get("/deeds/{deed_id}", response_model=DeedRead, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_deed(work: Reading, deed_id: UUID) -> Deed:
    """一件实事."""
    return await records.get(work, Deed, deed_id, "这件实事")


@router.patch(
    "/deeds/{deed_id}",
    response_model=DeedRead,
    **allows(May.VISIT_RECORD, refuses=(NotFound, Invalid, Stale, VersionRequired)),
)
async def change_deed(work: Writing, deed_id: UUID, body: DeedChange, match: IfMatch) -> Deed:
    """补充或办结实事."""
    return await service.change(work, deed_id, body, match)


@router.post("/trainings", status_code=201, response_model=TrainingRead, **_RECORDS)
async def record_training(work: Writing, body: TrainingCreate) -> Training:
    """记录岗位大练兵或业务大比武."""
    return await service.train(work, body)


@router.get("/trainings", response_model=Page[TrainingRead], **allows(May.PRESENCE_READ))
async def list_trainings(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    kind: TrainingKind | None = None,
) -> Page[Training]:
    """练兵比武记录."""
    equal = {"person": person, "kind": kind}
    return await records.listed(work, asked, Training, order="-held_on", region=region, equal=equal)
