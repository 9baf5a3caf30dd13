"""The number of SQL statements of one request: logged with it, and held to the budget of its route by the tests.

BEGIN, COMMIT and ROLLBACK are not counted. A statement that renews what is in memory for all requests is counted apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

TRANSACTION_WORDS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


@dataclass(slots=True)
class StatementCount:
    """The statements of one request, and those that renewed what is in memory."""

    texts: list[str] = field(default_factory=list)
    renewals: int = 0
    is_renewing: bool = False

    @property
    def number(self) -> int:
        """How many statements the request itself sent."""
        return len(self.texts)


_current: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


@contextmanager
def count_statements() -> Iterator[StatementCount]:
    """Count the statements of this task until the end of the block; a request inside another one counts for itself."""
    counted = StatementCount()
    token = _current.set(counted)
    try:
        yield counted
    finally:
        _current.reset(token)


@contextmanager
def count_as_renewal() -> Iterator[None]:
    """Count the statements of the block as renewals of what is in memory for all requests."""
    counted = _current.get()
    if counted is None:
        yield
        return
    before, counted.is_renewing = counted.is_renewing, True
    try:
        yield
    finally:
        counted.is_renewing = before


def count_statement(text: str) -> None:
    """Count one statement; drivers used without SQLAlchemy call this themselves."""
    counted = _current.get()
    if counted is None or text.startswith(TRANSACTION_WORDS):
        return
    if counted.is_renewing:
        counted.renewals += 1
    else:
        counted.texts.append(text)


def watch_engine(engine: sa.Engine) -> None:
    """Count every statement that an engine sends."""

    @event.listens_for(engine, "before_cursor_execute")
    def _count(_connection: object, _cursor: object, text: str, *_more: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        count_statement(text)


__all__ = ["StatementCount", "count_as_renewal", "count_statement", "count_statements", "watch_engine"]
