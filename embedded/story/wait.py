"""Waiting for what is told behind the writer: events arrive within moments, or something is wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 60
EVERY_S = 0.2


async def until(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask again and again until the answer is yes; TimeoutError names what was waited for."""
    end = time.monotonic() + PATIENCE_S
    while not await ask():
        if time.monotonic() > end:
            raise TimeoutError(f"等不到: {what}")
        await asyncio.sleep(EVERY_S)
