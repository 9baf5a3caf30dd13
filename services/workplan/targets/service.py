"""Use cases of targets: set, report, compute, confirm, explain."""

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.workplan.plans import repository as plans
from services.workplan.policy import LIGHTS
from services.workplan.targets import repository
from services.workplan.targets.calculation import (
    convert,
    find_aim,
    find_completion,
    find_due_milestone,
    find_light,
)
from services.workplan.targets.events import (
    WorkActualDecided,
    WorkActualReported,
    WorkTargetExplained,
    WorkTargetSet,
)
from services.workplan.targets.models import WorkActual, WorkTarget
from services.workplan.targets.schemas import (
    ActualSource,
    ActualState,
    Computation,
    Explanation,
    Light,
    WorkActualCreate,
    WorkActualDecision,
    WorkActualRead,
    WorkPlanSummary,
    WorkTargetCreate,
    WorkTargetDetail,
    WorkTargetRead,
)
from shared.auth import May
from shared.db import new_id
from shared.errors import Conflict, Forbidden, invalid_field
from shared.files import uploads
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import UnitOfWork


async def create_target(work: UnitOfWork, body: WorkTargetCreate) -> WorkTarget:
    """Set a target of an item. Shares must lie in the plan's region; units and sums are checked with the body."""
    item = await plans.get_item(work, body.item_id)
    work.actor.require(May.WORKPLAN_MANAGE, item.region)
    for index, share in enumerate(body.shares):
        if not work.is_within_region(share.region, item.region):
            raise invalid_field("outside", f"{share.region} 不在本辖区", f"/shares/{index}/region", "Outside")
    target, _ = await create_record(
        work,
        WorkTarget,
        body,
        event=lambda target: WorkTargetSet(
            target_id=target.id, name=target.name, value=target.value, unit=target.unit
        ),
        region=item.region,
        id=body.id or new_id(),
        plan_id=item.plan_id,
        item_number=item.number,
        year=body.due_on.year,
        base=None if body.base is None else str(body.base),
        value=str(body.value),
        milestones=[str(one) for one in body.milestones],
        computation=body.computation.model_dump(mode="json") if body.computation else None,
        shares=[{"region": one.region, "value": str(one.value)} for one in body.shares],
        **body.model_dump(
            include={"item_id", "name", "unit", "direction", "due_on", "source"}, mode="python"
        ),
    )
    return target


