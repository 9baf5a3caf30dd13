"""Moving a plan along its life: the library is asked and told first, then everything here happens or nothing."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.funds.checking.finding import Effect, Finding
from services.funds.commitments import library
from services.funds.commitments import service as commitments
from services.funds.commitments.library import Commit
from services.funds.commitments.project import LibraryProject
from services.funds.plans import postings, repository
from services.funds.plans.announcement import announcement
from services.funds.plans.facts import findings
from services.funds.plans.lifecycle import PLAN, PlanAction, PlanFacts, PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.plans.schemas import Checks, LineRead, PlanAct, PlanDetail, PlanRead
from services.funds.sources import repository as sources
from services.funds.targets.moving import approve_with_plan
from shared import files
from shared.contracts.funds import PlanMoved
from shared.errors import Conflict, Fault, Invalid, Unavailable
from shared.http import Match
from shared.moves import Preview, fire, happened, offers
from shared.notices import repository as notices
from shared.notices.schemas import Level
from shared.notices.service import Subject, missing, standing, withdraw
from shared.work import CHINA, Work

KIND = "plan"
ASKS = frozenset({PlanAction.SUBMIT, PlanAction.APPROVE})
"""Moves that need the project library's word."""
ANNOUNCED = frozenset({PlanState.APPROVED, PlanState.NOTICED})
"""States in which the table stands and is not paid out yet."""
Views = dict[UUID, LibraryProject]


async def detail(work: Work, plan_id: UUID) -> PlanDetail:
    """The plan, its lines, and what the caller could do with it now by what the library last said."""
    plan = await repository.get(work, plan_id)
    lines = await repository.lines(work, plan.id)
    projects = [line.project_id for line in lines]
    facts = await _facts(work, plan, lines, PlanAct(), await commitments.cards(work, projects))
    return PlanDetail(
        **PlanRead.model_validate(plan).model_dump(),
        total=sum(line.amount for line in lines),
        lines=[LineRead.model_validate(line) for line in lines],
        available_actions=offers(work, PLAN, plan, facts),
    )


async def checks(work: Work, plan_id: UUID) -> Checks:
    """What every dated rule says of the plan now; says so when the library cannot be asked."""
    plan = await repository.get(work, plan_id)
    lines = await repository.lines(work, plan.id)
    views: Views | None
    try:
        views = await library.views(work.peer("projects"), [line.project_id for line in lines])
    except Unavailable:
        views = None
    found = await findings(work, plan, lines, views)
    return Checks(
        plan_id=plan.id,
        total=sum(line.amount for line in lines),
        stops=_count(found, Effect.STOP),
        warnings=_count(found, Effect.WARN),
        findings=found,
        missing=[] if views is not None else ["projects"],
    )


def _count(found: Sequence[Finding], effect: Effect) -> int:
    return sum(one.effect is effect and not one.passed for one in found)


async def content(work: Work, plan: Plan, lines: Sequence[PlanLine]) -> dict[str, Any]:
    """The announcement of a plan."""
    hotline = await work.rule("plan.hotline", region=plan.region)
    known = await sources.many(work, [line.source_id for line in lines])
    return announcement(plan, lines, known, str(hotline.value))


async def subject(work: Work, plan_id: UUID) -> Subject:
    """The plan as its notices show it."""
    plan = await repository.get(work, plan_id)
    lines = await repository.lines(work, plan.id)
    return Subject(
        KIND, str(plan.id), plan.region, plan.version, plan.title, await content(work, plan, lines)
    )


async def announced_subject(work: Work, plan_id: UUID, /, *, lock: bool) -> Subject:
    """The plan to be put on notice; Conflict before it is approved, when its table may still change."""
    plan = await repository.get(work, plan_id, lock=lock)
    if lock and plan.state not in ANNOUNCED:
        raise Conflict(
            f"方案{plan.state.label}, 不能公示",
            f"The plan is {plan.state}",
            next_step="请先报审并审定方案",
        )
    return await subject(work, plan_id)


async def _facts(
    work: Work,
    plan: Plan,
    lines: Sequence[PlanLine],
    act: PlanAct,
    views: Views,
    found: Sequence[Finding] | None = None,
) -> PlanFacts:
    stops: tuple[Fault, ...] = ()
    if plan.state in {PlanState.DRAFT, PlanState.RETURNED, PlanState.SUBMITTED}:
        found = await findings(work, plan, lines, views, _when(act)) if found is None else found
        stops = tuple(one.fault() for one in found if one.effect is Effect.STOP and not one.passed)
    on = (act.happened_at or work.at).astimezone(CHINA).date()
    stand = await standing(work, KIND, str(plan.id), on)
    return PlanFacts(
        lines=len(lines),
        stops=stops,
        decision_no=act.decision_no or plan.decision_no,
        decision_on=act.decision_on or plan.decision_on,
        reason=act.reason,
        posted=Level.ALLOCATION in stand,
        faithful=await _faithful(work, plan, lines),
        notice=missing(stand, Level.ALLOCATION),
    )


