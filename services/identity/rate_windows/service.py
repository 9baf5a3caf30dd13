"""Counting in a transaction of its own, so that a refused or failed request stays counted."""

from datetime import timedelta

from services.identity.rate_windows import repository
from shared.http.rate_limits import parse_rate, rate_limited_error
from shared.unit_of_work import ServiceContext


async def count_sign_in(context: ServiceContext, account: str, address: str) -> None:
    """Count an attempt for its address and for the account that is tried; RateLimited over either limit."""
    await count_attempt(context, "login_address", address)
    if account:
        await count_attempt(context, "login_account", account)


async def count_attempt(context: ServiceContext, rate: str, name: str) -> None:
    """Count one attempt under a named limit; RateLimited when it is over."""
    item = parse_rate(context.settings.rates, rate)
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        count, ends_at = await repository.system_count(
            work, f"{rate}/{name}", timedelta(seconds=item.get_expiry())
        )
    if count > item.amount:
        raise rate_limited_error(item, (ends_at - work.at).total_seconds())


async def purge_windows(context: ServiceContext) -> None:
    """Forget windows that are over."""
    async with context.database.write() as session:
        await repository.system_purge(context.unit_of_work(session))
