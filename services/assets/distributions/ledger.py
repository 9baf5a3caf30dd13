"""The income book: received = available + planned + reserved + distributed, after every posting."""

from collections.abc import Mapping
from datetime import date

from services.assets.distributions import repository
from services.assets.distributions.kinds import Account
from services.assets.distributions.models import IncomePosting
from services.assets.refusals import not_now
from shared.ids import new_id
from shared.work import Work


async def post(work: Work, mark: str, region: str, changes: Mapping[Account, int], on: date) -> None:
    """Post once under a mark; ValueError when the book would not balance, Conflict when an account would go below zero."""
    others = sum(amount for account, amount in changes.items() if account is not Account.RECEIVED)
    if changes.get(Account.RECEIVED, 0) != others:
        raise ValueError(f"unbalanced posting {mark}: {dict(changes)}")
    after = await repository.system_add(work, region, changes)
    for account, amount in after.items():
        if amount < 0:
            raise not_now("below_zero", f"“{account.label}”余额不足", f"{account} would be below zero")
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


async def came_in(work: Work, receipt: str, region: str, amount: int, on: date) -> None:
    """Income was received, or taken back (below zero): what was distributed already cannot be taken back."""
    await post(work, f"receipt:{receipt}", region, {Account.RECEIVED: amount, Account.AVAILABLE: amount}, on)
