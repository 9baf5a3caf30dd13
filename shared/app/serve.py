"""`python -m shared.app.serve funds` migrates the database of one service and serves it over TCP.

Containers run this (deploy/Dockerfile), and `make run-services` starts it for each service. A failed start writes
one sentence to standard error and exits with code 1.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Coroutine
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp

from shared.app.data_folder import PRIVATE_UMASK
from shared.app.http_protocol import ConnectionLimits, limited_protocol
from shared.app.observability import configure_logging
from shared.auth import DecryptionFailed
from shared.db.migrate import IncompatibleDatabase, has_database, upgrade_database
from shared.settings import Settings, StartupError
from shared.traces import configure_tracing
from shared.unit_of_work import ServiceContext

KEEP_ALIVE_S = 75
"""Seconds an unused connection stays open; longer than the door keeps one for its next request (30 s)."""
SHUTDOWN_GRACE_S = 10
"""Seconds that running requests have to finish at shutdown."""
LISTEN_BACKLOG = 2048
ACCEPTS_PER_ROUND = 16
"""libuv takes one connection from a listening socket in a round of the event loop; under load new callers would wait for seconds."""
GARBAGE_THRESHOLDS = (20_000, 20, 20)
"""Python's own (700, 10, 10) look through all that lives many times in a second of full work, 150 ms each."""


def uvicorn_config(app: ASGIApp, limits: ConnectionLimits | None = None) -> uvicorn.Config:
    """How every server of this system runs; who is believed about addresses says shared/http/admission.py."""
    return uvicorn.Config(
        app,
        http=limited_protocol(limits or ConnectionLimits()),
        ws="none",
        lifespan="off",  # entered by the caller, which reports a failure in one sentence
        log_config=None,
        access_log=False,  # shared/app/observability.py writes one line per request
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        backlog=LISTEN_BACKLOG,
    )


def open_listener(host: str, port: int) -> socket.socket:
    """Open a listening socket; StartupError when the port is not available."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise StartupError(f"端口 {port} 不可用, 请另选一个 (make run PORT=…): {error}") from error
    return listener


def accepting_sockets(listener: socket.socket) -> list[socket.socket]:
    """The listening socket as often as connections are to be taken in one round of the event loop."""
    return [listener, *(listener.dup() for _ in range(ACCEPTS_PER_ROUND - 1))]


def freeze_started_objects() -> None:
    """What is there after the start lives as long as the process: the garbage collector passes over it from now on."""
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def run_until_stopped(main_task: Coroutine[Any, Any, None]) -> int:
    """Run a coroutine until it ends or SIGINT or SIGTERM arrives, and return the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a script starts with & ignores it
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(main_task)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except DecryptionFailed as error:
        sys.stderr.write(f"XIANJIE_DATA_KEYS 不是这个数据库的密钥: {error}\n")
        return 1
    return 0


@contextlib.asynccontextmanager
async def app_lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Run the app's startup before the block and its shutdown after it."""
    async with app.router.lifespan_context(app):
        yield


def load_settings(service: str) -> Settings:
    """Load settings from the environment; StartupError names the invalid ones."""
    try:
        return Settings.load(service)
    except ValidationError as error:
        reasons = "; ".join(str(detail["msg"]).removeprefix("Value error, ") for detail in error.errors())
        raise StartupError(f"{service} 的设置有误: {reasons}") from error


def migrate_database(settings: Settings) -> None:
    """Upgrade the service's database to the schema of this code; StartupError when that fails."""
    if not has_database(settings.service):
        return
    try:
        upgrade_database(settings.service, settings.resolved_database_url)
    except IncompatibleDatabase as error:
        raise StartupError(str(error)) from error
    except (DBAPIError, OSError) as error:
        location = settings.resolved_database_url.rpartition("@")[2]
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise StartupError(f"{settings.service} 数据库打不开: {location} ({reason})") from error


class DrainingServer(uvicorn.Server):
    """Server that on SIGTERM answers /readyz 503 and serves on for `drain_seconds`, so that the door turns away first."""

    def __init__(self, config: uvicorn.Config, context: ServiceContext) -> None:
        super().__init__(config)
        self.context = context

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the drain on the first signal, end at once on the second."""
        is_second, self.context.draining = self.context.draining, True
        if is_second or not self.context.settings.drain_seconds:
            super().handle_exit(sig, frame)
            return
        loop, end = asyncio.get_running_loop(), super().handle_exit
        loop.call_soon_threadsafe(loop.call_later, self.context.settings.drain_seconds, end, sig, frame)


async def serve_service(settings: Settings, host: str, port: int, *, exit_with_parent: bool) -> None:
    """Serve one service until stopped; with `exit_with_parent` also until standard input closes (the parent died)."""
    app: FastAPI = importlib.import_module(f"services.{settings.service}.main").create_app(settings)
    async with app_lifespan(app):
        # All connections come from the door.
        limits = ConnectionLimits(connections_per_address=ConnectionLimits.connections)
        server = DrainingServer(uvicorn_config(app, limits), app.state.context)
        freeze_started_objects()
        parent_watch = asyncio.create_task(_exit_with_parent(server)) if exit_with_parent else None
        with open_listener(host, port) as listener:
            await server.serve(sockets=accepting_sockets(listener))
        if parent_watch is not None:
            parent_watch.cancel()


async def _exit_with_parent(server: DrainingServer) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    server.context.draining = server.should_exit = True


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(prog="shared.app.serve", description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - a container's own address
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when standard input closes")
    options = parser.parse_args(arguments)
    os.umask(PRIVATE_UMASK)
    try:
        settings = load_settings(options.service)
        configure_logging(settings.log_level)
        configure_tracing(options.service)
        migrate_database(settings)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return run_until_stopped(
        serve_service(settings, options.host, options.port, exit_with_parent=options.exit_with_parent)
    )


if __name__ == "__main__":
    sys.exit(main())
