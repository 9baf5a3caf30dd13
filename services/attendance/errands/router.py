"""`/attendance/errands`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.errands import service
from services.attendance.errands.lifecycle import ERRAND, ErrandAction, ErrandState
from services.attendance.errands.models import Errand
from services.attendance.errands.schemas import ErrandAct, ErrandCreate, ErrandDetail, ErrandRead
from services.attendance.fields import PersonQuery, RegionQuery
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/errands", tags=["公出"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=ErrandRead,
    **allows(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def report_errand(work: Writing, body: ErrandCreate) -> Errand:
    """公出报备."""
    return await service.report(work, body)


@router.get("", response_model=Page[ErrandRead], **allows(May.PRESENCE_READ))
async def list_errands(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: ErrandState | None = None,
) -> Page[Errand]:
    """公出列表."""
    equal = {"person": person, "state": state}
    return await records.listed(work, asked, Errand, order="-starts_on", region=region, equal=equal)


@router.get("/{errand_id}", response_model=ErrandDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_errand(work: Reading, errand_id: UUID) -> ErrandDetail:
    """公出与可办事项."""
    return await service.detail(work, errand_id)


@router.post(
    "/{errand_id}/{action}",
    response_model=ErrandRead | Preview,
    description=f"```mermaid\n{ERRAND.mermaid()}\n```",
    **allows(*ERRAND.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_errand(
    work: Writing,
    errand_id: UUID,
    action: ErrandAction,
    body: ErrandAct,
    match: IfMatch,
    dry_run: bool = False,
) -> Errand | Preview:
    """办理公出: 知悉, 不同意, 撤回, 返村."""
    return await service.act(work, errand_id, action, body, match=match, dry_run=dry_run)
