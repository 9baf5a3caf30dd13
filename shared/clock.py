"""The only clock: everything else is given the time as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, UTC."""
    return datetime.now(UTC)
