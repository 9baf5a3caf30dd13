"""The payout list: sealed accounts, never more than the plan, paid by another person than who listed it."""

from uuid import UUID

from sqlmodel import col

from services.assets.distributions import repository
from services.assets.distributions import service as plans
from services.assets.distributions.kinds import Account, Purpose
from services.assets.distributions.ledger import post
from services.assets.distributions.lifecycle import PlanState
from services.assets.distributions.models import Distribution, Payout
from services.assets.distributions.schemas import PayoutList, PayoutPay, PayoutPost, PayoutTakenBack
from services.assets.refusals import not_now, wrong
from services.assets.scoped import repository as scoped
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.errors import Forbidden
from shared.ids import new_id
from shared.money import Money, yuan
from shared.permissions import May
from shared.personal import mask_account
from shared.work import Work

LISTING = frozenset({PlanState.DECIDED, PlanState.APPROVED})


class PayoutsListed(AssetEvent):
    """发放名单有增加."""

    topic = "distribution.listed"
    distribution_id: UUID
    count: int
    amount: Money


class PayoutPaid(AssetEvent):
    """一笔发放已兑付."""

    topic = "distribution.paid"
    distribution_id: UUID
    payout_id: UUID
    amount: Money


class PayoutTaken(AssetEvent):
    """名单的一笔已撤下(withdrawn), 或兑付后被退回(returned)."""

    topic = "distribution.payout_taken_back"
    distribution_id: UUID
    payout_id: UUID
    amount: Money
    what: str


class AccountRevealed(AssetEvent):
    """有人查看了完整账号."""

    topic = "distribution.account_revealed"
    payout_id: UUID


