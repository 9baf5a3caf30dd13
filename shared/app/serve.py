"""`python -m shared.serve funds`: one service over TCP, its database brought up to date first.

What a container runs (deploy/Dockerfile) and what `make run-services` starts for each service. Anything in the way of
a start is one sentence on standard error and exit code 1.
"""

import argparse
import asyncio
import contextlib
import importlib
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp

from shared.app.observability import configure_logging
from shared.auth import DecryptionFailed
from shared.db.migrate import IncompatibleDatabase, has_database, upgrade_database
from shared.settings import Settings, StartupError

KEEP_ALIVE_S = 30
"""Seconds an unused connection stays open; longer than the gateway keeps one for its next request."""
SHUTDOWN_GRACE_S = 10
"""Seconds that requests under way have to finish when the process is told to end."""
LISTEN_BACKLOG = 2048


def uvicorn_config(app: ASGIApp, *, proxies: tuple[str, ...] = ()) -> uvicorn.Config:
    """How every server of this system runs; `proxies` are the networks whose X-Forwarded-For it believes."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",  # entered by whoever starts the server, so that a failure is one sentence
        log_config=None,
        access_log=False,  # shared/app/observability.py writes one line per request
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        backlog=LISTEN_BACKLOG,
    )


def open_listener(host: str, port: int) -> socket.socket:
    """A listening socket; CannotStart when the port cannot be had."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(LISTEN_BACKLOG)
    except (OSError, OverflowError) as error:
        made.close()
        raise StartupError(f"端口 {port} 不可用, 请另选一个 (make run PORT=…): {error}") from error
    return made


def run_until_stopped(work: Coroutine[Any, Any, None]) -> int:
    """Run until done or told to end; both SIGINT and SIGTERM end it cleanly. The exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(work)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except DecryptionFailed as error:
        sys.stderr.write(f"XIANJIE_DATA_KEYS 不是这个数据库的密钥: {error}\n")
        return 1
    return 0


@contextlib.asynccontextmanager
async def app_lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """The app between its start and its end."""
    async with app.router.lifespan_context(app):
        yield


def load_settings(service: str) -> Settings:
    """Settings from the environment; CannotStart naming what is wrong with them."""
    try:
        return Settings.load(service)
    except ValidationError as error:
        words = "; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
        raise StartupError(f"{service} 的设置有误: {words}") from error


def migrate_database(settings: Settings) -> None:
    """The database at the version of this code; CannotStart when it cannot be brought there."""
    if not has_database(settings.service):
        return
    try:
        upgrade_database(settings.service, settings.resolved_database_url)
    except IncompatibleDatabase as error:
        raise StartupError(str(error)) from error
    except (DBAPIError, OSError) as error:
        where = settings.resolved_database_url.rpartition("@")[2]
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise StartupError(f"{settings.service} 数据库打不开: {where} ({reason})") from error


async def serve_service(settings: Settings, host: str, port: int, *, exit_with_parent: bool) -> None:
    """Serve one service until told to end; `exit_with_parent`: also when standard input closes, as when a parent dies."""
    app: FastAPI = importlib.import_module(f"services.{settings.service}.main").create_app(settings)
    async with app_lifespan(app):
        proxies = () if settings.service == "gateway" else settings.trusted_proxies or ("127.0.0.1",)
        server = uvicorn.Server(uvicorn_config(app, proxies=proxies))
        watching = asyncio.create_task(_exit_with_parent(server)) if exit_with_parent else None
        with open_listener(host, port) as door:
            await server.serve(sockets=[door])
        if watching is not None:
            watching.cancel()


async def _exit_with_parent(server: uvicorn.Server) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    server.should_exit = True


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="shared.app.serve", description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - a container's own address
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    asked = parser.parse_args(arguments)
    try:
        settings = load_settings(asked.service)
        configure_logging(settings.log_level)
        migrate_database(settings)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return run_until_stopped(
        serve_service(settings, asked.host, asked.port, exit_with_parent=asked.exit_with_parent)
    )


if __name__ == "__main__":
    sys.exit(main())