async def report_actual(work: UnitOfWork, target_id: UUID, body: WorkActualCreate) -> WorkActual:
    """Report what was reached up to a day; another person confirms it."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    target = await repository.get_target(work, target_id, lock=True)
    work.actor.require(May.WORKPLAN_REPORT, target.region)
    if target.source is ActualSource.COMPUTED:
        raise Conflict("这项指标由系统计算, 不用填报", "The target is computed")
    if body.on > work.today:
        raise invalid_field("in_the_future", "截至日期不能晚于今天", "/on", "on lies in the future")
    if target.source is ActualSource.STATISTIC and not body.document_no:
        raise invalid_field("no_document", "外部统计须写明文件号", "/document_no", "A document is needed")
    if target.source is ActualSource.REPORTED and not file_ids:
        raise invalid_field("no_evidence", "填报进度须附佐证材料", "/file_ids", "Evidence is needed")
    value = convert(body.value, body.unit or target.unit, target.unit)
    if value is None:
        raise invalid_field(
            "other_unit", f"{body.unit.label if body.unit else ''} 不能换算为 {target.unit.label}", "/unit"
        )
    actual, is_new = await create_record(
        work,
        WorkActual,
        body,
        region=target.region,
        id=body.id or new_id(),
        target_id=target.id,
        on=body.on,
        value=_format(value),
        source=target.source,
        state=ActualState.REPORTED,
        document_no=body.document_no,
        note=body.note,
        file_ids=file_ids,
    )
    if is_new:
        await _tell_reported(work, target, actual)
    return actual


async def _tell_reported(work: UnitOfWork, target: WorkTarget, actual: WorkActual) -> None:
    event = WorkActualReported(
        target_id=target.id, actual_id=actual.id, value=actual.value, source=actual.source
    )
    await log_event(work, target, event)


async def compute_actual(work: UnitOfWork, target_id: UUID) -> WorkActual:
    """Ask the service that keeps the figure, and keep the answer with the address that opens to its rows.

    Invalid when the answer has no number at the path that the target names.
    """
    # Read in a session of its own: the other service is asked before the transaction begins.
    async with work.context.database.read() as session:
        target = await repository.get_target(replace(work, session=session), target_id)
    work.actor.require(May.WORKPLAN_REPORT, target.region)
    if target.computation is None:
        raise Conflict("这项指标不由系统计算, 请填报", "The target is not computed")
    wanted = Computation.model_validate(target.computation)
    params = {
        key: value.replace("{region}", target.region).replace("{year}", str(target.year))
        for key, value in wanted.params.items()
    }
    address = f"/api/v1{wanted.address}".replace("{year}", str(target.year))
    answer = await work.service_client(wanted.service).get(address, params=params)
    value = convert(_pick(answer, wanted), wanted.unit or target.unit, target.unit)
    if value is None:
        raise invalid_field("other_unit", "取到的数的单位不能换算为指标的单位", "/computation/unit")
    actual = WorkActual(
        id=new_id(),
        region=target.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        created_digest="",
        target_id=target.id,
        on=work.today,
        value=_format(value),
        source=ActualSource.COMPUTED,
        state=ActualState.CONFIRMED,
        rows=f"{address}?{urlencode(sorted(params.items()))}" if params else address,
    )
    target = await repository.get_target(work, target_id, lock=True)
    work.session.add(actual)
    await work.session.flush()
    await _take_newest(work, target, actual)
    event = WorkActualReported(
        target_id=target.id, actual_id=actual.id, value=actual.value, source=actual.source
    )
    await save_record(work, target, event)
    return actual


def _pick(answer: Any, wanted: Computation) -> Decimal:  # noqa: ANN401 - any JSON
    found = answer
    for key in wanted.path:
        found = found.get(key) if isinstance(found, dict) else None
    try:
        return Decimal(str(found))
    except InvalidOperation as error:
        detail = f"{wanted.address} 的答复里没有数字 {'.'.join(wanted.path)}"
        raise invalid_field("no_figure", detail, "/computation/path", "No number there") from error


def _format(value: Decimal) -> str:
    text = f"{value:.4f}"
    return text.rstrip("0").rstrip(".")


async def _take_newest(work: UnitOfWork, target: WorkTarget, actual: WorkActual) -> None:
    newest = await repository.find_newest(work, target)
    if newest is not None and newest.id == actual.id:
        target.reached, target.reached_on = actual.value, actual.on
        if (await get_light(work, target)) is Light.GREEN:
            target.explanation = ""


async def decide_actual(
    work: UnitOfWork, target_id: UUID, actual_id: UUID, body: WorkActualDecision
) -> WorkActual:
    """Confirm or reject what somebody else reported. Forbidden for who reported it."""
    target = await repository.get_target(work, target_id, lock=True)
    actual = await repository.get_actual(work, target, actual_id)
    if actual.state is not ActualState.REPORTED:
        raise Conflict(f"这次进度{actual.state.label}", f"The actual is {actual.state}")
    if work.actor.is_same_person(actual.created_by):
        raise Forbidden("不能核实本人填报的进度", "Four eyes: another person must")
    if not body.confirmed and not body.reason.strip():
        raise invalid_field("no_reason", "不属实的须写明理由", "/reason", "A reason is needed")
    actual.state = ActualState.CONFIRMED if body.confirmed else ActualState.REJECTED
    actual.confirmed_by = work.actor.id
    work.session.add(actual)
    await work.session.flush()
    await _take_newest(work, target, actual)
    event = WorkActualDecided(target_id=target.id, actual_id=actual.id, now=actual.state)
    await save_record(work, target, event, reason=body.reason)
    return actual


async def explain_target(work: UnitOfWork, target_id: UUID, body: Explanation) -> WorkTarget:
    """Say why a target is behind and what is done. Conflict while it is on schedule."""
    target = await repository.get_target(work, target_id, lock=True)
    work.actor.require(May.WORKPLAN_REPORT, target.region)
    if (await get_light(work, target)) not in (Light.YELLOW, Light.RED):
        raise Conflict("这项指标没有滞后", "The target is not behind")
    target.explanation = body.text
    await save_record(work, target, WorkTargetExplained(target_id=target.id, text=body.text))
    return target


async def get_light(work: UnitOfWork, target: WorkTarget) -> Light:
    """The light of a target today."""
    rule = await work.get_rule(LIGHTS, region=target.region)
    aim = find_aim(target.direction, Decimal(target.value), Decimal(target.base) if target.base else None)
    expected = find_due_milestone(
        [Decimal(one) for one in target.milestones], aim, target.year, target.due_on, work.today
    )
    reached = Decimal(target.reached) if target.reached is not None else None
    return find_light(target.direction, reached, expected, rule.value.yellow_percent)


async def build_target_read(work: UnitOfWork, target: WorkTarget) -> WorkTargetRead:
    """A target with its completion and light of today."""
    aim = find_aim(target.direction, Decimal(target.value), Decimal(target.base) if target.base else None)
    reached = Decimal(target.reached) if target.reached is not None else None
    columns = {name: getattr(target, name) for name in WorkTargetRead.model_fields if hasattr(target, name)}
    return WorkTargetRead(
        **columns,
        percent=find_completion(aim, reached),
        light=await get_light(work, target),
    )


async def get_target_detail(work: UnitOfWork, target: WorkTarget) -> WorkTargetDetail:
    """A target with its breakdown and everything reported."""
    actuals = await repository.list_actuals(work, target)
    return WorkTargetDetail(
        **(await build_target_read(work, target)).model_dump(),
        computation=Computation.model_validate(target.computation) if target.computation else None,
        shares=target.shares,
        actuals=[WorkActualRead.model_validate(one) for one in actuals],
    )


async def get_summary(work: UnitOfWork, region: str, year: int | None) -> WorkPlanSummary:
    """How many targets of a region's plans stand at which light."""
    by_light = dict.fromkeys(Light, 0)
    unexplained = 0
    targets = await repository.list_year_targets(work, region, year)
    for target in targets:
        light = await get_light(work, target)
        by_light[light] += 1
        unexplained += light in (Light.YELLOW, Light.RED) and not target.explanation
    return WorkPlanSummary(
        region=region,
        year=year,
        count=len(targets),
        behind=by_light[Light.YELLOW] + by_light[Light.RED],
        unexplained=unexplained,
        by_light=by_light,
    )