async def add(work: Work, plan_id: UUID, body: PayoutList) -> list[Payout]:
    """More rows of the list. Invalid when a purpose is not in the plan or its amount would be passed."""
    plan = await plans.get(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    if plan.state not in LISTING:
        raise not_now("not_now", f"方案{plan.state.label}, 不能编制发放名单", "Not in this state")
    made = [await _one(work, plan, item) for item in body.items]
    fresh = [payout for payout, new in made if new]
    await work.session.flush()
    await _within(work, plan)
    if fresh:
        event = PayoutsListed(
            distribution_id=plan.id, count=len(fresh), amount=sum(one.amount for one in fresh)
        )
        await work.tell(event, plan)
    return [payout for payout, _ in made]


async def _one(work: Work, plan: Distribution, item: PayoutPost) -> tuple[Payout, bool]:
    payout_id = item.id or new_id()
    sealed = (
        work.context.keyring.seal(item.account, about=f"payout:{payout_id}:account") if item.account else ""
    )
    return await create(
        work,
        Payout,
        item,
        region=plan.region,
        id=payout_id,
        distribution_id=plan.id,
        account_sealed=sealed,
        account_masked=mask_account(item.account) if item.account else "",
        **item.model_dump(exclude={"id", "account"}),
    )


async def _within(work: Work, plan: Distribution) -> None:
    listed, _ = await repository.listed_amounts(work, plan.id)
    allowed = {Purpose(line["purpose"]): line["amount"] for line in plan.lines}
    allowed.pop(Purpose.RESERVE, None)
    for purpose, amount in listed.items():
        if amount > allowed.get(purpose, 0):
            detail = f"{purpose.label}名单合计 {yuan(amount)} 元, 方案 {yuan(allowed.get(purpose, 0))} 元"
            raise wrong("above_plan", detail, "/items", "The list passes the plan")


async def listed(work: Work, plan_id: UUID) -> list[Payout]:
    """The list of a plan."""
    plan = await plans.get(work, plan_id)
    return await scoped.some(work, Payout, col(Payout.distribution_id) == plan.id, most=10_000)


async def pay(work: Work, plan_id: UUID, payout_id: UUID, body: PayoutPay) -> Payout:
    """One row was paid: out of the set-aside money, once, not by who listed it."""
    plan = await plans.get(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    payout = await scoped.one(work, Payout, payout_id, "笔发放", lock=True)
    if payout.distribution_id != plan.id or plan.state is not PlanState.APPROVED:
        raise not_now("not_approved", "方案审核通过后才能兑付", "The plan is not approved")
    if payout.paid_on is not None or payout.withdrawn:
        raise not_now("paid", "这一笔已经兑付, 或已从名单撤下", "Paid already, or withdrawn")
    if payout.created_by == work.actor.id:
        raise Forbidden("不能兑付本人编制的名单, 须由另一人办理", "Four eyes: another person must")
    if body.paid_on > work.today:
        raise wrong("in_the_future", "兑付日期不能晚于今天", "/paid_on", "It lies in the future")
    payout.paid_on, payout.voucher_no, payout.paid_by = body.paid_on, body.voucher_no, work.actor.id
    payout.version += 1
    work.session.add(payout)
    changes = {Account.PLANNED: -payout.amount, Account.DISTRIBUTED: payout.amount}
    await post(work, f"payout:{payout.id}:{payout.returns}", plan.region, changes, body.paid_on)
    await work.tell(PayoutPaid(distribution_id=plan.id, payout_id=payout.id, amount=payout.amount), plan)
    return payout


async def withdraw(work: Work, plan_id: UUID, payout_id: UUID, body: PayoutTakenBack) -> Payout:
    """A row that was listed by mistake stands no longer; it stays on record."""
    plan, payout = await _row(work, plan_id, payout_id)
    if plan.state not in LISTING or payout.paid_on is not None or payout.withdrawn:
        raise not_now("not_now", "只能撤下还没有兑付的名单", "It is paid or withdrawn, or the plan is closed")
    payout.withdrawn = body.reason
    payout.version += 1
    work.session.add(payout)
    await work.tell(_changed(plan, payout, "withdrawn"), plan, reason=body.reason)
    return payout


async def came_back(work: Work, plan_id: UUID, payout_id: UUID, body: PayoutTakenBack) -> Payout:
    """A paid row that the bank sent back: the money waits again, and another attempt is another posting."""
    plan, payout = await _row(work, plan_id, payout_id)
    if plan.state is not PlanState.APPROVED or payout.paid_on is None:
        raise not_now("not_paid", "这一笔没有兑付, 或方案已办结", "It is not paid, or the plan is closed")
    changes = {Account.PLANNED: payout.amount, Account.DISTRIBUTED: -payout.amount}
    await post(work, f"return:{payout.id}:{payout.returns}", plan.region, changes, work.today)
    payout.paid_on, payout.voucher_no, payout.paid_by = None, "", ""
    payout.returns += 1
    payout.version += 1
    work.session.add(payout)
    await work.tell(_changed(plan, payout, "returned"), plan, reason=body.reason)
    return payout


async def _row(work: Work, plan_id: UUID, payout_id: UUID) -> tuple[Distribution, Payout]:
    plan = await plans.get(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    payout = await scoped.one(work, Payout, payout_id, "笔发放", lock=True)
    if payout.distribution_id != plan.id:
        raise not_now("other_plan", "这一笔不属于这个方案", "It belongs to another plan")
    return plan, payout


def _changed(plan: Distribution, payout: Payout, what: str) -> PayoutTaken:
    return PayoutTaken(distribution_id=plan.id, payout_id=payout.id, amount=payout.amount, what=what)


async def account(work: Work, plan_id: UUID, payout_id: UUID) -> str:
    """The account in clear, for those who pay; that it was read is written down."""
    plan = await plans.get(work, plan_id)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    payout = await scoped.one(work, Payout, payout_id, "笔发放")
    if payout.distribution_id != plan.id or not payout.account_sealed:
        raise not_now("no_account", "没有登记账号", "No account is known")
    await work.tell(AccountRevealed(payout_id=payout.id), plan)
    return work.context.keyring.open(payout.account_sealed, about=f"payout:{payout.id}:account")
