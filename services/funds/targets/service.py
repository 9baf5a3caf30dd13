"""Setting targets: from the template of the project's category, with the plan that gives the money."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.funds.commitments import service as commitments
from services.funds.targets import repository
from services.funds.targets.arithmetic import weights
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetIndicator
from services.funds.targets.schemas import IndicatorWrite, TargetChange, TargetCreate, Template
from services.funds.targets.templates import fitting
from shared.contracts.funds import TargetMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.work import Work


async def draft(work: Work, body: TargetCreate) -> Target:
    """A new target of a project in a plan. Invalid when the plan gives the project nothing, Conflict when it has one."""
    lines = await repository.lines(work, body.plan_id, body.project_id)
    amount = sum(line.amount for line in lines)
    if not lines or amount <= 0:
        fault = Fault("not_in_plan", "分配方案没有给这个项目安排资金", "not in the plan", "/project_id")
        raise Invalid(fault.detail, fault.detail_en, faults=[fault])
    region = lines[0].project_region
    work.actor.require(May.TARGET_MANAGE, region)
    plan = await repository.plan(work, body.plan_id)
    cards = await commitments.cards(work, [body.project_id])
    category = cards[body.project_id].category if body.project_id in cards else ""
    template = await fitting(work, region, category, body.template)
    rule = await work.rule("target.weights", region=region)
    target, fresh = await create(
        work,
        Target,
        body,
        region=region,
        id=body.id,
        plan_id=body.plan_id,
        project_id=body.project_id,
        project_name=lines[0].name,
        year=plan.year,
        department=body.department,
        unit=body.unit or lines[0].unit,
        leader=body.leader,
        amount=body.amount or amount,
        fiscal_amount=amount,
        goal=body.goal or lines[0].target,
        template=template.rule,
        state=TargetState.DRAFT,
        state_since=work.at,
        rules_used=[rule.ref, template.rule],
    )
    if fresh:
        await _put(work, target, body.indicators or _suggested(template), rule.value)
        await work.tell(moved(target, TargetState.DRAFT), target)
    return target


def _suggested(template: Template) -> list[IndicatorWrite]:
    return [
        IndicatorWrite(value=one.value or None, **one.model_dump(exclude={"part", "value"}))
        for one in template.indicators
    ]


def moved(target: Target, was: TargetState) -> TargetMoved:
    """The event of a target that changed."""
    return TargetMoved(target_id=target.id, project_id=target.project_id, was=was, now=target.state)


async def _put(work: Work, target: Target, written: Sequence[IndicatorWrite], points: dict[str, Any]) -> None:
    even = weights([one.aspect for one in written], points)
    rows = [
        TargetIndicator(
            id=one.id or new_id(),
            target_id=target.id,
            position=position,
            aspect=one.aspect,
            name=one.name,
            operator=one.operator,
            value=one.value or "",
            unit=one.unit,
            weight=weight if one.weight is None else one.weight,
            core=one.core,
        )
        for position, (one, weight) in enumerate(zip(written, even, strict=True), 1)
    ]
    await repository.replace_indicators(work, target.id, rows)


async def change(work: Work, target_id: UUID, body: TargetChange, match: Match) -> Target:
    """Change a target that is still being written."""
    target = await repository.get(work, target_id, lock=True)
    work.actor.require(May.TARGET_MANAGE, target.region)
    match.require(target)
    if target.state is not TargetState.DRAFT:
        raise Conflict(f"绩效目标{target.state.label}, 不能再修改", f"The target is {target.state}")
    given = body.model_dump(exclude={"indicators"}, exclude_unset=True, exclude_none=True)
    if given.get("amount", target.fiscal_amount) < target.fiscal_amount:
        fault = Fault("below_fiscal", "年度资金总额不能小于财政拨款", "less than the fiscal part", "/amount")
        raise Invalid(fault.detail, fault.detail_en, faults=[fault])
    for name, value in given.items():
        setattr(target, name, value)
    if body.indicators is not None:
        rule = await work.rule("target.weights", region=target.region)
        await _put(work, target, body.indicators, rule.value)
    touch(work, target)
    await work.tell(moved(target, target.state), target)
    return target


def touch(work: Work, target: Target) -> None:
    """The next version of a target."""
    target.version += 1
    target.updated_at = work.at
    work.session.add(target)
