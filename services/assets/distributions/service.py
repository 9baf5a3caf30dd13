"""Distribution plans: decided by the owners, noticed, approved by a second person, paid out and closed."""

from typing import Any
from uuid import UUID

from services.assets.distributions import repository
from services.assets.distributions.kinds import BEFORE_APPROVAL, Account, DecisionStep, Purpose
from services.assets.distributions.ledger import post
from services.assets.distributions.lifecycle import PLAN, PlanAction, PlanFacts, PlanState
from services.assets.distributions.models import Distribution
from services.assets.distributions.schemas import (
    BalanceRead,
    DistributionAct,
    DistributionCreate,
    DistributionDetail,
    DistributionRead,
    LinePost,
    StepPost,
)
from services.assets.refusals import not_now, wrong
from services.assets.scoped import repository as scoped
from shared import files
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.errors import Fault
from shared.http import Match
from shared.money import Money, yuan
from shared.moves import Preview, fire, offers
from shared.notices import service as notices
from shared.notices.schemas import Level
from shared.notices.service import Subject
from shared.permissions import May
from shared.work import CHINA, Work

NOTICE = "distribution"
A, S = PlanAction, PlanState


class DistributionMoved(AssetEvent):
    """收益分配方案换了状态."""

    topic = "distribution.moved"
    distribution_id: UUID
    total: Money
    was: str
    now: str


async def draft(work: Work, body: DistributionCreate) -> Distribution:
    """A plan in draft. Invalid when a purpose is named twice."""
    work.actor.require(May.ASSET_OPERATE, body.region)
    plan, _ = await create(
        work,
        Distribution,
        body,
        region=body.region,
        id=body.id,
        lines=_lines(body.lines),
        total=sum(line.amount for line in body.lines),
        state=S.DRAFT,
        state_since=work.at,
        **body.model_dump(include={"owner_name", "year", "title", "note"}),
    )
    return plan


def _lines(lines: list[LinePost]) -> list[dict[str, Any]]:
    if len({line.purpose for line in lines}) < len(lines):
        raise wrong("twice", "同一用途列了两次", "/lines", "A purpose is named twice")
    return [line.model_dump(mode="python") | {"purpose": str(line.purpose)} for line in lines]


async def get(work: Work, plan_id: UUID, *, lock: bool = False) -> Distribution:
    """One plan of the caller's regions."""
    return await scoped.one(work, Distribution, plan_id, "份收益分配方案", lock=lock)


