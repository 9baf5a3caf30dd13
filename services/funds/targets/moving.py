"""Moving a target along its life: approved with the plan's decision, made public in time, evaluated with proof."""

from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.ledger import service as ledger
from services.funds.ledger.figures import Figures
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan
from services.funds.targets import repository
from services.funds.targets.arithmetic import executed, incomplete, score, unproven
from services.funds.targets.lifecycle import TARGET, TargetAction, TargetFacts, TargetState
from services.funds.targets.models import Target, TargetIndicator
from services.funds.targets.schemas import IndicatorRead, MonitoringRead, TargetAct, TargetDetail, TargetRead
from services.funds.targets.service import moved
from shared.errors import Forbidden, NotReady
from shared.http import Match
from shared.money import yuan
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work
from shared.workdays import add_workdays, local_date

A = TargetAction
DECIDED = frozenset({PlanState.APPROVED, PlanState.NOTICED, PlanState.ISSUED})


def indicator(row: TargetIndicator) -> IndicatorRead:
    """An indicator as it is shown."""
    values = row.model_dump() | {
        "part": row.aspect.part,
        "completion": "" if row.completion is None else yuan(row.completion),
    }
    return IndicatorRead(**values)


def shown(target: Target) -> TargetRead:
    """A target as it is shown."""
    points = None if target.score is None else yuan(target.score)
    return TargetRead.model_validate(
        target.model_dump(exclude={"score"}) | {"score": points}, from_attributes=True
    )


async def money(work: Work, target: Target, as_of: date | None = None) -> Figures:
    """What the target's project was given by its plan, and what of it is paid."""
    given = await allocations.around(work, plans=[target.plan_id], projects=[target.project_id])
    if not given:
        return Figures()
    return await ledger.position(work, {"allocation_id": [one.id for one in given]}, as_of)


async def detail(work: Work, target_id: UUID) -> TargetDetail:
    """A target, its indicators, what was seen of it, and what the caller could do."""
    target = await repository.get(work, target_id)
    rows = await repository.indicators(work, [target.id])
    known = await _facts(work, target, rows, await repository.plan(work, target.plan_id), TargetAct())
    return TargetDetail.model_construct(
        **shown(target).model_dump(),
        indicators=[indicator(row) for row in rows],
        monitorings=[
            MonitoringRead.model_validate(one) for one in await repository.monitorings(work, target.id)
        ],
        available_actions=offers(work, TARGET, target, known),
    )


async def _facts(
    work: Work, target: Target, rows: list[TargetIndicator], plan: Plan, body: TargetAct
) -> TargetFacts:
    points = (await work.rule("target.weights", region=target.region)).value
    return TargetFacts(
        incomplete=incomplete(list(rows), points),
        plan_approved=plan.state in DECIDED,
        published_on=body.published_on,
        published_at=body.published_at,
        approved_on=target.approved_on,
        today=work.today,
        unproven=unproven(list(rows)),
        reason=body.reason,
    )


async def act(
    work: Work, target_id: UUID, action: TargetAction, body: TargetAct, *, match: Match, dry_run: bool
) -> Preview | Target:
    """Take one step."""
    target = await repository.get(work, target_id, lock=True)
    plan = await repository.plan(work, target.plan_id)
    return await _act(work, target, plan, action, body, match=match, dry_run=dry_run)


async def _act(
    work: Work,
    target: Target,
    plan: Plan,
    action: TargetAction,
    body: TargetAct,
    *,
    match: Match | None = None,
    dry_run: bool = False,
) -> Preview | Target:
    rows = await repository.indicators(work, [target.id])
    known = await _facts(work, target, rows, plan, body)
    if action is A.PUBLISH and not dry_run:
        target.published_on, target.published_at = body.published_on, body.published_at
    preview = await fire(
        work,
        TARGET,
        target,
        action,
        known,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: moved(target, was),
    )
    if preview is not None:
        return preview
    await _signed(work, target, plan, rows, action)
    work.session.add(target)
    return target


async def _signed(
    work: Work, target: Target, plan: Plan, rows: list[TargetIndicator], action: TargetAction
) -> None:
    """What each step leaves on the record besides the state."""
    match action:
        case A.SUBMIT:
            target.submitted_by = work.actor.id
        case A.RETURN:
            target.submitted_by = ""
        case A.APPROVE:
            rule = await work.rule("target.publish_days", region=target.region)
            target.approved_by, target.decision_no = work.actor.id, plan.decision_no
            target.approved_on = plan.decision_on or local_date(target.state_since)
            target.due_on = add_workdays(target.approved_on, int(rule.value["workdays"]))
            target.rules_used = sorted({*target.rules_used, rule.ref})
        case A.EVALUATE:
            rule = await work.rule("target.weights", region=target.region)
            paid = (await money(work, target)).paid
            target.evaluated_by, target.paid = work.actor.id, paid
            target.score = score(rows, executed(paid, target.fiscal_amount), int(rule.value["execution"]))
        case A.SEND_BACK:
            target.evaluated_by, target.score, target.paid = "", None, None
        case _:
            return


async def approve_with_plan(work: Work, plan: Plan) -> int:
    """Approve every submitted target of a plan in the transaction that approves the plan; how many.

    One that is not complete, or that the approver wrote, stays submitted for another person.
    """
    done = 0
    for target in await repository.of_plan(work, plan.id, TargetState.SUBMITTED):
        if not work.actor.sees(May.PLAN_APPROVE, target.region):
            continue
        try:
            await _act(work, target, plan, A.APPROVE, TargetAct())
        except (Forbidden, NotReady):
            continue
        done += 1
    return done
