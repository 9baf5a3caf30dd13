"""Failed logins are counted, and too many in a row lock the account for a while (dated rule `auth.lock_out`)."""

from datetime import datetime, timedelta

from services.identity.accounts import repository
from services.identity.accounts.models import Account
from shared.access import Actor
from shared.contracts.identity import AccountLocked
from shared.log import publish
from shared.work import Context


def locked(account: Account, at: datetime) -> bool:
    """Whether the account is locked at a moment."""
    return account.locked_until is not None and account.locked_until > at


async def note_failure(context: Context, account_id: str) -> None:
    """Count a failure, in a transaction of its own, since the login itself is refused."""
    async with context.database.write() as session:
        work = context.work(session)
        account = await repository.system_get(work, account_id, lock=True)
        if account is None or locked(account, work.at):
            return
        rule = (await work.rule("auth.lock_out")).value
        account.failures += 1
        if account.failures >= rule["attempts"]:
            account.failures = 0
            account.locked_until = work.at + timedelta(minutes=rule["minutes"])
            await publish(
                session,
                AccountLocked(account=account.id, minutes=rule["minutes"]),
                actor=Actor(account.id, account.name, ()),
                subject=account.id,
                version=account.version,
                region=account.region,
                at=work.at,
            )
        work.session.add(account)
