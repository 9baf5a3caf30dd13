"""Refuses requests that would wait too long: the queue of a process is bounded by time, not by number.

A request waits for those before it, so its time is their number divided by how many are finished in a second while the
process is busy (Little's law). Over `limit` it is refused at once, before its token is read, with 503 and Retry-After:
those that are accepted are answered in time, and refusing costs little. A few are always accepted, however slow: the
estimate begins with them. Exports and imports, which take their time by nature, do not count.

The accepted start one in each round of the event loop, the first come first: if all of a burst were under way at once, a
round would take as long as all of them, nobody could be refused or answered before its end, and the last would wait longest.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

from shared.errors import Unavailable
from shared.metrics import OVERLOAD_REFUSALS

MIN_ACCEPTED = 16
"""Requests under way that are accepted whatever the estimate says."""
FORGET_AFTER_S = 1.0
"""Busy seconds after which a finished request counts a third in the estimate."""
FIRST_RATE = 200.0
"""Requests a second assumed before the first ones are finished."""


class LoadEstimate:
    """How long a further request of this process would wait."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.under_way = 0
        self.refused = 0
        self._changed_at = clock()
        self._busy_s = FORGET_AFTER_S
        self._finished = FIRST_RATE * FORGET_AFTER_S

    @property
    def rate(self) -> float:
        """Requests finished in a second while at least one was under way."""
        return self._finished / self._busy_s

    def expect_wait(self) -> float:
        """Seconds that a request would take that comes now."""
        self._advance()
        return (self.under_way + 1) / self.rate

    def check(self, limit: float) -> None:
        """Raise Unavailable when a request would take longer than `limit` seconds; 0 is no limit."""
        if not limit or self.under_way < MIN_ACCEPTED:
            return
        wait = self.expect_wait()
        if wait > limit:
            self.refused += 1
            OVERLOAD_REFUSALS.inc()
            raise Unavailable(
                "现在办理的人太多, 请稍后重试", "Too many requests at once", retry_after=math.ceil(wait)
            )

    def begin(self) -> None:
        """A request is accepted."""
        self._advance()
        self.under_way += 1

    def end(self) -> None:
        """A request is answered."""
        self._advance()
        self.under_way -= 1
        self._finished += 1

    def _advance(self) -> None:
        now = self._clock()
        if self.under_way:
            passed = now - self._changed_at
            kept = math.exp(-passed / FORGET_AFTER_S)
            self._finished *= kept
            self._busy_s = self._busy_s * kept + passed
        self._changed_at = now


class StartQueue:
    """Lets accepted requests start in their order, one in each round of the event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._started = False

    async def wait_for_turn(self) -> None:
        """Return at once when no other started in this round, else in a later one."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._started = loop, deque(), False
        if not self._started:
            self._started = True
            loop.call_soon(self._start_next, loop)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _start_next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._started = False
        while self._waiting and not self._started:
            turn = self._waiting.popleft()
            if not turn.done():  # else its caller went away
                turn.set_result(None)
                self._started = True
        if self._started:
            loop.call_soon(self._start_next, loop)


PROCESS_LOAD = LoadEstimate()
"""Of all services in this process: they share its processor."""

START_QUEUE = StartQueue()
"""Of the event loop of this process."""
