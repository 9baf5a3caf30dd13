"""The outbox relay: delivers the rows of the event log to each subscriber, at least once, in order per subject.

There is one cursor per subscriber. The relay reads a batch, takes the lease, delivers the batch with no transaction
open, and moves the cursor under the lease. When a relay dies, the lease runs out and another relay delivers the batch
again; the receiver's inbox drops the copies. Replicas may run relays at the same time.

The relay retries a subscriber that is down without end, with growing delays. It parks an event that the handler refused
`MAX_REFUSALS` times and later events of the same subject, until an operator requests another delivery.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from shared.db import Database, event_log
from shared.errors import ApiError
from shared.events import outbox_cursors
from shared.events.epoch import LOG_START, Cursor, get_epoch
from shared.events.event import Envelope
from shared.events.log import (
    last_visible_cursor,
    list_after_cursor,
    to_envelope,
    up_to_cursor,
)
from shared.events.outbox_cursors import CursorUpdate, SubscriberCursor
from shared.events.topics import list_subscribers, topics_for

RELAY_BATCH_EVENTS = 50
LEASE_DURATION = timedelta(seconds=30)
"""The longest that events wait after a process died within a delivery; half of it is the time of one delivery."""
MAX_BACKOFF = timedelta(minutes=5)
MAX_REFUSALS = 8
"""Refusals of an event before it is parked: about two minutes."""
LONGEST_WAIT_FAILURES = 1000
"""Failures in a row after which a back-off grows no more."""
IDLE_ADVANCE_ROWS = 500
"""The number of rows of other topics from which on the cursor is moved over them."""
MAX_REST_S = 60.0
"""The log is looked at this often even where no write is known of: a tool may have written beside the service."""
POLL_INTERVAL_S = {"sqlite": 1.0, "postgresql": 2.0}
MIN_POLL_GAP_S = 0.5
"""Seconds between two reads of a log that changes all the time; the first change after a pause is read at once."""
log = structlog.get_logger("relay")


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """The result of a delivery: `received` events from the front arrived; `refused`: the next one failed by its content.

    Fewer received than sent and no error: the deliverer paused, and the relay sends the rest at once.
    """

    received: int
    error: str = ""
    refused: bool = False


Deliverer = Callable[[str, list[Envelope]], Awaitable[DeliveryOutcome]]


@dataclass(frozen=True, slots=True)
class _Batch:
    reader: SubscriberCursor
    rows: Sequence[sa.Row[Any]]
    epoch: str
    behind: set[str] = field(default_factory=set)
    """Subjects with a parked event."""
    end: Cursor = (0, 0)
    """The new cursor when all rows arrived."""
    is_retry: bool = False
    """The rows are parked events marked for another delivery."""

    @property
    def rows_to_deliver(self) -> list[sa.Row[Any]]:
        """The rows to deliver now."""
        return [row for row in self.rows if row.subject not in self.behind]


def backoff_delay(failures: int) -> timedelta:
    """The delay after a number of failures in a row: 1 s, 2 s, 4 s … 5 min."""
    return min(timedelta(seconds=2 ** min(failures - 1, 20)), MAX_BACKOFF)


class Relay:
    """Delivers one service's log to the subscribers `to`; `topics` names the topics of each, none means all."""

    def __init__(
        self,
        database: Database,
        service: str,
        deliver: Deliverer,
        clock: Callable[[], datetime],
        *,
        to: Collection[str] | None = None,
        topics: Callable[[str], Collection[str]] = topics_for,
        row_filter: Callable[[str], sa.ColumnElement[bool]] = lambda _subscriber: sa.true(),
        wait: Callable[[int], timedelta] = backoff_delay,
        changed: asyncio.Event | None = None,
    ) -> None:
        """`row_filter` is a further condition on a subscriber's rows; `wait` gives the delay after n failures."""
        self.database = database
        self.service = service
        self.deliver = deliver
        self.clock = clock
        self.to = tuple(to) if to is not None else list_subscribers(excluding=service)
        self.topics = topics
        self.row_filter = row_filter
        self.wait = wait
        self.changed = changed or asyncio.Event()
        self._wakes = {subscriber: asyncio.Event() for subscriber in self.to}
        self._unfinished: set[str] = set()

    async def run(self) -> None:
        """Deliver until cancelled; `changed` wakes the relay, and a timer in case another process wrote."""
        async with asyncio.TaskGroup() as group:
            for subscriber in self.to:
                group.create_task(self._run_subscriber(subscriber))
            await self._poll()

    async def drain(self) -> int:
        """Deliver all events that subscribers take now, without waiting for back-offs; the number delivered."""
        await self._subscribe()
        arrived, before = 0, -1
        while arrived != before:
            before = arrived
            for subscriber in self.to:
                while (moved := await self.deliver_batch(subscriber, patient=False)) > 0:
                    arrived += moved
        return arrived

    async def deliver_batch(self, subscriber: str, *, patient: bool = True) -> int:
        """Deliver one batch; the number of rows done. `patient`: not before the lease or back-off ends."""
        batch = await self._read_batch(subscriber)
        if batch is None:
            self._unfinished.discard(subscriber)
            return 0
        self._unfinished.add(subscriber)
        if patient and self._must_wait(batch.reader.due_at):
            return 0
        async with self.database.write() as session:
            if not await outbox_cursors.acquire_lease(session, batch.reader, self.clock() + LEASE_DURATION):
                return 0
        outcome = await self._send_batch(subscriber, batch)
        result, done = self._evaluate(batch, outcome)
        async with self.database.write() as session:
            kept = await outbox_cursors.commit_delivery(session, batch.reader, result, self.clock())
        if outcome.error:
            log.warning(
                "not delivered",
                service=self.service,
                to=subscriber,
                error=outcome.error,
                parked=result.parked,
            )
        return done if kept else 0

    def _must_wait(self, due_at: datetime) -> bool:
        """Whether a lease or back-off lasts; one that ends later than any could was written by a clock that was wrong."""
        left = due_at - self.clock()
        return timedelta() < left <= max(LEASE_DURATION, self.wait(LONGEST_WAIT_FAILURES))

    async def _poll(self) -> None:
        seen, written, begun = LOG_START, None, 0.0
        while True:
            notified = True
            try:
                await asyncio.wait_for(self.changed.wait(), POLL_INTERVAL_S[self.database.dialect])
            except TimeoutError:
                notified = False
            self.changed.clear()
            now = asyncio.get_running_loop().time()
            is_quiet = not notified and not self._unfinished and now < begun + MAX_REST_S
            if is_quiet and self.database.is_unwritten_since(written):
                continue
            begun, previous, written = now, seen, self.database.count_writes()
            with suppress(ApiError):
                async with self.database.read() as session:
                    seen = await last_visible_cursor(session, previous)
            if notified or seen != previous or self._unfinished:
                for wake in self._wakes.values():
                    wake.set()
            await asyncio.sleep(max(0.0, begun + MIN_POLL_GAP_S - asyncio.get_running_loop().time()))

    async def _run_subscriber(self, subscriber: str) -> None:
        wake = self._wakes[subscriber]
        ready = False
        while True:
            try:
                if not ready:
                    await self._subscribe()
                    ready = True
                while await self.deliver_batch(subscriber):
                    pass
            except Exception:
                # Neither a lost database nor a bug may end the deliveries of this process.
                log.exception("relay failed", service=self.service, to=subscriber)
                await asyncio.sleep(POLL_INTERVAL_S[self.database.dialect])
            await wake.wait()
            wake.clear()

    async def _subscribe(self) -> None:
        async with self.database.read() as session:
            missing = [name for name in self.to if await outbox_cursors.find_cursor(session, name) is None]
        if missing:
            async with self.database.write() as session:
                await outbox_cursors.subscribe(session, missing, self.clock())

    async def _read_batch(self, subscriber: str) -> _Batch | None:
        async with self.database.read() as session:
            reader = await outbox_cursors.find_cursor(session, subscriber)
            if reader is None:
                return None
            if again := await outbox_cursors.list_retry_requested(session, subscriber, RELAY_BATCH_EVENTS):
                epoch = (await get_epoch(session)).name
                return _Batch(reader, again, epoch, end=reader.cursor, is_retry=True)
            end = await last_visible_cursor(session, reader.cursor)
            if end == reader.cursor:
                return None
            conditions = [up_to_cursor(end), self.row_filter(subscriber)]
            if topics := self.topics(subscriber):
                conditions.append(event_log.c.type.in_(topics))
            rows = await list_after_cursor(session, reader.cursor, limit=RELAY_BATCH_EVENTS, where=conditions)
            if not rows and end[1] - reader.cursor[1] < IDLE_ADVANCE_ROWS:
                return None
            epoch = (await get_epoch(session)).name
            behind = await outbox_cursors.find_blocked_subjects(
                session, subscriber, {row.subject for row in rows}
            )
        if len(rows) == RELAY_BATCH_EVENTS:
            end = (rows[-1].tx, rows[-1].seq)
        return _Batch(reader, rows, epoch, behind, end)

    async def _send_batch(self, subscriber: str, batch: _Batch) -> DeliveryOutcome:
        envelopes = [to_envelope(self.service, row, batch.epoch) for row in batch.rows_to_deliver]
        if not envelopes:
            return DeliveryOutcome(0)
        try:
            async with asyncio.timeout(LEASE_DURATION.total_seconds() / 2):
                return await self.deliver(subscriber, envelopes)
        except TimeoutError:
            return DeliveryOutcome(0, "no answer in time")

    def _evaluate(self, batch: _Batch, outcome: DeliveryOutcome) -> tuple[CursorUpdate, int]:
        now, reader, wanted = self.clock(), batch.reader, batch.rows_to_deliver
        if outcome.received >= len(wanted):
            done, stopped = list(batch.rows), None
            result = CursorUpdate(batch.end, now)
        elif outcome.received and not outcome.error:
            done, stopped = list(batch.rows)[: batch.rows.index(wanted[outcome.received])], None
            result = CursorUpdate(reader.cursor if batch.is_retry else (done[-1].tx, done[-1].seq), now)
        else:
            stopped = wanted[outcome.received]
            done = list(batch.rows)[: batch.rows.index(stopped)]
            again = outcome.received == 0
            failures = (reader.failures if again else 0) + 1
            result = CursorUpdate(
                (done[-1].tx, done[-1].seq) if done and not batch.is_retry else reader.cursor,
                now + self.wait(failures),
                failures,
                (reader.refusals if again else 0) + outcome.refused,
                outcome.error or "stopped without a reason",
            )
        if batch.is_retry:
            result.delivered = [(row.seq, row.subject) for row in done]
        else:
            result.parked = [(row.seq, row.subject, "") for row in done if row.subject in batch.behind]
        if stopped is not None and outcome.refused and (batch.is_retry or result.refusals >= MAX_REFUSALS):
            self._dead_letter(batch, stopped, result, now)
            done.append(stopped)
        return result, len(done)

    def _dead_letter(self, batch: _Batch, stopped: sa.Row[Any], result: CursorUpdate, now: datetime) -> None:
        """Park a refused event; one that was retried waits for an operator again."""
        if batch.is_retry:
            result.abandoned = (stopped.seq, stopped.subject, result.last_error)
        else:
            result.parked.append((stopped.seq, stopped.subject, result.last_error))
            result.cursor = (stopped.tx, stopped.seq)
        result.due_at, result.failures, result.refusals = now, 0, 0
