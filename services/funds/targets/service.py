"""Create, edit, transition, monitor, evaluate and publish performance targets; templates by project category."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.commitments import service as commitments
from services.funds.ledger import service as ledger
from services.funds.ledger.repository import LedgerPeriod
from services.funds.ledger.schemas import LedgerFigures
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan
from services.funds.policy import (
    TARGET_DEVIATION,
    TARGET_PUBLISH_DAYS,
    TARGET_TEMPLATE_PREFIX,
    TARGET_TEMPLATES,
    TARGET_WEIGHTS,
    TargetTemplateValue,
)
from services.funds.targets import repository
from services.funds.targets.calculation import (
    calculate_completion,
    calculate_execution,
    calculate_score,
    distribute_weights,
    is_deviation,
    list_evaluation_faults,
    list_form_faults,
)
from services.funds.targets.lifecycle import TARGET_LIFECYCLE, TargetAction, TargetFacts, TargetState
from services.funds.targets.models import Target, TargetIndicator, TargetMonitoring
from services.funds.targets.schemas import (
    IndicatorRead,
    IndicatorResult,
    IndicatorWrite,
    MonitoringCreate,
    MonitoringRead,
    PublicIndicator,
    PublicTarget,
    ResultsWrite,
    TargetChange,
    TargetCreate,
    TargetDetail,
    TargetRead,
    TargetSection,
    TargetTemplate,
    TargetTransitionRequest,
    TemplateIndicator,
)
from shared.auth import May
from shared.china import add_workdays, format_yuan, to_local_date
from shared.clients.funds import TargetMoved
from shared.db import new_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionMissing
from shared.files import uploads
from shared.http import Page, PageParams, VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, save_record
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

DECIDED_PLAN_STATES = frozenset({PlanState.APPROVED, PlanState.NOTICED, PlanState.ISSUED})
MONITORED_STATES = frozenset({TargetState.APPROVED, TargetState.PUBLISHED})


async def list_templates(work: UnitOfWork, region: str) -> list[TargetTemplate]:
    """List the templates in force today in a region."""
    rules = await work.get_rules(TARGET_TEMPLATES, region=region)
    return [_build_template(rule) for rule in rules.values()]


def _build_template(rule: Rule[TargetTemplateValue]) -> TargetTemplate:
    return TargetTemplate(
        code=rule.key.removeprefix(TARGET_TEMPLATE_PREFIX),
        title=rule.title,
        categories=list(rule.value.categories),
        indicators=[
            TemplateIndicator(part=indicator.aspect.part, **indicator.model_dump())
            for indicator in rule.value.indicators
        ],
        basis=rule.basis,
        confirmed=rule.confirmed,
        rule=rule.ref,
    )


async def get_template(work: UnitOfWork, region: str, category: str, code: str = "") -> TargetTemplate:
    """Get the template with that code, or the one with the longest matching category prefix. NotFound for an unknown code."""
    templates = await list_templates(work, region)
    if code:
        template = next((template for template in templates if template.code == code), None)
        if template is None:
            raise NotFound(f"没有绩效指标模板 {code}", f"No template {code}")
        return template
    candidates = [
        (len(prefix), template)
        for template in templates
        for prefix in template.categories
        if category.startswith(prefix)
    ]
    return max(candidates, key=lambda candidate: candidate[0])[1]


async def create_target(work: UnitOfWork, body: TargetCreate) -> Target:
    """Create a target of a project in a plan. Invalid if the plan gives the project no money, Conflict for a second target."""
    lines = await repository.list_plan_lines(work, body.plan_id, body.project_id)
    amount = sum(line.amount for line in lines)
    if not lines or amount <= 0:
        fault = FieldError("not_in_plan", "分配方案没有给这个项目安排资金", "not in the plan", "/project_id")
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    region = lines[0].project_region
    work.actor.require(May.TARGET_MANAGE, region)
    plan = await repository.get_plan(work, body.plan_id)
    snapshots = await commitments.get_cached_projects(work, [body.project_id])
    category = snapshots[body.project_id].category if body.project_id in snapshots else ""
    template = await get_template(work, region, category, body.template)
    rule = await work.get_rule(TARGET_WEIGHTS, region=region)
    target, is_new = await create_record(
        work,
        Target,
        body,
        event=lambda target: build_moved_event(target, TargetState.DRAFT),
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
    if is_new:
        await _save_indicators(
            work, target, body.indicators or _build_suggested_indicators(template), rule.value.points
        )
    return target


def _build_suggested_indicators(template: TargetTemplate) -> list[IndicatorWrite]:
    return [
        IndicatorWrite(value=indicator.value or None, **indicator.model_dump(exclude={"part", "value"}))
        for indicator in template.indicators
    ]


def build_moved_event(target: Target, was: TargetState) -> TargetMoved:
    """Event of a transition, or of a change within a state."""
    return TargetMoved(target_id=target.id, project_id=target.project_id, was=was, now=target.state)


async def _save_indicators(
    work: UnitOfWork,
    target: Target,
    indicators: Sequence[IndicatorWrite],
    points: Mapping[TargetSection, int],
) -> None:
    even_weights = distribute_weights([indicator.aspect for indicator in indicators], points)
    rows = [
        TargetIndicator(
            id=indicator.id or new_id(),
            target_id=target.id,
            position=position,
            aspect=indicator.aspect,
            name=indicator.name,
            operator=indicator.operator,
            value=indicator.value or "",
            unit=indicator.unit,
            weight=weight if indicator.weight is None else indicator.weight,
            core=indicator.core,
        )
        for position, (indicator, weight) in enumerate(zip(indicators, even_weights, strict=True), 1)
    ]
    await repository.replace_indicators(work, target.id, rows)


async def update_target(work: UnitOfWork, target_id: UUID, body: TargetChange, match: VersionMatch) -> Target:
    """Change a target in DRAFT state."""
    target = await repository.get_target(work, target_id, lock=True)
    work.actor.require(May.TARGET_MANAGE, target.region)
    match.require_version(target)
    if target.state is not TargetState.DRAFT:
        raise Conflict(f"绩效目标{target.state.label}, 不能再修改", f"The target is {target.state}")
    changes = body.model_dump(exclude={"indicators"}, exclude_unset=True, exclude_none=True)
    if changes.get("amount", target.fiscal_amount) < target.fiscal_amount:
        fault = FieldError(
            "below_fiscal", "年度资金总额不能小于财政拨款", "less than the fiscal part", "/amount"
        )
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    for name, value in changes.items():
        setattr(target, name, value)
    if body.indicators is not None:
        rule = await work.get_rule(TARGET_WEIGHTS, region=target.region)
        await _save_indicators(work, target, body.indicators, rule.value.points)
    await save_record(work, target, build_moved_event(target, target.state))
    return target


def build_indicator_read(row: TargetIndicator) -> IndicatorRead:
    """Build the response of an indicator."""
    values = row.model_dump() | {
        "part": row.aspect.part,
        "completion": "" if row.completion is None else format_yuan(row.completion),
    }
    return IndicatorRead(**values)


def build_target_read(target: Target) -> TargetRead:
    """Build the response of a target."""
    points = None if target.score is None else format_yuan(target.score)
    return TargetRead.model_validate(
        target.model_dump(exclude={"score"}) | {"score": points}, from_attributes=True
    )


async def get_target_figures(work: UnitOfWork, target: Target, as_of: date | None = None) -> LedgerFigures:
    """Figures of the allocations that the plan gave to the target's project."""
    funded = await allocations.list_related_allocations(
        work, plans=[target.plan_id], projects=[target.project_id]
    )
    if not funded:
        return LedgerFigures()
    return await ledger.get_figures(
        work, {"allocation_id": [allocation.id for allocation in funded]}, LedgerPeriod(last=as_of)
    )


