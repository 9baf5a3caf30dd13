"""`python -m embedded`: the whole system in one process, ready to use, data in one folder."""

import argparse
import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path

import uvicorn

from embedded.secrets import kept
from embedded.system import System, service_names
from shared.migrate import WrongDatabase, has_database, upgrade
from shared.settings import Settings
from shared.watch import speak

HOST = "127.0.0.1"
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


def listener(port: int) -> socket.socket:
    """The socket to serve on; CannotStart when the port is taken."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
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


async def serve(settings: dict[str, Settings], door: socket.socket, welcome: str) -> None:
    """Run until interrupted."""
    system = System(settings.__getitem__)
    async with system.running():
        server = uvicorn.Server(
            uvicorn.Config(system.apps["gateway"], lifespan="off", log_config=None, access_log=False)
        )
        sys.stdout.write(welcome)
        sys.stdout.flush()
        await server.serve(sockets=[door])


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="embedded", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--var", default="var")
    asked = parser.parse_args(arguments)
    speak("WARNING")
    url = f"http://{HOST}:{asked.port}"
    try:
        var = folder(asked.var)
        door = listener(asked.port)
        shared = {"embedded": True, "var": var, "public_url": url, **kept(var)}
        settings = {name: Settings.of(name, **shared) for name in service_names()}
        migrate(settings)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(settings, door, WELCOME.format(url=url, var=var)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
