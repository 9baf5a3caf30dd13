"""Use cases of measures of help: plan, start, finish, stop."""

from uuid import UUID

from services.households.households.lifecycle import HELPED
from services.households.households.models import Household
from services.households.households.repository import get_household
from services.households.measures import repository
from services.households.measures.events import HelpMeasureMoved
from services.households.measures.lifecycle import MEASURE, MeasureAction, MeasureFacts, MeasureState
from services.households.measures.models import HelpMeasure
from services.households.measures.schemas import (
    MeasureCreate,
    MeasureDetail,
    MeasureKind,
    MeasureRead,
    MeasureTransitionRequest,
)
from shared.auth import May
from shared.db import new_id
from shared.errors import Conflict, NotFound, invalid_field
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, insert_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


def build_event(measure: HelpMeasure, was: str, now: str) -> HelpMeasureMoved:
    """The event of a measure whose state or cadre changed."""
    return HelpMeasureMoved(
        measure_id=measure.id,
        household_id=measure.household_id,
        project_id=measure.project_id,
        asset_id=measure.asset_id,
        was=was,
        now=now,
    )


async def create_measure(work: UnitOfWork, body: MeasureCreate) -> HelpMeasure:
    """Plan a measure for a household in monitoring. Invalid for a project or asset that the caller cannot see."""
    await _require_found(work, "projects", body.project_id, "project_id", "项目")
    await _require_found(work, "assets", body.asset_id, "asset_id", "资产")
    household = await get_household(work, body.household_id)
    work.actor.require(May.HOUSEHOLD_INVESTIGATE, household.region, household.cadre)
    if household.state not in HELPED:
        raise Conflict(
            f"监测户{household.state.label}, 不在监测帮扶中", f"The household is {household.state}"
        )
    measure, _ = await create_record(
        work,
        HelpMeasure,
        body,
        event=lambda measure: build_event(measure, "", measure.state),
        region=household.region,
        cadre=household.cadre,
        state=MeasureState.PLANNED,
        state_since=work.at,
        **body.model_dump(),
    )
    return measure


async def insert_applied_measure(work: UnitOfWork, household: Household, text: str) -> None:
    """Insert a measure that another register says was applied; when is not told there."""
    measure = HelpMeasure(
        id=new_id(),
        region=household.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        household_id=household.id,
        cadre=household.cadre,
        kind=MeasureKind.OTHER,
        text=text,
        planned_on=household.verified_on,
        state=MeasureState.DONE,
        state_since=work.at,
    )
    await insert_record(work, measure, build_event(measure, "", measure.state))


async def _require_found(
    work: UnitOfWork, service: str, record_id: UUID | None, field: str, words: str
) -> None:
    if record_id is None:
        return
    try:
        await work.service_client(service).get(f"/api/v1/{service}/{record_id}")
    except NotFound:
        raise invalid_field("not_found", f"没有这个{words}", f"/{field}", f"No such {field}") from None


async def transition_measure(
    work: UnitOfWork,
    measure_id: UUID,
    action: MeasureAction,
    body: MeasureTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> MeasureDetail | TransitionPreview:
    """Apply one transition to a measure; on `dry_run` return a preview instead."""
    measure = await repository.get_measure(work, measure_id, lock=True)
    preview = await apply_transition(
        work,
        MEASURE,
        measure,
        action,
        _collect_facts(work, body),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=measure.cadre,
        event=lambda was, now: build_event(measure, was, now),
    )
    if preview is not None:
        return preview
    if action is MeasureAction.FINISH:
        measure.result, measure.done_on = body.result, body.done_on
        work.session.add(measure)
    return get_measure_detail(work, measure)


def _collect_facts(work: UnitOfWork, body: MeasureTransitionRequest) -> MeasureFacts:
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    return MeasureFacts(result=body.result, done_on=body.done_on, on=on, reason=body.reason)


def get_measure_detail(work: UnitOfWork, measure: HelpMeasure) -> MeasureDetail:
    """A measure and the actions available to the caller."""
    facts = _collect_facts(work, MeasureTransitionRequest.model_construct())
    return MeasureDetail(
        **MeasureRead.model_validate(measure).model_dump(),
        available_actions=available_actions(work, MEASURE, measure, facts, owner=measure.cadre),
    )
