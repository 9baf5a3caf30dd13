"""What goes on behind the writers goes on."""

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from shared import clock
from shared.app import run_periodically
from shared.db import Database, execute_core
from shared.errors import Unavailable
from shared.unit_of_work import ServiceContext

FAKE_CONTEXT = cast("ServiceContext", SimpleNamespace(name="toy", clock=clock.now))


async def _run_task(answers: list[Any], pause: float, within: float = 0.5) -> list[Any]:
    """What a task answered until it had no answer left, within so many seconds."""
    left, given, ended = list(answers), [], asyncio.Event()

    async def once(_context: ServiceContext) -> Any:
        if not left:
            ended.set()
            return False
        given.append(left.pop(0))
        if isinstance(given[-1], Exception):
            raise given[-1]
        return given[-1]

    task = asyncio.create_task(run_periodically("toy", once, pause)(FAKE_CONTEXT))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), within)
    task.cancel()
    return given


@pytest.mark.parametrize(
    "broken", [ValueError("a bug"), Unavailable("库不在", "away"), KeyError("x")], ids=str
)
async def test_a_round_that_fails_ends_none_after_it(broken: Exception) -> None:
    assert await _run_task([1, broken, 2], 0.01, within=30) == [1, broken, 2]


async def test_only_a_round_that_says_more_waits_is_followed_at_once() -> None:
    assert await _run_task([True, True, 7, True], 60) == [True, True, 7]


async def test_a_task_that_follows_writes_looks_again_only_after_a_commit(tmp_path: Path) -> None:
    database, looks = Database(f"sqlite:///{tmp_path / 'toy.db'}"), 0
    insert = sa.text("INSERT INTO toy VALUES (1)")
    async with database.write() as session:
        await execute_core(session, sa.text("CREATE TABLE toy (a INTEGER)"))
        await execute_core(session, insert)

    async def look(_context: ServiceContext) -> None:
        nonlocal looks
        looks += 1

    async def rest() -> int:
        await asyncio.sleep(0.05)
        return looks

    context = cast("ServiceContext", SimpleNamespace(name="toy", clock=clock.now, database=database))
    task = asyncio.create_task(run_periodically("toy", look, 0.001, follows_writes=True)(context))
    try:
        assert await rest() == 1
        async with database.write() as session:
            await execute_core(session, insert)
            seen = await rest()  # what is not committed yet is not seen
        assert await rest() > seen
        assert await rest() == await rest()
    finally:
        task.cancel()
        await database.close()
