"""What travels with a request from service to service: its id, and how much time is left to answer it.

Operators' matters only; who asks and when are arguments everywhere (shared/work.py).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

ID = "X-Request-ID"
LEFT = "X-Time-Left"
LONGEST = 600.0
_id: ContextVar[str] = ContextVar("request_id", default="")
_until: ContextVar[float | None] = ContextVar("until", default=None)


@contextmanager
def arrived(request_id: str, left: str) -> Iterator[None]:
    """Inside the block, calls to other services carry this id and what is left of these seconds."""
    until = _deadline(left)
    first, second = _id.set(request_id), _until.set(until)
    try:
        yield
    finally:
        _id.reset(first)
        _until.reset(second)


def _deadline(left: str) -> float | None:
    try:
        seconds = float(left)
    except ValueError:
        return _until.get()
    return time.monotonic() + min(seconds, LONGEST) if seconds >= 0 else _until.get()


def seconds_left(most: float) -> float:
    """Seconds until whoever waits for us gives up, at most `most`; never negative."""
    until = _until.get()
    return most if until is None else max(0.0, min(most, until - time.monotonic()))


def onward() -> Mapping[str, str]:
    """Headers for the next hop."""
    headers = {ID: _id.get()} if _id.get() else {}
    until = _until.get()
    if until is not None:
        headers[LEFT] = f"{max(0.0, until - time.monotonic()):.3f}"
    return headers
