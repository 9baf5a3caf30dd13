"""Periodic background tasks. An exception in one iteration is logged; the loop continues."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from shared.errors import ApiError
from shared.metrics import TASK_RUNS, TASK_SUCCESS
from shared.unit_of_work import ServiceContext

log = structlog.get_logger("background")


def run_periodically(
    name: str, run_once: Callable[[ServiceContext], Awaitable[object]], pause: float
) -> Callable[[ServiceContext], Coroutine[Any, Any, None]]:
    """Build a task for `Service.background` that calls `run_once` every `pause` seconds until cancelled.

    When `run_once` returns True there is more to do, and the next iteration starts without a pause.
    """

    async def run(context: ServiceContext) -> None:
        while True:
            has_more, result = False, "failed"
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

    return run
