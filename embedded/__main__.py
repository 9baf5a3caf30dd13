"""`python -m embedded`: the whole system in one process, ready to use, data in one folder."""

import argparse
import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TextIO

import uvicorn
from sqlalchemy.exc import DBAPIError

from embedded.secrets import kept
from embedded.system import System, service_names
from shared.migrate import WrongDatabase, has_database, upgrade
from shared.settings import Settings
from shared.watch import speak

HOST = "127.0.0.1"
BACKLOG = 2048
WELCOME = """衔接 Xianjie  {url}        (Ctrl-C 结束)
  接口文档   {url}/docs
  公示(免登录) {url}/api/v1/public/notices
  演示账号   用户名即角色: village_clerk cadre town_officer line_bureau bureau finance leader auditor admin
  密码       Xianjie-2022     机器客户端 finance-bureau / Xianjie-2022
  数据       {var}
"""


class CannotStart(Exception):
    """One clear sentence why."""


def folder(text: str) -> Path:
    """The data folder, made if need be; CannotStart when it cannot be written."""
    path = Path(text).resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise CannotStart(f"数据目录不可写: {path} ({error.strerror})") from error
    return path


def alone(var: Path) -> TextIO:
    """The folder's lock, to be held while running; CannotStart when another run holds it."""
    lock = (var / "lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotStart(
            f"数据目录 {var} 正被另一个衔接进程使用, 请先结束它, 或用 make run VAR=… 另选一个"
        ) from error
    return lock


def listener(port: int) -> socket.socket:
    """The socket to serve on; CannotStart when the port is taken."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
        made.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        made.close()
        raise CannotStart(f"端口 {port} 不可用, 请用 make run PORT=… 另选一个 ({error})") from error
    return made


def migrate(settings: dict[str, Settings]) -> None:
    """All databases at the version of this code; CannotStart when one cannot be brought there."""
    for name, own in settings.items():
        if has_database(name):
            try:
                upgrade(name, own.database)
            except WrongDatabase as error:
                raise CannotStart(str(error)) from error
            except DBAPIError as error:
                raise CannotStart(f"{name} 数据库打不开: {own.database} ({error.orig})") from error


async def serve(settings: dict[str, Settings], door: socket.socket, welcome: str) -> None:
    """Run until interrupted."""
    system = System(settings.__getitem__)
    async with system.running():
        server = uvicorn.Server(
            uvicorn.Config(
                system.apps["gateway"],
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # the gateway itself decides whose word it takes (trusted_proxies)
                timeout_graceful_shutdown=5,
            )
        )
        sys.stdout.write(welcome)
        sys.stdout.flush()
        await server.serve(sockets=[door])


def prepare(port: int, var: str, stack: contextlib.ExitStack) -> tuple[dict[str, Settings], socket.socket]:
    """Settings of every service with databases brought up to date, and the door; CannotStart with the reason."""
    home = folder(var)
    stack.enter_context(alone(home))
    door = stack.enter_context(listener(port))
    url = f"http://{HOST}:{door.getsockname()[1]}"
    shared = {"embedded": True, "var": home, "public_url": url, **kept(home)}
    settings = {name: Settings.of(name, **shared) for name in service_names()}
    migrate(settings)
    return settings, door


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="embedded", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--var", default="var")
    asked = parser.parse_args(arguments)
    speak("WARNING")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that both ways of ending end cleanly
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        try:
            settings, door = prepare(asked.port, asked.var, stack)
        except CannotStart as error:
            sys.stderr.write(f"{error}\n")
            return 1
        gateway = settings["gateway"]
        asyncio.run(serve(settings, door, WELCOME.format(url=gateway.public_url, var=gateway.var)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
