"""Routes `/households/measures`."""

from uuid import UUID

from fastapi import APIRouter

from services.households.measures import repository, service
from services.households.measures.lifecycle import MEASURE, MeasureAction, MeasureState
from services.households.measures.models import HelpMeasure
from services.households.measures.schemas import (
    MeasureCreate,
    MeasureDetail,
    MeasureKind,
    MeasureRead,
    MeasureTransitionRequest,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Invalid,
    NotFound,
    Unavailable,
)
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/households/measures", tags=["帮扶措施"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=MeasureRead,
    **requires(May.HOUSEHOLD_INVESTIGATE, refuses=(Conflict, Invalid, NotFound, Unavailable)),
)
async def add_measure(work: WriteWork, body: MeasureCreate) -> HelpMeasure:
    """登记帮扶措施."""
    return await service.create_measure(work, body)


@router.get("", response_model=Page[MeasureRead], **requires(May.HOUSEHOLD_READ))
async def list_measures(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    household_id: UUID | None = None,
    kind: MeasureKind | None = None,
    state: MeasureState | None = None,
    project_id: UUID | None = None,
    asset_id: UUID | None = None,
) -> Page[HelpMeasure]:
    """帮扶措施, 新登记的在前."""
    filters = {
        "household_id": household_id,
        "kind": kind,
        "state": state,
        "project_id": project_id,
        "asset_id": asset_id,
    }
    return await repository.list_measures(work, params, region, filters)


@router.get(
    "/{measure_id}", response_model=MeasureDetail, **requires(May.HOUSEHOLD_READ, refuses=(NotFound,))
)
async def read_measure(work: ReadWork, measure_id: UUID) -> MeasureDetail:
    """帮扶措施和可办事项."""
    return service.get_measure_detail(work, await repository.get_measure(work, measure_id))


@router.post(
    "/{measure_id}/{action}",
    response_model=MeasureDetail | TransitionPreview,
    **moves(MEASURE),
)
async def act_on_measure(
    work: WriteWork,
    measure_id: UUID,
    action: MeasureAction,
    body: MeasureTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> MeasureDetail | TransitionPreview:
    """办理帮扶措施."""
    return await service.transition_measure(work, measure_id, action, body, match=match, dry_run=dry_run)


MEASURE_KIND = RecordKind(
    name="help_measure",
    label="帮扶措施",
    path="/households/measures",
    model=HelpMeasure,
    read=MeasureRead,
    may=May.HOUSEHOLD_READ,
    title="text",
    columns=("text", "kind", "region", "unit", "planned_on", "amount", "state"),
    filters=("region", "household_id", "kind", "state", "project_id", "asset_id"),
    parents={"household_id": "household", "project_id": "project", "asset_id": "asset"},
    owner="cadre",
    lifecycle=MEASURE,
    due="planned_on",
    topics=("help_measure.moved",),
    turns=(
        turn(MeasureState.PLANNED, (MeasureAction.START, MeasureAction.FINISH), "待实施的帮扶措施"),
        turn(MeasureState.UNDER_WAY, MeasureAction.FINISH, "实施中的帮扶措施"),
    ),
    phone=True,
)
