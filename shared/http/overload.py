"""Refuses requests that would wait too long: the queue of a process is bounded by time, not by number.

A request waits for those before it, so its time is their number divided by how many are finished in a second while the
process is busy (Little's law). Over `limit` it is refused at once, before its token is read, with 503 and Retry-After:
those that are accepted are answered in time, and refusing costs little. A few are always accepted, however slow: the
estimate begins with them. Exports and imports, which take their time by nature, do not count.
"""

import math
import time
from collections.abc import Callable

from shared.errors import Unavailable
from shared.metrics import OVERLOAD_REFUSALS

MIN_ACCEPTED = 16
"""Requests under way that are accepted whatever the estimate says."""
FORGET_AFTER_S = 2.0
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


PROCESS_LOAD = LoadEstimate()
"""Of all services in this process: they share its processor."""
