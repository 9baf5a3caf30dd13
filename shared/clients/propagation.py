"""Propagation between services: request id and deadline, kept in context variables and sent as headers.

Actor and time are never kept here: they are arguments (shared/unit_of_work.py).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from shared.traces import inject_trace

REQUEST_ID_HEADER = "X-Request-ID"
TIME_LEFT_HEADER = "X-Time-Left"
MAX_TIME_LEFT_S = 600.0
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_deadline_at: ContextVar[float | None] = ContextVar("deadline_at", default=None)


@contextmanager
def bind_request(request_id: str, time_left: str) -> Iterator[None]:
    """Inside the block, calls to other services carry this request id and the remaining part of these seconds."""
    deadline = _parse_deadline(time_left)
    id_token, deadline_token = _request_id.set(request_id), _deadline_at.set(deadline)
    try:
        yield
    finally:
        _request_id.reset(id_token)
        _deadline_at.reset(deadline_token)


def _parse_deadline(time_left: str) -> float | None:
    try:
        seconds = float(time_left)
    except ValueError:
        return _deadline_at.get()
    return time.monotonic() + min(seconds, MAX_TIME_LEFT_S) if seconds >= 0 else _deadline_at.get()


def seconds_left(limit: float) -> float:
    """Seconds until the deadline of the current request, at least 0 and at most `limit`."""
    deadline = _deadline_at.get()
    return limit if deadline is None else max(0.0, min(limit, deadline - time.monotonic()))


def outgoing_headers() -> Mapping[str, str]:
    """Propagation headers for a call to another service."""
    headers = {REQUEST_ID_HEADER: _request_id.get()} if _request_id.get() else {}
    deadline = _deadline_at.get()
    if deadline is not None:
        headers[TIME_LEFT_HEADER] = f"{max(0.0, deadline - time.monotonic()):.3f}"
    inject_trace(headers)
    return headers
