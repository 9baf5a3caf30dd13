"""Follow the service's own log: detectors look again within seconds after the events that matter to them.

A look is bounded to what the events touched. A detector that cannot be bounded, or that too many events concern, looks at
everything, but only once in `WHOLE_LOOK_PAUSE`; one whose rule changed looks at everything at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.alerts.detection import Detector, Subjects, can_name
from shared.alerts.models import AlertConfig
from shared.alerts.scan import REST_FACTOR, run_detectors
from shared.db import event_log, execute_core
from shared.events import CursorUpdate, SubscriberCursor, outbox_cursors
from shared.events.log import after_cursor, is_visible
from shared.unit_of_work import ServiceContext

SUBSCRIBER_NAME = "itself:alerts"
"""Subscriber name of the follower's cursor in this service's log."""
FOLLOW_INTERVAL_S = 3
LEASE_DURATION = timedelta(seconds=30)
"""Time until another process takes over from a dead one; a living one extends its lease while it looks."""
MAX_LOG_ROWS = 5_000
"""Log rows per pass; a detector that many of them concern runs once."""
WHOLE_LOOK_PAUSE = timedelta(minutes=10)
"""Time between two looks at everything that events cause; the events meanwhile are covered by the later one."""
RULE_TOPIC = "rule.changed"


@dataclass
class WholeLooks:
    """Detectors that have to look at everything. Kept in memory: the scheduled scan finds what a restart forgets."""

    keys: set[str] = field(default_factory=set)
    next_at: datetime | None = None

    def take_due(self, now: datetime) -> set[str]:
        """The keys of the rules whose detectors look now; none within the pause after the last time."""
        if not self.keys or (self.next_at is not None and now < self.next_at):
            return set()
        due, self.keys, self.next_at = self.keys, set(), now + WHOLE_LOOK_PAUSE
        return due


def follow_log(
    alerts: AlertConfig, detectors: Sequence[Detector[Any]]
) -> Callable[[ServiceContext], Awaitable[bool]]:
    """Build a periodic task that runs the detectors concerned by new log rows; it answers whether there are more rows."""
    whole_looks = WholeLooks()

    async def scan_after_events(context: ServiceContext) -> bool:
        reader = await _get_reader(context)
        if reader.due_at > context.clock():
            return False
        rows = await _list_rows(context, reader)
        if not rows:
            await _look_at_everything(context, alerts, detectors, whole_looks)
            return False
        async with context.database.write() as session:
            if not await outbox_cursors.acquire_lease(session, reader, context.clock() + LEASE_DURATION):
                return False
        cursor = reader.cursor
        lease = asyncio.create_task(_keep_lease(context, reader))
        try:
            if concerned := find_concerned(detectors, rows):
                context.rules.recheck()  # another process may have changed a rule
                await _look_after_rows(context, alerts, concerned, rows, whole_looks)
            await _look_at_everything(context, alerts, detectors, whole_looks)
            cursor = (rows[-1].tx, rows[-1].seq)
        finally:
            lease.cancel()
            await asyncio.gather(lease, return_exceptions=True)
            async with context.database.write() as session:
                await outbox_cursors.commit_delivery(
                    session, reader, CursorUpdate(cursor, context.clock()), context.clock()
                )
        return len(rows) == MAX_LOG_ROWS

    return scan_after_events


async def _keep_lease(context: ServiceContext, reader: SubscriberCursor) -> None:
    """Extend the lease until cancelled, or until another process took it."""
    held = True
    while held:
        await asyncio.sleep(LEASE_DURATION.total_seconds() / 3)
        async with context.database.write() as session:
            held = await outbox_cursors.extend_lease(session, reader, context.clock() + LEASE_DURATION)


async def _look_after_rows(
    context: ServiceContext,
    alerts: AlertConfig,
    concerned: Sequence[Detector[Any]],
    rows: Sequence[Any],
    whole_looks: WholeLooks,
) -> None:
    """Run the detectors over what the rows touched, and note those that have to look at everything."""
    changed_rules = _list_changed_rules(rows)
    bounds: dict[str, Subjects] = {}
    for detector in concerned:
        key = detector.rule.key
        if key[:64] in changed_rules:
            bounds[key] = None
            continue
        async with context.database.read() as session:
            subjects = await detector.find_subjects(
                context.unit_of_work(session), [row for row in rows if row.type in detector.topics]
            )
        if not can_name(subjects):
            whole_looks.keys.add(key)
        elif subjects:
            bounds[key] = subjects
    chosen = [one for one in concerned if one.rule.key in bounds]
    await run_detectors(context, alerts, chosen, REST_FACTOR, bounds)


async def _look_at_everything(
    context: ServiceContext, alerts: AlertConfig, detectors: Sequence[Detector[Any]], whole_looks: WholeLooks
) -> None:
    if due := whole_looks.take_due(context.clock()):
        await run_detectors(context, alerts, [one for one in detectors if one.rule.key in due], REST_FACTOR)


def find_concerned(detectors: Iterable[Detector[Any]], rows: Sequence[Any]) -> list[Detector[Any]]:
    """The detectors that wait for a topic of these rows, or whose rule one of them changed."""
    topics, changed_rules = {row.type for row in rows}, _list_changed_rules(rows)
    return [one for one in detectors if one.topics & topics or one.rule.key[:64] in changed_rules]


def _list_changed_rules(rows: Iterable[Any]) -> set[str]:
    return {row.subject for row in rows if row.type == RULE_TOPIC}


async def _list_rows(context: ServiceContext, reader: SubscriberCursor) -> list[sa.Row[Any]]:
    columns = event_log.c
    async with context.database.read() as session:
        query = (
            sa.select(
                columns.tx,
                columns.seq,
                columns.type,
                columns.subject,
                columns.region,
                columns.before,
                columns.after,
            )
            .where(after_cursor(reader.cursor), is_visible(session))
            .order_by(columns.tx, columns.seq)
            .limit(MAX_LOG_ROWS)
        )
        return list(await execute_core(session, query))


async def _get_reader(context: ServiceContext) -> SubscriberCursor:
    """The follower's cursor; created on first use."""
    async with context.database.read() as session:
        reader = await outbox_cursors.find_cursor(session, SUBSCRIBER_NAME)
    if reader is not None:
        return reader
    async with context.database.write() as session:
        await outbox_cursors.subscribe(session, [SUBSCRIBER_NAME], context.clock())
    return await _get_reader(context)