def _when(act: PlanAct) -> date | None:
    return act.happened_at.astimezone(CHINA).date() if act.happened_at else None


async def _faithful(work: Work, plan: Plan, lines: Sequence[PlanLine]) -> bool:
    """Whether the latest notice says what the plan says."""
    rows = await notices.of_subject(work, KIND, str(plan.id))
    posted = [row for row in rows if row.level == Level.ALLOCATION and row.withdrawn_at is None]
    if not posted:
        return True
    shown = {key: value for key, value in posted[-1].content.items() if key != "remark"}
    return shown == await content(work, plan, lines)


async def act(
    work: Work, plan_id: UUID, action: PlanAction, body: PlanAct, *, match: Match, dry_run: bool
) -> Preview | Plan:
    """Take one step. Approval tells the library first, so that a funded project cannot leave it behind our back."""
    views: Views = {}
    if action in ASKS:
        views = await _ask(work, plan_id, action, body, dry_run=dry_run)
    plan = await repository.get(work, plan_id, lock=True)
    lines = await repository.lines(work, plan.id)
    found = await findings(work, plan, lines, views, _when(body)) if action in ASKS else None
    facts = await _facts(work, plan, lines, body, views, found)
    was_since = plan.state_since
    on = happened(body, was_since, work.at).astimezone(CHINA).date()
    preview = await fire(
        work,
        PLAN,
        plan,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: PlanMoved(plan_id=plan.id, was=was, now=now),
    )
    if preview is not None:
        return preview
    await _effects(work, plan, lines, action, body, on, found or ())
    if action is PlanAction.APPROVE:
        await approve_with_plan(work, plan)
    return plan


async def _ask(work: Work, plan_id: UUID, action: PlanAction, body: PlanAct, *, dry_run: bool) -> Views:
    """Before any lock: what the library says, and for an approval that would go through, what it is told."""
    async with work.context.database.read() as session:
        outside = work.context.work(session, work.actor)
        plan = await repository.get(outside, plan_id)
        lines = await repository.lines(outside, plan.id)
    views = await library.views(work.peer("projects"), [line.project_id for line in lines])
    if action is not PlanAction.APPROVE or dry_run:
        return views
    async with work.context.database.read() as session:
        outside = work.context.work(session, work.actor)
        facts = await _facts(outside, plan, lines, body, views)
        would = await fire(outside, PLAN, plan, action, facts, act=body, dry_run=True, event=_no_event)
        known = await sources.many(outside, [line.source_id for line in lines])
    if would is not None and would.allowed:
        wanted = [
            Commit(line.id, plan.id, line.project_id, line.amount, known[line.source_id].document_no)
            for line in lines
            if line.amount > 0
        ]
        if wanted:
            await commitments.intend(work, plan.region, wanted)
            await commitments.tell_library(work, wanted)
    return views


def _no_event(was: PlanState, now: PlanState) -> PlanMoved:
    raise AssertionError(f"a dry run tells nothing ({was} → {now})")


async def _effects(
    work: Work,
    plan: Plan,
    lines: Sequence[PlanLine],
    action: PlanAction,
    body: PlanAct,
    on: date,
    found: Sequence[Finding],
) -> None:
    known = await sources.many(work, [line.source_id for line in lines])
    match action:
        case PlanAction.SUBMIT:
            plan.submitted_by = work.actor.id
        case PlanAction.APPROVE:
            if early := [source for source in known.values() if on < source.received_on]:
                raise Invalid(
                    f"审定日期早于 {early[0].document_no} 的收文日期", "approved before the money came"
                )
            if body.decision_file:
                await files.require(work, [str(body.decision_file)], "/decision_file")
            plan.approved_by, plan.decision_no, plan.decision_on = (
                work.actor.id,
                body.decision_no,
                body.decision_on,
            )
            plan.decision_file = str(body.decision_file or "")
            plan.rules_used = sorted({one.rule for one in found})
            await commitments.hold(work, plan.id, [line.id for line in lines if line.amount > 0])
            await postings.reserve(work, plan, lines, known, on)
        case PlanAction.CANCEL if plan.approved_by:
            await commitments.let_go(work, plan.id)
            await postings.reserve(work, plan, lines, known, on, undo=True)
            await _take_down(work, plan, body.reason)
        case PlanAction.ISSUE:
            plan.issued_by, plan.issued_on = work.actor.id, on
            await postings.issue(work, plan, lines, known, on)
        case _:
            pass
    work.session.add(plan)


async def _take_down(work: Work, plan: Plan, reason: str) -> None:
    """A cancelled plan hangs nowhere."""
    for row in await notices.of_subject(work, KIND, str(plan.id)):
        if row.withdrawn_at is None:
            await withdraw(work, row, f"方案已撤销: {reason}")
