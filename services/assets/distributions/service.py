"""Use cases of income distribution. In the income book, received = available + planned + reserved + distributed after every posting."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets import repository_base as records
from services.assets.distributions import repository
from services.assets.distributions.calculation import (
    build_lines,
    build_reservation,
    describe_excess,
    describe_mismatch,
    find_shared_account,
    find_shortfall,
    list_share_warnings,
)
from services.assets.distributions.events import (
    AccountRevealed,
    DistributionMoved,
    PayoutPaid,
    PayoutReversed,
    PayoutsListed,
)
from services.assets.distributions.lifecycle import (
    DISTRIBUTION,
    DistributionAction,
    DistributionFacts,
    DistributionState,
)
from services.assets.distributions.models import Distribution, IncomePosting, Payout
from services.assets.distributions.schemas import (
    STEPS_BEFORE_APPROVAL,
    BalanceRead,
    DecisionStep,
    DecisionStepPost,
    DistributionCreate,
    DistributionDetail,
    DistributionRead,
    DistributionTransitionRequest,
    IncomeAccount,
    IncomePurpose,
    LinePost,
    PayoutList,
    PayoutPaymentPost,
    PayoutPost,
    PayoutReversalPost,
)
from services.assets.errors import conflict
from services.assets.policy import DISTRIBUTION_SHARES, DISTRIBUTION_VOTES
from shared.auth import May, mask_account, normalize_text
from shared.china import format_yuan
from shared.db import new_id
from shared.errors import FieldError, Forbidden, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions, entry_time
from shared.notices import service as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject
from shared.records import create_record, log_event, save_record, touch_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_KIND = "distribution"
LISTING_STATES = frozenset({DistributionState.DECIDED, DistributionState.APPROVED})


async def post_entry(
    work: UnitOfWork, mark: str, region: str, changes: Mapping[IncomeAccount, int], on: date
) -> None:
    """Post changes (分) once under a unique mark.

    ValueError when they do not balance, Conflict when an account would be negative on any day from `on` to today.
    """
    uses = sum(amount for account, amount in changes.items() if account is not IncomeAccount.RECEIVED)
    if changes.get(IncomeAccount.RECEIVED, 0) != uses:
        raise ValueError(f"unbalanced posting {mark}: {dict(changes)}")
    balances = await repository.system_update_balances(work, region, changes)
    for account, amount in balances.items():
        if amount < 0:
            raise conflict("below_zero", f"“{account.label}”余额不足", f"{account} would be below zero")
        if changes[account] < 0 and on < work.today:
            later = await repository.system_list_later_changes(work, region, account, on)
            day, lowest = find_shortfall(amount, later)
            if lowest < 0:
                detail = f"{day or on} 的“{account.label}”余额不足, 差 {format_yuan(-lowest)} 元"
                raise conflict("below_zero_then", detail, f"{account} would be below zero on a past day")
    work.session.add_all(
        IncomePosting(
            id=new_id(),
            mark=mark,
            region=region,
            account=account,
            amount=amount,
            happened_on=on,
            created_at=work.at,
            created_by=work.actor.id,
        )
        for account, amount in changes.items()
        if amount
    )
    await work.session.flush()


async def post_receipt(work: UnitOfWork, receipt_id: str, region: str, amount: int, on: date) -> None:
    """Post a receipt, or its reversal (negative). Conflict when the money is already distributed."""
    await post_entry(
        work,
        f"receipt:{receipt_id}",
        region,
        {IncomeAccount.RECEIVED: amount, IncomeAccount.AVAILABLE: amount},
        on,
    )


async def create_distribution(work: UnitOfWork, body: DistributionCreate) -> Distribution:
    """Create a draft plan. Invalid when a purpose occurs twice."""
    work.actor.require(May.ASSET_OPERATE, body.region)
    drafted_at = entry_time(body.happened_at, work.at)
    plan, _ = await create_record(
        work,
        Distribution,
        body,
        region=body.region,
        id=body.id,
        lines=build_lines(body.lines),
        total=sum(line.amount for line in body.lines),
        state=DistributionState.DRAFT,
        state_since=drafted_at,
        **body.model_dump(include={"owner_name", "year", "title", "note"}),
    )
    return plan


async def get_distribution(work: UnitOfWork, plan_id: UUID, *, lock: bool = False) -> Distribution:
    """One plan in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Distribution, plan_id, "份收益分配方案", lock=lock)


