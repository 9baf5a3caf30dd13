"""What travels with a request from service to service: its id, and how much time is left to answer it.

Operators' matters only; who asks and when are arguments everywhere (shared/unit_of_work.py).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

REQUEST_ID_HEADER = "X-Request-ID"
TIME_LEFT_HEADER = "X-Time-Left"
MAX_TIME_LEFT_S = 600.0
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_deadline_at: ContextVar[float | None] = ContextVar("until", default=None)


@contextmanager
def bind_request(request_id: str, left: str) -> Iterator[None]:
    """Inside the block, calls to other services carry this id and what is left of these seconds."""
    until = _parse_deadline(left)
    first, second = _request_id.set(request_id), _deadline_at.set(until)
    try:
        yield
    finally:
        _request_id.reset(first)
        _deadline_at.reset(second)


def _parse_deadline(left: str) -> float | None:
    try:
        seconds = float(left)
    except ValueError:
        return _deadline_at.get()
    return time.monotonic() + min(seconds, MAX_TIME_LEFT_S) if seconds >= 0 else _deadline_at.get()


def seconds_left(limit: float) -> float:
    """Seconds until whoever waits for us gives up, at most `limit`; never negative."""
    until = _deadline_at.get()
    return limit if until is None else max(0.0, min(limit, until - time.monotonic()))


def outgoing_headers() -> Mapping[str, str]:
    """Headers for the next hop."""
    headers = {REQUEST_ID_HEADER: _request_id.get()} if _request_id.get() else {}
    until = _deadline_at.get()
    if until is not None:
        headers[TIME_LEFT_HEADER] = f"{max(0.0, until - time.monotonic()):.3f}"
    return headers