async def get_target_detail(work: UnitOfWork, target_id: UUID) -> TargetDetail:
    """Get a target, its indicators, monitorings and the actions available to the caller."""
    target = await repository.get_target(work, target_id)
    rows = await repository.list_indicators(work, [target.id])
    facts = await _get_target_facts(
        work, target, rows, await repository.get_plan(work, target.plan_id), TargetTransitionRequest()
    )
    return TargetDetail.model_construct(
        **build_target_read(target).model_dump(),
        indicators=[build_indicator_read(row) for row in rows],
        monitorings=[
            MonitoringRead.model_validate(monitoring)
            for monitoring in await repository.list_monitorings(work, target.id)
        ],
        available_actions=available_actions(work, TARGET_LIFECYCLE, target, facts),
    )


async def _get_target_facts(
    work: UnitOfWork, target: Target, rows: list[TargetIndicator], plan: Plan, body: TargetTransitionRequest
) -> TargetFacts:
    points = (await work.get_rule(TARGET_WEIGHTS, region=target.region)).value.points
    return TargetFacts(
        form_faults=list_form_faults(list(rows), points),
        plan_approved=plan.state in DECIDED_PLAN_STATES,
        published_on=body.published_on,
        published_at=body.published_at,
        approved_on=target.approved_on,
        today=work.today,
        evaluation_faults=list_evaluation_faults(list(rows)),
        reason=body.reason,
    )


