"""What goes on behind the writers, round after round: a round that fails ends none of those after it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from shared.errors import ApiError
from shared.unit_of_work import ServiceContext

log = structlog.get_logger("rounds")


def run_periodically(
    name: str, once: Callable[[ServiceContext], Awaitable[object]], pause: float
) -> Callable[[ServiceContext], Coroutine[Any, Any, None]]:
    """A task for `Service.background`: `once` again and again, `pause` seconds apart, until cancelled.

    A round that answers True says that more waits: the next one follows at once.
    """

    async def run(context: ServiceContext) -> None:
        while True:
            more = False
            try:
                more = await once(context) is True
            except ApiError as refusal:
                log.warning(name, service=context.name, reason=refusal.detail)
            except Exception:
                # Whatever it was, tomorrow's work is not to wait for somebody who starts the process again.
                log.exception(name, service=context.name)
            await asyncio.sleep(0 if more else pause)

    return run
