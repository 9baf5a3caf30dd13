"""`python -m embedded`: the whole system in one process, ready to use, data in one folder."""

import argparse
import contextlib
import socket
import sys

import uvicorn

from embedded.lan import find_lan_address, open_lan_door
from embedded.pages import build_behind
from embedded.run_environment import HOST, build_settings, format_welcome
from embedded.system import System
from shared.app import configure_logging
from shared.app.data_folder import claim_data_folder
from shared.app.http_protocol import ConnectionLimits
from shared.app.serve import (
    accepting_sockets,
    freeze_started_objects,
    migrate_database,
    open_listener,
    run_until_stopped,
    uvicorn_config,
)
from shared.settings import Settings, StartupError
from shared.traces import configure_tracing


def door_limits(settings: Settings) -> ConnectionLimits:
    """The usual limits; behind a proxy all connections come from one address."""
    if settings.door_proxies:
        return ConnectionLimits(connections_per_address=ConnectionLimits.connections)
    return ConnectionLimits()


async def serve(
    settings: dict[str, Settings], door: socket.socket, *, pages: bool = False, lan: tuple[str, int] = ("", 0)
) -> None:
    """Run until interrupted; `pages` are built behind the running system, `lan` is the address for phones."""
    own, port = settings["gateway"], door.getsockname()[1]
    system = System(settings.__getitem__)
    async with (
        system.lifespan(),
        build_behind(pages),
        open_lan_door(*lan, target=port, home=own.var),
    ):
        server = uvicorn.Server(uvicorn_config(system.apps["gateway"], door_limits(settings["gateway"])))
        freeze_started_objects()
        sys.stdout.write(format_welcome(settings["gateway"]))
        sys.stdout.flush()
        await server.serve(sockets=accepting_sockets(door))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="embedded", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--var", default="var")
    parser.add_argument("--lan", type=int, default=0, help="HTTPS for phones in this network, at this port")
    parser.add_argument("--pages", action="store_true", help="build the pages of web/ behind the run")
    asked = parser.parse_args(arguments)
    configure_logging("WARNING")
    configure_tracing("xianjie")
    with contextlib.ExitStack() as stack:
        try:
            home = claim_data_folder(asked.var, stack)
            door = stack.enter_context(open_listener(HOST, asked.port))
            settings = build_settings(home, door.getsockname()[1])
            address = find_lan_address() if asked.lan else ""
            for own in settings.values():
                migrate_database(own)
        except StartupError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return run_until_stopped(serve(settings, door, pages=asked.pages, lan=(address, asked.lan)))


if __name__ == "__main__":
    sys.exit(main())
