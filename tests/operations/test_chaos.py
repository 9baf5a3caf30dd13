"""Kills in the middle of work: what was acknowledged is present, once, in books that balance, and delivered (`make chaos`)."""

import pytest

from operations.chaos import Promises, run_chaos
from tests.conftest import SQLITE

KILLS = 6


@pytest.mark.timeout(600)
async def test_kills_of_services_and_server_break_no_promise() -> None:
    """All services, and PostgreSQL with fsync, in an order that follows from the seed."""
    if SQLITE:
        pytest.skip(
            "SQLite has no server that dies; services on it are killed in tests/funds and tests/attendance"
        )
    promises = Promises()

    lines, broken = await run_chaos(KILLS, seed=7, sqlite=False, promises=promises)

    assert broken == [], lines
    assert promises.sources, lines
    assert promises.projects, lines
