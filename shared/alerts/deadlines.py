"""Open closed alerts again as soon as the new deadline has passed that they were closed with.

The next such instant comes from one indexed query. The task sleeps until then; a closing with a deadline wakes it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from shared.alerts import repository
from shared.alerts.detection import Detector, can_name
from shared.alerts.models import AlertConfig
from shared.alerts.scan import run_detectors
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceContext, UnitOfWork

log = structlog.get_logger("alert deadlines")
MAX_SLEEP_S = 600.0
"""Longest sleep: a process that closed an alert may have ended, and a clock may be set."""
RETRY_S = 60.0
BELL_NAME = "alert deadlines"


class DeadlineWatch:
    """The deadlines of a service's closed alerts, as one process looks after them."""

    def __init__(self, alerts: AlertConfig, detectors: Sequence[Detector[Any]]) -> None:
        self.alerts = alerts
        self.detectors = detectors
        self.since = date.min
        """Earlier deadlines were looked at: their alerts are open again, gone, or of a rule that is not in force."""

    async def reopen_due(self, context: ServiceContext) -> datetime | None:
        """Look again at the alerts whose deadline has passed; return the instant at which the next one passes."""
        today = context.clock().astimezone(CHINA_TIME_ZONE).date()
        async with context.database.read() as session:
            next_deadline = await repository.system_find_next_deadline(session, self.alerts, self.since)
        if next_deadline is not None and next_deadline < today:
            await self._look_again(context, today)
            self.since = today
            return await self.reopen_due(context)
        if next_deadline is None:
            return None
        return datetime.combine(next_deadline + timedelta(days=1), time(), CHINA_TIME_ZONE)

    async def _look_again(self, context: ServiceContext, today: date) -> None:
        async with context.database.read() as session:
            rows = await repository.system_list_past_deadlines(session, self.alerts, self.since, today)
        subjects: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            subjects[row.rule].add(row.subject)
        bounds = {rule: found if can_name(found) else None for rule, found in subjects.items()}
        concerned = [one for one in self.detectors if one.rule.key in bounds]
        await run_detectors(context, self.alerts, concerned, bounds=bounds)


def watch_deadlines(
    alerts: AlertConfig, detectors: Sequence[Detector[Any]]
) -> Callable[[ServiceContext], Coroutine[Any, Any, None]]:
    """Build a task for `Service.background` that opens alerts again when their deadline passes, until cancelled."""

    async def watch(context: ServiceContext) -> None:
        watcher, bell = DeadlineWatch(alerts, detectors), _get_bell(context)
        while True:
            bell.clear()
            try:
                due_at = await watcher.reopen_due(context)
                sleep = MAX_SLEEP_S if due_at is None else (due_at - context.clock()).total_seconds()
            except Exception:
                # Any error: later deadlines must pass without a restart of the process.
                log.exception("alert deadlines", service=context.name)
                sleep = RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), min(max(sleep, 0), MAX_SLEEP_S))

    return watch


def ring_after_commit(work: UnitOfWork) -> None:
    """Wake the task when the transaction of a closing with a deadline is committed."""
    bell = _get_bell(work.context)

    @sa.event.listens_for(work.session.sync_session, "after_commit", once=True)
    def _ring(_session: object) -> None:
        bell.set()


def _get_bell(context: ServiceContext) -> asyncio.Event:
    bell: asyncio.Event = context.memory.setdefault(BELL_NAME, asyncio.Event())
    return bell
