"""Generation of UUIDv7 (RFC 9562): ids that sort by creation time."""

import os
import secrets
import threading
import time
from uuid import UUID

COUNTER_BITS = 42
TAIL_BITS = 32
MAX_TIMESTAMP_MS = (1 << 48) - 1
_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)


class UuidSequence:
    """Millisecond and counter of the last id; makes ids monotonic (RFC 9562, section 6.2, method 1)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ms = -1
        self.counter = 0

    def advance(self, ms: int) -> tuple[int, int]:
        """Millisecond and counter of the next id; increasing even when the clock stands still or goes back."""
        with self.lock:
            if ms > self.ms:
                self.ms, self.counter = ms, secrets.randbits(COUNTER_BITS - 1)
            else:
                self.counter += 1
                if self.counter >> COUNTER_BITS:
                    self.ms, self.counter = self.ms + 1, secrets.randbits(COUNTER_BITS - 1)
            return self.ms, self.counter


_sequence = UuidSequence()


def _reset_sequence() -> None:
    # Otherwise a forked child would continue from its parent's last id.
    global _sequence  # noqa: PLW0603 - the only way to replace state inherited by fork
    _sequence = UuidSequence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_sequence)


def new_id(at_ms: int | None = None) -> UUID:
    """A new UUIDv7, greater than all ids this process made before; thread-safe.

    With `at_ms` (milliseconds since 1970, UTC) the id has that time and random low bits, for records of the past; such
    ids are not ordered among themselves. Raises ValueError when the time does not fit 48 bits.
    """
    if at_ms is None:
        ms, counter = _sequence.advance(time.time_ns() // 1_000_000)
    elif 0 <= at_ms <= MAX_TIMESTAMP_MS:
        ms, counter = at_ms, secrets.randbits(COUNTER_BITS)
    else:
        raise ValueError(f"时间超出可编号的范围: {at_ms}")
    high, low = divmod(counter, 1 << (COUNTER_BITS - 12))
    tail = (low << TAIL_BITS) | secrets.randbits(TAIL_BITS)
    return UUID(int=(ms << 80) | (high << 64) | tail | _VERSION_AND_VARIANT)


def timestamp_ms(identifier: UUID) -> int:
    """The timestamp of a UUIDv7 in milliseconds since 1970; ValueError for another UUID version."""
    if identifier.version != 7:  # noqa: PLR2004 - UUIDv7
        raise ValueError(f"不是 UUIDv7: {identifier}")
    return identifier.int >> 80
