"""Waiting for what is told behind the writer: events arrive within moments, or something is wrong."""

import asyncio
from collections.abc import Awaitable, Callable

POLL_TIMEOUT_S = 60
POLL_INTERVAL_S = 0.2


async def poll_until(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask again and again until the answer is yes; TimeoutError names what was waited for."""
    try:
        async with asyncio.timeout(POLL_TIMEOUT_S):
            while not await ask():  # noqa: ASYNC110 - what is asked is another process
                await asyncio.sleep(POLL_INTERVAL_S)
    except TimeoutError as error:
        raise TimeoutError(f"等不到: {what}") from error
