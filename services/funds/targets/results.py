"""What came of a target: monitored on the way, evaluated at the end, each figure beside the ledger's."""

from uuid import UUID

from services.funds.targets import repository
from services.funds.targets.arithmetic import completion, deviates
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetIndicator, TargetMonitoring
from services.funds.targets.moving import money
from services.funds.targets.schemas import MonitoringCreate, Result, Results
from services.funds.targets.service import moved, touch
from shared import files
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.money import yuan
from shared.permissions import May
from shared.work import Work

RUNNING = frozenset({TargetState.APPROVED, TargetState.PUBLISHED})


async def fill_in(work: Work, target_id: UUID, body: Results, match: Match) -> Target:
    """Write results, reasons and evidence down; Conflict unless the target is public and not evaluated yet."""
    target = await _known(work, target_id)
    match.require(target)
    if target.state is not TargetState.PUBLISHED:
        raise Conflict(f"绩效目标{target.state.label}, 不能填报完成情况", f"The target is {target.state}")
    rows = {row.id: row for row in await repository.indicators(work, [target.id])}
    _belong(body.results, rows)
    await files.require(work, [str(one) for result in body.results for one in result.file_ids])
    bounds = (await work.rule("target.deviation", region=target.region)).value
    for result in body.results:
        row = rows[result.indicator_id]
        row.actual, row.deviation_reason = result.actual, result.deviation_reason
        row.file_ids = [str(one) for one in result.file_ids]
        row.completion = completion(row.operator, row.value, result.actual)
        row.deviates = deviates(row.completion, bounds)
        work.session.add(row)
    target.summary = body.summary or target.summary
    touch(work, target)
    await work.tell(moved(target, target.state), target)
    return target


async def monitor(work: Work, target_id: UUID, body: MonitoringCreate) -> TargetMonitoring:
    """Keep what is seen of a running target on a day, with what the ledger says of that day."""
    target = await _known(work, target_id)
    if body.id is not None and (earlier := await repository.monitoring(work, body.id)):
        same = (earlier.target_id, earlier.monitored_on, earlier.created_by)
        if same == (target.id, body.monitored_on, work.actor.id):
            return earlier
        raise Conflict("这个编号已有内容不同的记录", "This id is taken by another content")
    if target.state not in RUNNING:
        raise Conflict(f"绩效目标{target.state.label}, 不在监控期", f"The target is {target.state}")
    if body.monitored_on > work.today:
        fault = Fault("in_the_future", "监控日期不能晚于今天", "lies in the future", "/monitored_on")
        raise Invalid(fault.detail, fault.detail_en, faults=[fault])
    rows = {row.id: row for row in await repository.indicators(work, [target.id])}
    _belong(body.values, rows)
    figures = await money(work, target, body.monitored_on)
    seen = TargetMonitoring(
        id=body.id or new_id(),
        target_id=target.id,
        monitored_on=body.monitored_on,
        allocated=figures.allocated,
        paid=figures.paid,
        values=[_seen(rows[one.indicator_id], one) for one in body.values],
        problems=body.problems,
        measures=body.measures,
        created_at=work.at,
        created_by=work.actor.id,
    )
    work.session.add(seen)
    touch(work, target)
    await work.tell(moved(target, target.state), target)
    return seen


def _seen(row: TargetIndicator, result: Result) -> dict[str, str]:
    return {
        "indicator_id": str(row.id),
        "name": row.name,
        "value": row.value,
        "actual": result.actual,
        "completion": yuan(completion(row.operator, row.value, result.actual)),
        "deviation_reason": result.deviation_reason,
    }


async def _known(work: Work, target_id: UUID) -> Target:
    target = await repository.get(work, target_id, lock=True)
    work.actor.require(May.TARGET_MANAGE, target.region)
    return target


def _belong(results: list[Result], rows: dict[UUID, TargetIndicator]) -> None:
    faults = [
        Fault("no_indicator", "没有这项指标", "no such indicator", f"/results/{at}/indicator_id")
        for at, one in enumerate(results)
        if one.indicator_id not in rows
    ]
    if faults:
        raise Invalid("有的指标不属于这个绩效目标", "Some indicators are not this target's", faults=faults)
