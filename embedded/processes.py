"""`python -m embedded.processes`: one process per service over TCP on this machine, watched and restarted.

The same code, settings and addresses as containers have (deploy/docker-compose.yml). Which process is which, and on
which port it listens, stands in processes.json of the data folder.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from pathlib import Path

import structlog

from embedded.ground import HOST, claimed, settings_at, welcome
from embedded.system import FIRST, service_names
from shared.serve import listening, run
from shared.settings import CannotStart, Settings
from shared.watch import speak

GATEWAY = "gateway"
SOON_S, LATEST_S = 0.5, 30.0
"""Pause before a restart: doubled with every death, from the first to the second."""
STEADY_S = 60.0
"""A process that lived this long starts with the short pause again."""
PATIENCE_S = 120.0
ENDING_S = 15.0
log = structlog.get_logger("processes")


class Child:
    """One service's process, started again whenever it dies."""

    def __init__(self, settings: Settings, port: int, deaths: asyncio.Queue[str]) -> None:
        self.settings = settings
        self.port = port
        self.deaths = deaths
        self.process: Process | None = None

    @property
    def name(self) -> str:
        """The service."""
        return self.settings.service

    async def start(self) -> None:
        """Start the process, in a session of its own so that Ctrl-C reaches only its keeper."""
        command = (sys.executable, "-m", "shared.serve", self.name, "--host", HOST, "--port", str(self.port))
        self.process = await create_subprocess_exec(
            *command,
            "--leashed",
            env={**os.environ, **self.settings.environment()},
            stdin=PIPE,  # its end tells the child that its keeper is gone
            start_new_session=True,
        )

    async def up(self) -> None:
        """Wait until it answers; CannotStart when it ends instead (it has said why)."""
        async with asyncio.timeout(PATIENCE_S):
            while not await _answers(self.port):
                if self.process is None or self.process.returncode is not None:
                    raise CannotStart(f"{self.name} 没有启动成功")
                await asyncio.sleep(0.1)

    async def keep(self) -> None:
        """Restart it after every death, with growing pauses, for ever."""
        pause, loop = SOON_S, asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await self.process.wait() if self.process else 0
            pause = SOON_S if loop.time() - began > STEADY_S else pause
            log.warning("died", service=self.name, code=code, restart_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LATEST_S)
            await self.start()
            await self.deaths.put(self.name)

    async def end(self) -> None:
        """Ask it to end, insist after a while."""
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), ENDING_S)
            except TimeoutError:
                self.process.kill()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def free_ports(names: list[str]) -> dict[str, int]:
    """A free port for each, different ones."""
    with contextlib.ExitStack() as stack:
        doors = {name: stack.enter_context(listening(HOST, 0)) for name in names}
        return {name: door.getsockname()[1] for name, door in doors.items()}


async def serve(home: Path, settings: dict[str, Settings], ports: dict[str, int]) -> None:
    """Start everything, keep it going, end it all together."""
    deaths: asyncio.Queue[str] = asyncio.Queue()
    children = {name: Child(own, ports[name], deaths) for name, own in settings.items()}
    rest = [name for name in children if name not in {FIRST, GATEWAY}]
    keepers: list[asyncio.Task[None]] = []
    try:
        for wave in ([FIRST], rest, [GATEWAY]):
            await asyncio.gather(*(children[name].start() for name in wave))
            await asyncio.gather(*(children[name].up() for name in wave))
        keepers = [asyncio.create_task(child.keep()) for child in children.values()]
        _write(home, children)
        sys.stdout.write(welcome(settings[GATEWAY]))
        sys.stdout.flush()
        while True:
            await deaths.get()
            _write(home, children)
    finally:
        for keeper in keepers:
            keeper.cancel()
        await children[GATEWAY].end()
        await asyncio.gather(*(child.end() for child in children.values()))


def _write(home: Path, children: dict[str, Child]) -> None:
    found = {
        name: {"pid": child.process.pid if child.process else None, "port": child.port}
        for name, child in children.items()
    }
    fresh = home / "processes.new"
    fresh.write_text(json.dumps(found, indent=1), encoding="utf-8")
    fresh.replace(home / "processes.json")


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="embedded.processes", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--var", default="var")
    asked = parser.parse_args(arguments)
    speak("WARNING")
    with contextlib.ExitStack() as stack:
        try:
            home = claimed(asked.var, stack)
            ports = free_ports([name for name in service_names() if name != GATEWAY])
            ports[GATEWAY] = _own_port(asked.port)
            peers = {name: port for name, port in ports.items() if name != GATEWAY}
            settings = settings_at(home, ports[GATEWAY], peers)
        except CannotStart as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return run(serve(home, settings, ports))


def _own_port(port: int) -> int:
    """The port asked for, when it can be had; 0 finds one."""
    door: socket.socket
    with listening(HOST, port) as door:
        found: int = door.getsockname()[1]
        return found


if __name__ == "__main__":
    sys.exit(main())
