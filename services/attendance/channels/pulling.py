"""Pulling in the background: claimed by one process, part by part, each part in its own transaction, its error kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic import SecretStr

from services.attendance.channels import repository
from services.attendance.channels.kinds import PullState
from services.attendance.channels.models import PullChannel
from services.attendance.channels.service import about, next_time
from services.attendance.imports import client
from services.attendance.imports import repository as imports
from services.attendance.imports.schemas import ImportPull
from services.attendance.imports.service import allowed, take_in
from shared.access import Actor, Grant
from shared.errors import Refusal
from shared.permissions import Role
from shared.work import CHINA, Context, Work

TRIES = 5
"""Failures in a row after which a pull waits for its next day."""
SOONEST = timedelta(minutes=15)
log = structlog.get_logger("channels")


@dataclass(frozen=True)
class Job:
    """One claimed pull."""

    id: UUID
    attempt: int
    failures: int
    hour: int
    asked: ImportPull
    actor: Actor


class Lost(Exception):
    """Another process took the pull over."""


async def pull_due(context: Context) -> bool:
    """Pull one channel that is due; whether there was one. What goes wrong stands in its `last_error`."""
    async with context.database.write() as session:
        row = await repository.system_claim(session, context.clock())
        job = None if row is None else _job(context, row)
    if job is None:
        return False
    try:
        await _pull(context, job)
    except Lost:
        log.warning("pull taken over", channel=str(job.id))
    except Refusal as refusal:
        await _failed(context, job, refusal.detail)
    except Exception:
        # One broken answer must not end the others' pulls.
        log.exception("pull failed", channel=str(job.id))
        await _failed(context, job, "系统内部错误, 请告知管理员")
    return True


def _job(context: Context, row: PullChannel) -> Job:
    """The pull in the name of the organisation department of the channel's region."""
    today = context.clock().astimezone(CHINA).date()
    first, last = row.first or today - timedelta(days=row.days_back), row.last or today
    asked = ImportPull(
        channel=row.channel,
        region=row.region,
        first=first,
        last=last,
        app_key=row.app_key,
        app_secret=SecretStr(context.keyring.open(row.secret_sealed, about=about(row.id))),
        details=row.details,
    )
    name = f"{row.channel.label}定时导入"
    actor = Actor(f"channel:{row.channel}", name, (Grant(Role.BUREAU, row.region),), kind="service")
    return Job(row.id, row.attempts, row.failures, row.hour, asked, actor)


async def _pull(context: Context, job: Job) -> None:
    async with context.database.read() as session:
        work = context.work(session, job.actor)
        await allowed(work, job.asked.region)
        users = await imports.externals(work, job.asked.channel, job.asked.region)
        today = work.today
    parts = client.parts(job.asked, users, today)
    fresh, token = 0, await client.token(context.wire, job.asked) if parts else ""
    for done, part in enumerate(parts):
        found = await client.fetch(context.wire, token, job.asked, part)
        fresh += await _took(context, job, found, fresh, done + 1, len(parts))
    due = next_time(job.hour, context.clock())
    await _ended(context, job, due, state=PullState.WAITING, last_error="", failures=0, done=True)


async def _took(
    context: Context, job: Job, found: Sequence[dict[str, Any]], before: int, done: int, parts: int
) -> int:
    """Take one part in and say how far the pull is, both or neither; how many records were new."""
    async with context.database.write() as session:
        work = Work(session, job.actor, context.clock(), context)
        fresh = 0
        if found:
            fresh = (await take_in(work, job.asked.channel, job.asked.region, found, strict=False)).fresh
        progress = {"parts": parts, "parts_done": done, "fresh": before + fresh}
        days: dict[str, date] = {"first": job.asked.first, "last": job.asked.last}
        if not await repository.system_note(session, job.id, job.attempt, work.at, **progress, **days):
            raise Lost
    return fresh


async def _failed(context: Context, job: Job, words: str) -> None:
    now = context.clock()
    again = job.failures + 1
    due = now + SOONEST * 2**job.failures if again < TRIES else next_time(job.hour, now)
    await _ended(context, job, due, state=PullState.FAILED, last_error=words[:500], failures=again)


async def _ended(context: Context, job: Job, due: datetime, *, done: bool = False, **values: Any) -> None:  # noqa: ANN401 - columns
    async with context.database.write() as session:
        now = context.clock()
        values |= {"due_at": due, "leased_until": None}
        if done:
            values |= {"last_done_at": now, "first": None, "last": None}
        await repository.system_note(session, job.id, job.attempt, now, **values)
