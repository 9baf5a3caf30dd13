"""Follow the service's own log: detectors look again within seconds after the events that matter to them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from shared.alerts.detection import Detector
from shared.alerts.models import AlertConfig
from shared.alerts.scan import REST_FACTOR, run_detectors
from shared.db import event_log, execute_core
from shared.events import CursorUpdate, SubscriberCursor, outbox_cursors
from shared.events.log import after_cursor, is_visible
from shared.unit_of_work import ServiceContext

SUBSCRIBER_NAME = "itself:alerts"
"""Subscriber name of the follower's cursor in this service's log."""
FOLLOW_INTERVAL_S = 3
LEASE_DURATION = timedelta(minutes=5)
"""Time until another process takes over from a dead one."""
MAX_LOG_ROWS = 5_000
"""Log rows per pass; a detector that many of them concern runs once."""
RULE_TOPIC = "rule.changed"


def follow_log(
    alerts: AlertConfig, detectors: Sequence[Detector[Any]]
) -> Callable[[ServiceContext], Awaitable[bool]]:
    """Build a periodic task that runs the detectors concerned by new log rows; it answers whether there are more rows."""

    async def scan_after_events(context: ServiceContext) -> bool:
        reader = await _get_reader(context)
        if reader.due_at > context.clock():
            return False
        rows = await _list_rows(context, reader)
        if not rows:
            return False
        async with context.database.write() as session:
            if not await outbox_cursors.acquire_lease(session, reader, context.clock() + LEASE_DURATION):
                return False
        cursor = reader.cursor
        try:
            if concerned := find_concerned(detectors, rows):
                context.rules.recheck()  # another process may have changed a rule
                await run_detectors(context, alerts, concerned, REST_FACTOR)
            cursor = (rows[-1].tx, rows[-1].seq)
        finally:
            async with context.database.write() as session:
                await outbox_cursors.commit_delivery(
                    session, reader, CursorUpdate(cursor, context.clock()), context.clock()
                )
        return len(rows) == MAX_LOG_ROWS

    return scan_after_events


def find_concerned(detectors: Iterable[Detector[Any]], rows: Iterable[Any]) -> list[Detector[Any]]:
    """The detectors that wait for a topic of these rows, or whose rule one of them changed."""
    topics, changed_rules = set(), set()
    for row in rows:
        topics.add(row.type)
        if row.type == RULE_TOPIC:
            changed_rules.add(row.subject)
    return [one for one in detectors if one.topics & topics or one.rule.key[:64] in changed_rules]


async def _list_rows(context: ServiceContext, reader: SubscriberCursor) -> list[sa.Row[Any]]:
    columns = event_log.c
    async with context.database.read() as session:
        query = (
            sa.select(columns.tx, columns.seq, columns.type, columns.subject)
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