async def _editable(work: Work, plan_id: UUID, match: Match) -> Distribution:
    plan = await get(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    match.check(plan)
    return plan


def _changed(work: Work, plan: Distribution) -> None:
    plan.version += 1
    plan.updated_at = work.at
    work.session.add(plan)


async def rewrite(work: Work, plan_id: UUID, lines: list[LinePost], match: Match) -> Distribution:
    """Other lines for a plan in draft; what was decided on the old ones is to be decided again."""
    plan = await _editable(work, plan_id, match)
    if plan.state is not S.DRAFT:
        raise not_now("not_draft", f"方案{plan.state.label}, 不能再修改", "The plan is no draft")
    plan.lines, plan.total, plan.steps = _lines(lines), sum(line.amount for line in lines), {}
    _changed(work, plan)
    await work.tell(_moved(plan, S.DRAFT, S.DRAFT), plan, reason="修改明细")
    return plan


async def note_step(work: Work, plan_id: UUID, body: StepPost, match: Match) -> Distribution:
    """One of the six steps with its paper; they are noted in their order."""
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    plan = await _editable(work, plan_id, match)
    last = body.step is DecisionStep.RESULT_PUBLIC
    if plan.state is not (S.APPROVED if last else S.DRAFT):
        raise not_now(
            "not_now", f"方案{plan.state.label}, 现在不能记录“{body.step.label}”", "Not in this state"
        )
    if body.held_on > work.today:
        raise wrong("in_the_future", "日期不能晚于今天", "/held_on", "It lies in the future")
    if body.agreed > body.present:
        raise wrong("agreed", "同意人数多于到会人数", "/agreed", "More agreed than were present")
    order = list(DecisionStep)
    earlier = order[: order.index(body.step)]
    if lost := [one.label for one in earlier if one not in plan.steps]:
        raise wrong("order", f"先记录: {'、'.join(lost)}", "/step", "An earlier step is missing")
    if any(plan.steps[one]["held_on"] > str(body.held_on) for one in earlier):
        raise wrong("order", "日期早于前一步", "/held_on", "It is before an earlier step")
    said = body.model_dump(mode="json", exclude={"step"}) | {"by": work.actor.id}
    plan.steps = {**plan.steps, str(body.step): said}
    _changed(work, plan)
    await work.tell(_moved(plan, plan.state, plan.state), plan, reason=body.step.label)
    return plan


def _moved(plan: Distribution, was: PlanState, now: PlanState) -> DistributionMoved:
    return DistributionMoved(distribution_id=plan.id, total=plan.total, was=was, now=now)


async def _facts(work: Work, plan: Distribution, body: DistributionAct, *, lock: bool = False) -> PlanFacts:
    listed, unpaid = await repository.listed_amounts(work, plan.id)
    available = (
        await repository.own_balance(work, plan.region, Account.AVAILABLE)
        if lock
        else (await repository.balances(work, plan.region))[Account.AVAILABLE]
    )
    return PlanFacts(
        total=plan.total,
        available=available,
        steps_missing=tuple(one.label for one in BEFORE_APPROVAL if one not in plan.steps),
        notice=await _notice(work, plan, body),
        unpaid=unpaid,
        result_public=DecisionStep.RESULT_PUBLIC in plan.steps,
        listed_wrong=_differing(plan, listed),
        reason=body.reason,
    )


async def _notice(work: Work, plan: Distribution, body: DistributionAct) -> Fault | None:
    on = (body.happened_at or work.at).astimezone(CHINA).date()
    return notices.missing(await notices.standing(work, NOTICE, str(plan.id), on), Level.DISTRIBUTION)


def _differing(plan: Distribution, listed: dict[Purpose, int]) -> str:
    """Where the payout list and the plan differ; the reserve has no list."""
    found = []
    for line in plan.lines:
        purpose = Purpose(line["purpose"])
        if purpose is not Purpose.RESERVE and listed.get(purpose, 0) != line["amount"]:
            found.append(
                f"{purpose.label}方案 {yuan(line['amount'])} 元, 名单 {yuan(listed.get(purpose, 0))} 元"
            )
    return "; ".join(found)


async def detail(work: Work, plan: Distribution) -> DistributionDetail:
    """The plan, its steps, what the dated rules remark, and what the caller could do."""
    listed, unpaid = await repository.listed_amounts(work, plan.id)
    facts = await _facts(work, plan, DistributionAct())
    return DistributionDetail.model_construct(
        **dict(DistributionRead.model_validate(plan)),
        steps=plan.steps,
        listed=sum(listed.values()),
        unpaid=unpaid,
        warnings=await _warnings(work, plan),
        available_actions=offers(work, PLAN, plan, facts),
    )


async def _warnings(work: Work, plan: Distribution) -> list[str]:
    """Not simply shared out: the dated shares per purpose."""
    rule = await work.rule("distribution.shares", region=plan.region)
    amounts = {line["purpose"]: line["amount"] for line in plan.lines}
    found = []
    for purpose, bounds in rule.value.items():
        part = amounts.get(purpose, 0) * 100
        if part > bounds.get("most", 100) * plan.total:
            found.append(f"{Purpose(purpose).label}超过 {bounds['most']}%({rule.basis})")
        if part < bounds.get("least", 0) * plan.total:
            found.append(f"{Purpose(purpose).label}不足 {bounds['least']}%({rule.basis})")
    return found


async def act(
    work: Work, plan_id: UUID, action: PlanAction, body: DistributionAct, *, match: Match, dry_run: bool
) -> DistributionDetail | Preview:
    """One step. Approval sets the money aside in the book, in the same transaction."""
    plan = await get(work, plan_id, lock=True)
    facts = await _facts(work, plan, body, lock=not dry_run)
    preview = await fire(
        work,
        PLAN,
        plan,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _moved(plan, was, now),
    )
    if preview is not None:
        return preview
    if action is A.SUBMIT:
        plan.submitted_by = work.actor.id
    if action is A.APPROVE:
        plan.approved_by = work.actor.id
        await _set_aside(work, plan)
    work.session.add(plan)
    return await detail(work, plan)


async def _set_aside(work: Work, plan: Distribution) -> None:
    reserve = sum(line["amount"] for line in plan.lines if line["purpose"] == Purpose.RESERVE)
    changes = {
        Account.AVAILABLE: -plan.total,
        Account.RESERVED: reserve,
        Account.PLANNED: plan.total - reserve,
    }
    await post(work, f"plan:{plan.id}", plan.region, changes, work.today)


async def balance(work: Work, region: str) -> BalanceRead:
    """The income book of a region, checked against its postings."""
    kept, must = await repository.balances(work, region), await repository.posted(work, region)
    others = sum(amount for account, amount in kept.items() if account is not Account.RECEIVED)
    amounts: dict[str, Any] = {str(account): amount for account, amount in kept.items()}
    return BalanceRead.model_construct(
        region=region, agrees=kept == must and kept[Account.RECEIVED] == others, **amounts
    )


async def subject(work: Work, plan_id: UUID, *, lock: bool) -> Subject:
    """What the notice of a plan shows: purposes and amounts, no payee."""
    plan = await get(work, plan_id, lock=lock)
    return Subject(
        kind=NOTICE,
        id=str(plan.id),
        region=plan.region,
        version=plan.version,
        title=plan.title.removesuffix("方案").removesuffix("收益分配"),
        content={
            "所有权人": plan.owner_name,
            "年度": plan.year,
            "分配总额(元)": yuan(plan.total),
            "columns": ["用途", "金额(元)", "说明"],
            "rows": [
                [Purpose(one["purpose"]).label, yuan(one["amount"]), one["remark"]] for one in plan.lines
            ],
        },
    )