async def update_lines(
    work: UnitOfWork, plan_id: UUID, lines: list[LinePost], match: VersionMatch
) -> Distribution:
    """Replace the lines of a draft plan; its decision steps are cleared, because they decided on the old lines."""
    plan = await _get_editable(work, plan_id, match)
    if plan.state is not DistributionState.DRAFT:
        raise conflict("not_draft", f"方案{plan.state.label}, 不能再修改", "The plan is no draft")
    plan.lines, plan.total, plan.steps = build_lines(lines), sum(line.amount for line in lines), {}
    await save_record(
        work,
        plan,
        _transition_event(plan, DistributionState.DRAFT, DistributionState.DRAFT),
        reason="修改明细",
    )
    return plan


async def record_decision_step(
    work: UnitOfWork, plan_id: UUID, body: DecisionStepPost, match: VersionMatch
) -> Distribution:
    """Record one of the six decision steps with its files. Invalid when out of order, Conflict in the wrong state."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    plan = await _get_editable(work, plan_id, match)
    is_result = body.step is DecisionStep.RESULT_PUBLIC
    if plan.state is not (DistributionState.APPROVED if is_result else DistributionState.DRAFT):
        raise conflict(
            "not_now", f"方案{plan.state.label}, 现在不能记录“{body.step.label}”", "Not in this state"
        )
    if body.held_on > work.today:
        raise invalid_field("in_the_future", "日期不能晚于今天", "/held_on", "It lies in the future")
    order = list(DecisionStep)
    earlier = order[: order.index(body.step)]
    if missing := [step.label for step in earlier if step not in plan.steps]:
        raise invalid_field("order", f"先记录: {'、'.join(missing)}", "/step", "An earlier step is missing")
    if any(plan.steps[step]["held_on"] > str(body.held_on) for step in earlier):
        raise invalid_field("order", "日期早于前一步", "/held_on", "It is before an earlier step")
    await _require_valid_vote(work, plan, body)
    entry = body.model_dump(mode="json", exclude={"step"}) | {"by": work.actor.id}
    plan.steps = {**plan.steps, str(body.step): entry}
    await save_record(work, plan, _transition_event(plan, plan.state, plan.state), reason=body.step.label)
    return plan


async def _require_valid_vote(work: UnitOfWork, plan: Distribution, body: DecisionStepPost) -> None:
    """Invalid unless enough came and enough agreed, by the rule of the day of the meeting."""
    if body.agreed > body.present:
        raise invalid_field("agreed", "同意人数多于到会人数", "/agreed", "More agreed than were present")
    votes = await work.get_rule(DISTRIBUTION_VOTES, on=body.held_on, region=plan.region)
    if (terms := votes.value.get(body.step)) is None:
        return
    if body.entitled == 0:
        raise invalid_field("entitled", "须写明应到人数", "/entitled", "The number of members is needed")
    if body.present > body.entitled:
        raise invalid_field("present", "到会人数多于应到人数", "/present", "More came than there are members")
    if body.present < Fraction(terms.quorum) * body.entitled:
        raise invalid_field("quorum", f"到会不足应到的 {terms.quorum}, 会议无效", "/present", "No quorum")
    if body.agreed <= Fraction(terms.majority) * body.present:
        raise invalid_field("majority", f"同意没有超过到会的 {terms.majority}", "/agreed", "No majority")


async def get_distribution_detail(work: UnitOfWork, plan: Distribution) -> DistributionDetail:
    """A plan with its steps, warnings of the rules and the actions available to the caller."""
    listed_amounts, unpaid = payouts = await repository.sum_payouts(work, plan.id)
    facts = await _build_facts(work, plan, DistributionTransitionRequest(), payouts)
    return DistributionDetail.model_construct(
        **dict(DistributionRead.model_validate(plan)),
        steps=plan.steps,
        listed=sum(listed_amounts.values()),
        unpaid=unpaid,
        warnings=await _list_warnings(work, plan),
        available_actions=available_actions(work, DISTRIBUTION, plan, facts),
    )


async def transition_distribution(
    work: UnitOfWork,
    plan_id: UUID,
    action: DistributionAction,
    body: DistributionTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> DistributionDetail | TransitionPreview:
    """Apply one transition. Approval reserves the money in the income book, in the same transaction."""
    plan = await get_distribution(work, plan_id, lock=True)
    payouts = await repository.sum_payouts(work, plan.id)
    facts = await _build_facts(work, plan, body, payouts, lock=not dry_run)
    preview = await apply_transition(
        work,
        DISTRIBUTION,
        plan,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _transition_event(plan, was, now),
    )
    if preview is not None:
        return preview
    if action is DistributionAction.SUBMIT:
        plan.submitted_by = work.actor.id
    if action is DistributionAction.APPROVE:
        plan.approved_by = work.actor.id
        await _reserve_amounts(work, plan)
    work.session.add(plan)
    return await get_distribution_detail(work, plan)


async def get_balance(work: UnitOfWork, region: str) -> BalanceRead:
    """Balances of a region's income book, checked against its postings."""
    balances, posted = (
        await repository.sum_balances(work, region),
        await repository.sum_postings(work, region),
    )
    uses = sum(amount for account, amount in balances.items() if account is not IncomeAccount.RECEIVED)
    amounts: dict[str, Any] = {str(account): amount for account, amount in balances.items()}
    return BalanceRead.model_construct(
        region=region, agrees=balances == posted and balances[IncomeAccount.RECEIVED] == uses, **amounts
    )


