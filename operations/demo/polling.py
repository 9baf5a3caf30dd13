"""Polling for changes that services exchange through events after the request is answered."""

import asyncio
from collections.abc import Awaitable, Callable

POLL_TIMEOUT_S = 60
POLL_INTERVAL_S = 0.2


async def poll_until(condition: Callable[[], Awaitable[bool]], description: str) -> None:
    """Poll until the condition is true; raises TimeoutError with the description after POLL_TIMEOUT_S."""
    try:
        async with asyncio.timeout(POLL_TIMEOUT_S):
            while not await condition():  # noqa: ASYNC110 - the condition depends on another process
                await asyncio.sleep(POLL_INTERVAL_S)
    except TimeoutError as error:
        raise TimeoutError(f"等不到: {description}") from error
