"""Waiting for what is told behind the writer: events arrive within moments, or something is wrong."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_S = 60
EVERY_S = 0.2


async def until(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask again and again until the answer is yes; TimeoutError names what was waited for."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await ask():  # noqa: ASYNC110 - what is asked is another process
                await asyncio.sleep(EVERY_S)
    except TimeoutError as error:
        raise TimeoutError(f"等不到: {what}") from error
