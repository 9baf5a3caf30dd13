"""Lock-outs (dated rule `auth.lock_out`): a source that fails too often on a name waits; other sources are not affected.

When ten sources are locked out of one name at once, sources that never signed in with it wait too: somebody guesses from
many places. Who signed in from a source before goes on from there.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.identity.accounts.models import Account
from services.identity.lock_outs import repository
from services.identity.lock_outs.models import SignInCount
from services.identity.policy import LOCK_OUT
from shared.auth import NATION_CODE, Actor
from shared.clients.identity import AccountLocked, SignInFailed
from shared.events import Event
from shared.http import find_subscriber
from shared.records import log_event
from shared.unit_of_work import ServiceContext, UnitOfWork

LOCKED_SOURCES_OF_AN_ATTACK = 10
"""Bits that name one subscriber of IPv6; the rest changes by the hour."""
RETENTION = timedelta(days=30)
UNKNOWN_PERSON = Actor("unknown", "未知", (), kind="public")


@dataclass
class UnknownName:
    """The subject of an event about a name that no account has."""

    id: str
    updated_at: datetime
    version: int = 1
    region: str = NATION_CODE


def hash_name(context: ServiceContext, kind: str, name: str) -> str:
    """The keyed hash under which a name of a kind (`user`, `machine`) is counted; kinds never lock one another."""
    return context.keyring.blind_index(name, f"sign_in_{kind}")


async def find_lock(work: UnitOfWork, kind: str, name: str, source: str) -> datetime | None:
    """The end of the lock that holds for a name from a source; None when it may try."""
    name_hash = hash_name(work.context, kind, name)
    count = await repository.system_find_count(work, name_hash, find_subscriber(source))
    if count is not None and count.locked_until is not None and count.locked_until > work.at:
        return count.locked_until
    if count is not None and count.last_success_at is not None:
        return None
    if await repository.system_count_locked_sources(work, name_hash) >= LOCKED_SOURCES_OF_AN_ATTACK:
        return (await repository.system_list_locks(work, [name_hash])).get(name_hash)
    return None


def describe_lock(until: datetime, at: datetime) -> str:
    """The sentence for who is locked out, equal for names that exist and names that do not."""
    return f"失败次数过多, 请 {math.ceil((until - at).total_seconds() / 60)} 分钟后再试"


async def record_failure(
    context: ServiceContext, kind: str, name: str, source: str, *, account: Account | None, reason: str
) -> None:
    """Count a failure and log it, in a transaction of its own, since the sign-in itself is refused."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        name_hash, source = hash_name(context, kind, name), find_subscriber(source)
        failures = await repository.system_add_failure(work, name_hash, source)
        rule = (await work.get_rule(LOCK_OUT, region=account.region if account else None)).value
        known = account.id if account is not None else ""
        failed = SignInFailed(account=known, name_hash=name_hash, source=source, reason=reason)
        await _publish(work, failed, account, name_hash)
        if failures >= rule.attempts:
            until = work.at + timedelta(minutes=rule.minutes)
            await repository.system_set_lock(work, name_hash, source, until)
            if account is not None:
                locked = AccountLocked(account=account.id, minutes=rule.minutes, source=source)
                await _publish(work, locked, account, name_hash)


async def record_success(work: UnitOfWork, kind: str, name: str, source: str) -> None:
    """Forget the failures of a name from a source, and remember that it signed in from there."""
    name_hash, source = hash_name(work.context, kind, name), find_subscriber(source)
    count = await repository.system_find_count(work, name_hash, source)
    if count is None:
        count = SignInCount(name_hash=name_hash, source=source, updated_at=work.at)
    count.failures, count.locked_until = 0, None
    count.last_success_at = count.updated_at = work.at
    await work.session.merge(count)


async def clear_failures(work: UnitOfWork, kind: str, name: str) -> None:
    """Forget the failures of a name from every source, as a reset by an administrator does."""
    await repository.system_clear_failures(work, hash_name(work.context, kind, name))


async def delete_counts(work: UnitOfWork, kind: str, name: str) -> None:
    """Forget what is counted of a name, with the addresses it came from."""
    await repository.system_delete_counts(work, hash_name(work.context, kind, name))


async def list_locks(work: UnitOfWork, accounts: list[Account]) -> dict[str, datetime]:
    """Account id → end of the latest lock that holds for it from some source."""
    by_hash = {hash_name(work.context, one.kind, one.id): one.id for one in accounts}
    locks = await repository.system_list_locks(work, list(by_hash))
    return {by_hash[name_hash]: until for name_hash, until in locks.items()}


async def purge_counts(context: ServiceContext) -> None:
    """Delete counts that nobody changed for `RETENTION`."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        await repository.system_purge_counts(work, work.at - RETENTION)


async def _publish(work: UnitOfWork, event: Event, account: Account | None, name_hash: str) -> None:
    if account is None:
        await log_event(replace(work, actor=UNKNOWN_PERSON), UnknownName(name_hash, work.at), event)
    else:
        await log_event(replace(work, actor=Actor(account.id, account.name, ())), account, event)