async def transition_target(
    work: UnitOfWork,
    target_id: UUID,
    action: TargetAction,
    body: TargetTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Target:
    """Apply a lifecycle action."""
    target = await repository.get_target(work, target_id, lock=True)
    plan = await repository.get_plan(work, target.plan_id)
    return await _transition_locked_target(work, target, plan, action, body, match=match, dry_run=dry_run)


async def _transition_locked_target(
    work: UnitOfWork,
    target: Target,
    plan: Plan,
    action: TargetAction,
    body: TargetTransitionRequest,
    *,
    match: VersionMatch | None = None,
    dry_run: bool = False,
) -> TransitionPreview | Target:
    rows = await repository.list_indicators(work, [target.id])
    facts = await _get_target_facts(work, target, rows, plan, body)
    if action is TargetAction.PUBLISH and not dry_run:
        target.published_on, target.published_at = body.published_on, body.published_at
    preview = await apply_transition(
        work,
        TARGET_LIFECYCLE,
        target,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: build_moved_event(target, was),
    )
    if preview is not None:
        return preview
    await _apply_effects(work, target, plan, rows, action)
    work.session.add(target)
    return target


async def _apply_effects(
    work: UnitOfWork, target: Target, plan: Plan, rows: list[TargetIndicator], action: TargetAction
) -> None:
    """Record the columns each action sets besides the state."""
    match action:
        case TargetAction.SUBMIT:
            target.submitted_by = work.actor.id
        case TargetAction.RETURN:
            target.submitted_by = ""
        case TargetAction.APPROVE:
            publication = await work.get_rule(TARGET_PUBLISH_DAYS, region=target.region)
            target.approved_by, target.decision_no = work.actor.id, plan.decision_no
            target.approved_on = plan.decision_on or to_local_date(target.state_since)
            target.due_on = add_workdays(target.approved_on, publication.value.workdays)
            target.rules_used = sorted({*target.rules_used, publication.ref})
        case TargetAction.EVALUATE:
            weights = await work.get_rule(TARGET_WEIGHTS, region=target.region)
            paid = (await get_target_figures(work, target)).paid
            target.evaluated_by, target.paid = work.actor.id, paid
            target.score = calculate_score(
                rows, calculate_execution(paid, target.fiscal_amount), weights.value.execution
            )
        case TargetAction.SEND_BACK:
            target.evaluated_by, target.score, target.paid = "", None, None
        case _:
            return


async def approve_targets_of_plan(work: UnitOfWork, plan: Plan) -> int:
    """Approve the submitted targets of a plan within the transaction that approves the plan; return how many.

    An incomplete target, or one the approver created or submitted, stays SUBMITTED for another person.
    """
    approved = 0
    for target in await repository.list_targets_by_plan(work, plan.id, TargetState.SUBMITTED):
        if not work.actor.has_access(May.PLAN_APPROVE, target.region):
            continue
        try:
            await _transition_locked_target(
                work, target, plan, TargetAction.APPROVE, TargetTransitionRequest()
            )
        except (Forbidden, PreconditionMissing):
            continue
        approved += 1
    return approved


async def save_results(work: UnitOfWork, target_id: UUID, body: ResultsWrite, match: VersionMatch) -> Target:
    """Save results, reasons and evidence; Conflict unless the target is in PUBLISHED state."""
    target = await _get_managed_target(work, target_id)
    match.require_version(target)
    if target.state is not TargetState.PUBLISHED:
        raise Conflict(f"绩效目标{target.state.label}, 不能填报完成情况", f"The target is {target.state}")
    rows = {row.id: row for row in await repository.list_indicators(work, [target.id])}
    _require_own_indicators(body.results, rows)
    await uploads.require_files(
        work, [str(file_id) for result in body.results for file_id in result.file_ids]
    )
    bounds = (await work.get_rule(TARGET_DEVIATION, region=target.region)).value
    for result in body.results:
        row = rows[result.indicator_id]
        row.actual, row.deviation_reason = result.actual, result.deviation_reason
        row.file_ids = [str(file_id) for file_id in result.file_ids]
        row.completion = calculate_completion(row.operator, row.value, result.actual)
        row.deviates = is_deviation(row.completion, bounds)
        work.session.add(row)
    target.summary = body.summary or target.summary
    await save_record(work, target, build_moved_event(target, target.state))
    return target


async def create_monitoring(work: UnitOfWork, target_id: UUID, body: MonitoringCreate) -> TargetMonitoring:
    """Record a monitoring of a day with the ledger figures of that day; a repeated id returns the earlier one."""
    target = await _get_managed_target(work, target_id)
    if body.id is not None and (earlier := await repository.find_monitoring(work, body.id)):
        earlier_content = (earlier.target_id, earlier.monitored_on, earlier.created_by)
        if earlier_content == (target.id, body.monitored_on, work.actor.id):
            return earlier
        raise Conflict("这个编号已有内容不同的记录", "This id is taken by another content")
    if target.state not in MONITORED_STATES:
        raise Conflict(f"绩效目标{target.state.label}, 不在监控期", f"The target is {target.state}")
    if body.monitored_on > work.today:
        fault = FieldError("in_the_future", "监控日期不能晚于今天", "lies in the future", "/monitored_on")
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    rows = {row.id: row for row in await repository.list_indicators(work, [target.id])}
    _require_own_indicators(body.values, rows)
    figures = await get_target_figures(work, target, body.monitored_on)
    monitoring = TargetMonitoring(
        id=body.id or new_id(),
        target_id=target.id,
        monitored_on=body.monitored_on,
        allocated=figures.allocated,
        paid=figures.paid,
        values=[_build_monitored_value(rows[result.indicator_id], result) for result in body.values],
        problems=body.problems,
        measures=body.measures,
        created_at=work.at,
        created_by=work.actor.id,
    )
    work.session.add(monitoring)
    await save_record(work, target, build_moved_event(target, target.state))
    return monitoring


def _build_monitored_value(row: TargetIndicator, result: IndicatorResult) -> dict[str, str]:
    return {
        "indicator_id": str(row.id),
        "name": row.name,
        "value": row.value,
        "actual": result.actual,
        "completion": format_yuan(calculate_completion(row.operator, row.value, result.actual)),
        "deviation_reason": result.deviation_reason,
    }


async def _get_managed_target(work: UnitOfWork, target_id: UUID) -> Target:
    target = await repository.get_target(work, target_id, lock=True)
    work.actor.require(May.TARGET_MANAGE, target.region)
    return target


def _require_own_indicators(results: list[IndicatorResult], rows: dict[UUID, TargetIndicator]) -> None:
    errors = [
        FieldError("no_indicator", "没有这项指标", "no such indicator", f"/results/{index}/indicator_id")
        for index, result in enumerate(results)
        if result.indicator_id not in rows
    ]
    if errors:
        raise Invalid("有的指标不属于这个绩效目标", "Some indicators are not this target's", errors=errors)


async def list_public_targets(
    work: UnitOfWork, params: PageParams, *, region: str | None, year: int | None, project_id: UUID | None
) -> Page[PublicTarget]:
    """List a page of published targets; results only once the self-evaluation is confirmed."""
    page = await repository.system_list_public_targets(
        work, params, region=region, year=year, project_id=project_id
    )
    rows: dict[UUID, list[TargetIndicator]] = {target.id: [] for target in page.items}
    for row in await repository.list_indicators(work, list(rows)):
        rows[row.target_id].append(row)
    items = [_build_public_target(target, rows[target.id]) for target in page.items]
    return Page[PublicTarget].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


def _build_public_target(target: Target, rows: list[TargetIndicator]) -> PublicTarget:
    confirmed = target.state is TargetState.CONFIRMED
    target_read = build_target_read(target)
    indicators = [PublicIndicator.model_validate(build_indicator_read(row).model_dump()) for row in rows]
    if not confirmed:
        indicators = [
            indicator.model_copy(update={"actual": "", "completion": ""}) for indicator in indicators
        ]
    hidden = {} if confirmed else {"score": None, "summary": ""}
    values = {
        name: getattr(target_read, name) for name in PublicTarget.model_fields if hasattr(target_read, name)
    }
    return PublicTarget.model_construct(**{**values, **hidden}, confirmed=confirmed, indicators=indicators)
