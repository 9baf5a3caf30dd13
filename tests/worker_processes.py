"""Processes that tests kill: forked from a server that has loaded the services once, so that each begins at once."""

import asyncio
import multiprocessing
from collections.abc import Callable, Coroutine
from multiprocessing.process import BaseProcess
from typing import Any

from embedded.system import list_services

LOADED = [
    "shared.app.serve",
    *(f"services.{name}.main" for name in list_services()),
    "tests.attendance.check_in_worker",
    "tests.funds.payment_worker",
    "tests.sync.batch_worker",
]
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(LOADED)


def start_process(main: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Run a function in a process of its own."""
    process = FORKING.Process(target=main, args=arguments)
    process.start()
    return process


def start_worker(main: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> BaseProcess:
    """Run a coroutine function in a process of its own."""
    return start_process(_run, main, arguments)


def _run(main: Callable[..., Coroutine[Any, Any, None]], arguments: tuple[Any, ...]) -> None:
    asyncio.run(main(*arguments))


async def wait_for_end(process: BaseProcess) -> int | None:
    """Wait for a process; its exit code, for one that was killed the signal's number below zero."""
    await asyncio.to_thread(process.join)
    return process.exitcode