async def get_notice_subject(work: UnitOfWork, plan_id: UUID, *, lock: bool) -> NoticeSubject:
    """Content of the notice of a plan: purposes and amounts, without payees."""
    plan = await get_distribution(work, plan_id, lock=lock)
    return NoticeSubject(
        kind=NOTICE_KIND,
        id=str(plan.id),
        region=plan.region,
        version=plan.version,
        title=plan.title.removesuffix("方案").removesuffix("收益分配"),
        steps={NoticeLevel.DISTRIBUTION: NoticeStep()},
        content={
            "所有权人": plan.owner_name,
            "年度": plan.year,
            "分配总额(元)": format_yuan(plan.total),
            "columns": ["用途", "金额(元)", "说明"],
            "rows": [
                [IncomePurpose(line["purpose"]).label, format_yuan(line["amount"]), line["remark"]]
                for line in plan.lines
            ],
        },
    )


async def create_payouts(work: UnitOfWork, plan_id: UUID, body: PayoutList) -> list[Payout]:
    """Add payouts to the list. Invalid when a purpose exceeds its amount in the plan."""
    plan = await get_distribution(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    if plan.state not in LISTING_STATES:
        raise conflict("not_now", f"方案{plan.state.label}, 不能编制发放名单", "Not in this state")
    await _check_accounts(work, plan, body)
    results = [await _create_payout(work, plan, item) for item in body.items]
    created = [payout for payout, is_new in results if is_new]
    await work.session.flush()
    await _check_plan_amounts(work, plan)
    if created:
        event = PayoutsListed(
            distribution_id=plan.id, count=len(created), amount=sum(payout.amount for payout in created)
        )
        await log_event(work, plan, event)
    return [payout for payout, _ in results]


async def _check_accounts(work: UnitOfWork, plan: Distribution, body: PayoutList) -> None:
    """Invalid when one account is to receive for several payees and the list does not say why (`basis`)."""
    masked = {mask_account(item.account) for item in body.items if item.account}
    known: dict[str, str] = {}
    for one in await repository.list_payouts_to(work, plan.id, masked):
        sealed_for = f"payout:{one.id}:account"
        known[work.context.keyring.decrypt(one.account_sealed, associated_data=sealed_for)] = one.payee
    if (error := find_shared_account(body.items, known)) is not None:
        raise invalid_field(error.code, error.detail, error.pointer, error.detail_en)


async def list_payouts(work: UnitOfWork, plan_id: UUID) -> list[Payout]:
    """Payouts of a plan (at most 10,000)."""
    plan = await get_distribution(work, plan_id)
    return await records.list_records(work, Payout, col(Payout.distribution_id) == plan.id, limit=10_000)


async def record_payment(work: UnitOfWork, plan_id: UUID, payout_id: UUID, body: PayoutPaymentPost) -> Payout:
    """Record the payment of a payout from the planned money. Conflict when paid or withdrawn, Forbidden to the person who listed it."""
    plan = await get_distribution(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    payout = await records.get_record(work, Payout, payout_id, "笔发放", lock=True)
    if payout.distribution_id != plan.id or plan.state is not DistributionState.APPROVED:
        raise conflict("not_approved", "方案审核通过后才能兑付", "The plan is not approved")
    if payout.paid_on is not None or payout.withdrawn:
        raise conflict("paid", "这一笔已经兑付, 或已从名单撤下", "Paid already, or withdrawn")
    if work.actor.is_same_person(payout.created_by):
        raise Forbidden("不能兑付本人编制的名单, 须由另一人办理", "Four eyes: another person must")
    if body.paid_on > work.today:
        raise invalid_field("in_the_future", "兑付日期不能晚于今天", "/paid_on", "It lies in the future")
    payout.paid_on, payout.voucher_no, payout.paid_by = body.paid_on, body.voucher_no, work.actor.id
    touch_record(work, payout)
    changes = {IncomeAccount.PLANNED: -payout.amount, IncomeAccount.DISTRIBUTED: payout.amount}
    await post_entry(work, f"payout:{payout.id}:{payout.returns}", plan.region, changes, body.paid_on)
    await log_event(
        work, plan, PayoutPaid(distribution_id=plan.id, payout_id=payout.id, amount=payout.amount)
    )
    return payout


async def withdraw_payout(
    work: UnitOfWork, plan_id: UUID, payout_id: UUID, body: PayoutReversalPost
) -> Payout:
    """Withdraw an unpaid payout from the list; the row is kept with the reason."""
    plan, payout = await _get_payout(work, plan_id, payout_id)
    if plan.state not in LISTING_STATES or payout.paid_on is not None or payout.withdrawn:
        raise conflict(
            "not_now", "只能撤下还没有兑付的名单", "It is paid or withdrawn, or the plan is closed"
        )
    payout.withdrawn = body.reason
    touch_record(work, payout)
    await log_event(work, plan, _reversal_event(plan, payout, "withdrawn"), reason=body.reason)
    return payout


async def return_payout(work: UnitOfWork, plan_id: UUID, payout_id: UUID, body: PayoutReversalPost) -> Payout:
    """Record that the bank returned a payment: the money is planned again, and a new payment gets its own posting."""
    plan, payout = await _get_payout(work, plan_id, payout_id)
    if plan.state is not DistributionState.APPROVED or payout.paid_on is None:
        raise conflict("not_paid", "这一笔没有兑付, 或方案已办结", "It is not paid, or the plan is closed")
    returned_on = body.happened_on or work.today
    if not payout.paid_on <= returned_on <= work.today:
        detail = f"退回日期须在兑付日期 {payout.paid_on} 至今天之间"
        raise invalid_field("happened_on", detail, "/happened_on", "Before the payment or in the future")
    changes = {IncomeAccount.PLANNED: payout.amount, IncomeAccount.DISTRIBUTED: -payout.amount}
    await post_entry(work, f"return:{payout.id}:{payout.returns}", plan.region, changes, returned_on)
    payout.paid_on, payout.voucher_no, payout.paid_by = None, "", ""
    payout.returns += 1
    touch_record(work, payout)
    await log_event(work, plan, _reversal_event(plan, payout, "returned"), reason=body.reason)
    return payout


async def reveal_account(work: UnitOfWork, plan_id: UUID, payout_id: UUID) -> str:
    """Account number in clear, for those who pay; each reading is logged as an event."""
    plan = await get_distribution(work, plan_id)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    payout = await records.get_record(work, Payout, payout_id, "笔发放")
    if payout.distribution_id != plan.id or not payout.account_sealed:
        raise conflict("no_account", "没有登记账号", "No account is known")
    await log_event(work, plan, AccountRevealed(payout_id=payout.id))
    return work.context.keyring.decrypt(payout.account_sealed, associated_data=f"payout:{payout.id}:account")


async def _get_editable(work: UnitOfWork, plan_id: UUID, match: VersionMatch) -> Distribution:
    plan = await get_distribution(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    match.check_version(plan)
    return plan


def _transition_event(
    plan: Distribution, was: DistributionState, now: DistributionState
) -> DistributionMoved:
    return DistributionMoved(distribution_id=plan.id, total=plan.total, was=was, now=now)


async def _build_facts(
    work: UnitOfWork,
    plan: Distribution,
    body: DistributionTransitionRequest,
    payouts: tuple[dict[IncomePurpose, int], int],
    *,
    lock: bool = False,
) -> DistributionFacts:
    listed_amounts, unpaid = payouts
    return DistributionFacts(
        total=plan.total,
        available=await _get_available(work, plan, lock=lock),
        owner=plan.owner_name,
        missing_steps=tuple(step.label for step in STEPS_BEFORE_APPROVAL if step not in plan.steps),
        notice_error=await _find_blocking_notice(work, plan, body),
        unpaid_count=unpaid,
        is_result_public=DecisionStep.RESULT_PUBLIC in plan.steps,
        list_mismatch=describe_mismatch(plan.lines, listed_amounts),
        reason=body.reason,
    )


async def _get_available(work: UnitOfWork, plan: Distribution, *, lock: bool) -> int:
    """What the plan may distribute, in 分: income of its owner that no other decided plan has.

    Income recorded while the owner was not known belongs to whoever the village or town says.
    """
    balance = await repository.get_own_balance(work, plan.region, IncomeAccount.AVAILABLE, lock=lock)
    owner = normalize_text(plan.owner_name)
    sums = await repository.sum_by_owner(work, plan.region, plan.id)
    decided = sum(one.amount for one in sums if one.state is DistributionState.DECIDED)
    received = sum(
        one.amount for one in sums if one.state is None and normalize_text(one.owner_name) in {owner, ""}
    )
    own = sum(one.amount for one in sums if one.state and normalize_text(one.owner_name) == owner)
    return max(0, min(balance - decided, received - own))


async def _find_blocking_notice(
    work: UnitOfWork, plan: Distribution, body: DistributionTransitionRequest
) -> FieldError | None:
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    return notices.first_blocking_notice(
        await notices.get_notice_status(work, NOTICE_KIND, str(plan.id), on), NoticeLevel.DISTRIBUTION
    )


async def _list_warnings(work: UnitOfWork, plan: Distribution) -> list[str]:
    """Warnings where a purpose is outside the shares (percent) of the rule distribution.shares."""
    rule = await work.get_rule(DISTRIBUTION_SHARES, region=plan.region)
    return list_share_warnings(plan.lines, plan.total, rule.value, rule.basis)


async def _reserve_amounts(work: UnitOfWork, plan: Distribution) -> None:
    decided_on = plan.state_since.astimezone(CHINA_TIME_ZONE).date()
    await post_entry(work, f"plan:{plan.id}", plan.region, build_reservation(plan.lines), decided_on)


async def _create_payout(work: UnitOfWork, plan: Distribution, item: PayoutPost) -> tuple[Payout, bool]:
    payout_id = item.id or new_id()
    encrypted_account = (
        work.context.keyring.encrypt(item.account, associated_data=f"payout:{payout_id}:account")
        if item.account
        else ""
    )
    return await create_record(
        work,
        Payout,
        item,
        region=plan.region,
        id=payout_id,
        distribution_id=plan.id,
        account_sealed=encrypted_account,
        account_masked=mask_account(item.account) if item.account else "",
        **item.model_dump(exclude={"id", "account"}),
    )


async def _check_plan_amounts(work: UnitOfWork, plan: Distribution) -> None:
    listed_amounts, _ = await repository.sum_payouts(work, plan.id)
    if (detail := describe_excess(plan.lines, listed_amounts)) is not None:
        raise invalid_field("above_plan", detail, "/items", "The list passes the plan")


async def _get_payout(work: UnitOfWork, plan_id: UUID, payout_id: UUID) -> tuple[Distribution, Payout]:
    plan = await get_distribution(work, plan_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, plan.region)
    payout = await records.get_record(work, Payout, payout_id, "笔发放", lock=True)
    if payout.distribution_id != plan.id:
        raise conflict("other_plan", "这一笔不属于这个方案", "It belongs to another plan")
    return plan, payout


def _reversal_event(plan: Distribution, payout: Payout, what: str) -> PayoutReversed:
    return PayoutReversed(distribution_id=plan.id, payout_id=payout.id, amount=payout.amount, what=what)
