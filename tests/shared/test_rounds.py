"""What goes on behind the writers goes on."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.errors import Unavailable
from shared.rounds import forever
from shared.work import Context

CONTEXT = cast("Context", SimpleNamespace(name="toy"))


async def _played(answers: list[Any], pause: float) -> list[Any]:
    """What a task answered until it had no answer left, within half a second."""
    left, given, ended = list(answers), [], asyncio.Event()

    async def once(_context: Context) -> Any:
        if not left:
            ended.set()
            return False
        given.append(left.pop(0))
        if isinstance(given[-1], Exception):
            raise given[-1]
        return given[-1]

    task = asyncio.create_task(forever("toy", once, pause)(CONTEXT))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), 0.5)
    task.cancel()
    return given


@pytest.mark.parametrize(
    "broken", [ValueError("a bug"), Unavailable("库不在", "away"), KeyError("x")], ids=str
)
async def test_a_round_that_fails_ends_none_after_it(broken: Exception) -> None:
    assert await _played([1, broken, 2], 0.01) == [1, broken, 2]


async def test_only_a_round_that_says_more_waits_is_followed_at_once() -> None:
    assert await _played([True, True, 7, True], 60) == [True, True, 7]
