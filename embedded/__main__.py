"""`python -m embedded`: the whole system in one process, ready to use, data in one folder."""

import argparse
import contextlib
import socket
import sys

import uvicorn

from embedded.ground import HOST, claimed, settings_at, welcome
from embedded.system import System
from shared.serve import config, listening, migrate, run
from shared.settings import CannotStart, Settings
from shared.watch import speak


async def serve(settings: dict[str, Settings], door: socket.socket) -> None:
    """Run until interrupted."""
    system = System(settings.__getitem__)
    async with system.running():
        server = uvicorn.Server(config(system.apps["gateway"]))
        sys.stdout.write(welcome(settings["gateway"]))
        sys.stdout.flush()
        await server.serve(sockets=[door])


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="embedded", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--var", default="var")
    asked = parser.parse_args(arguments)
    speak("WARNING")
    with contextlib.ExitStack() as stack:
        try:
            home = claimed(asked.var, stack)
            door = stack.enter_context(listening(HOST, asked.port))
            settings = settings_at(home, door.getsockname()[1])
            for own in settings.values():
                migrate(own)
        except CannotStart as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return run(serve(settings, door))


if __name__ == "__main__":
    sys.exit(main())
