"""Periodic background tasks. An exception in one iteration is logged; the loop continues."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from shared.db import Database
from shared.errors import ApiError
from shared.metrics import TASK_RUNS, TASK_SUCCESS
from shared.unit_of_work import ServiceContext

log = structlog.get_logger("background")


MAX_REST_S = 60.0
"""The longest time between two runs of a task that follows writes: a tool may have written to the file beside the service."""


def run_periodically(
    name: str,
    run_once: Callable[[ServiceContext], Awaitable[object]],
    pause: float,
    *,
    follows_writes: bool = False,
) -> Callable[[ServiceContext], Coroutine[Any, Any, None]]:
    """Build a task for `Service.background` that calls `run_once` every `pause` seconds until cancelled.

    When `run_once` returns True there is more to do, and the next iteration starts without a pause. A task that follows
    writes finds work only in what was written to the service's database: where no other process writes to it, nothing is
    asked until this one has written. After a failure it is tried again after the pause.
    """

    async def run(context: ServiceContext) -> None:
        while True:
            has_more, result = False, "failed"
            written = context.database.count_writes() if follows_writes else None
            try:
                has_more, result = await run_once(context) is True, "ok"
                TASK_SUCCESS.labels(context.name, name).set(context.clock().timestamp())
            except ApiError as error:
                log.warning(name, service=context.name, reason=error.detail)
            except Exception:
                # Any error: later iterations must run without a restart of the process.
                log.exception(name, service=context.name)
            TASK_RUNS.labels(context.name, name, result).inc()
            await asyncio.sleep(0 if has_more else pause)
            if follows_writes and result == "ok" and not has_more:
                await rest_until_written(context.database, written, pause)

    return run


async def rest_until_written(database: Database, written: int | None, pause: float) -> None:
    """Sleep while nothing is written after `count_writes` answered this, at most `MAX_REST_S`."""
    ends = asyncio.get_running_loop().time() + MAX_REST_S
    while database.is_unwritten_since(written) and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110 - a comparison in memory
        await asyncio.sleep(pause)
