"""`python -m embedded.processes`: one process per service over TCP on this machine and Caddy in front, watched and restarted.

The same code, settings and door as containers have (deploy/docker-compose.yml). Which process is which, and on which
port it listens, stands in processes.json of the data folder.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from abc import ABC, abstractmethod
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from pathlib import Path

import structlog

from embedded.door import DoorPlan, load_declared_routes
from embedded.door_process import find_caddy, start_door
from embedded.pages import build_behind
from embedded.run_environment import HOST, build_settings, format_welcome
from embedded.system import FIRST_SERVICE, list_services
from shared.app import configure_logging
from shared.app.data_folder import claim_data_folder
from shared.app.serve import open_listener, run_until_stopped
from shared.settings import Settings, StartupError

GATEWAY, DOOR = "gateway", "door"
MIN_RESTART_DELAY_S, MAX_RESTART_DELAY_S = 0.5, 30.0
"""Pause before a restart: doubled with every death, from the first to the second."""
STABLE_AFTER_S = 60.0
"""A process that lived this long starts with the short pause again."""
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0
log = structlog.get_logger("processes")


class WatchedProcess(ABC):
    """A process that is started again whenever it dies."""

    def __init__(self, name: str, port: int, deaths: asyncio.Queue[str]) -> None:
        self.name = name
        self.port = port
        self.exits = deaths
        self.process: Process | None = None

    @abstractmethod
    async def launch(self) -> Process:
        """Start the process, in a session of its own so that Ctrl-C reaches only its keeper."""

    async def start(self) -> None:
        """Start it and remember which it is."""
        self.process = await self.launch()

    async def wait_until_ready(self) -> None:
        """Wait until it answers; CannotStart when it ends instead (it has said why)."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _is_listening(self.port):
                if self.process is None or self.process.returncode is not None:
                    raise StartupError(f"{self.name} 没有启动成功")
                await asyncio.sleep(0.1)

    async def keep_running(self) -> None:
        """Restart it after every death, with growing pauses, for ever."""
        longest = float(os.environ.get("XIANJIE_MAX_RESTART_DELAY", MAX_RESTART_DELAY_S))
        pause, loop = MIN_RESTART_DELAY_S, asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await self.process.wait() if self.process else 0
            pause = MIN_RESTART_DELAY_S if loop.time() - began > STABLE_AFTER_S else pause
            log.warning("died", service=self.name, code=code, restart_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            await self.start()
            await self.exits.put(self.name)

    async def stop(self) -> None:
        """Ask it to end, insist after a while."""
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self.process.kill()


class ServiceProcess(WatchedProcess):
    """One service."""

    def __init__(self, settings: Settings, port: int, deaths: asyncio.Queue[str]) -> None:
        super().__init__(settings.service, port, deaths)
        self.settings = settings

    async def launch(self) -> Process:
        """The service alone, as its container runs it."""
        return await create_subprocess_exec(
            *(sys.executable, "-m", "shared.app.serve", self.name),
            *("--host", HOST, "--port", str(self.port), "--exit-with-parent"),
            env={**os.environ, **self.settings.to_environment()},
            stdin=PIPE,  # its end tells the child that its keeper is gone
            start_new_session=True,
        )


class DoorProcess(WatchedProcess):
    """Caddy in front of all services."""

    def __init__(self, plan: DoorPlan, deaths: asyncio.Queue[str]) -> None:
        super().__init__(DOOR, plan.port, deaths)
        self.plan = plan

    async def launch(self) -> Process:
        """Caddy with the configuration of this run."""
        return await start_door(self.plan)


async def _is_listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def find_free_ports(names: list[str]) -> dict[str, int]:
    """A free port for each, different ones."""
    with contextlib.ExitStack() as stack:
        doors = {name: stack.enter_context(open_listener(HOST, 0)) for name in names}
        return {name: door.getsockname()[1] for name, door in doors.items()}


def plan_door(port: int, ports: dict[str, int]) -> DoorPlan:
    """The door of this machine, one replica of each service."""
    return DoorPlan(
        replicas={name: (f"{HOST}:{ports[name]}",) for name in list_services()},
        routes=load_declared_routes(),
        port=port,
        bind=HOST,
    )


async def run_processes(
    home: Path, settings: dict[str, Settings], ports: dict[str, int], *, pages: bool = False
) -> None:
    """Start everything, keep it going, end it all together; `pages` are built behind the running system."""
    deaths: asyncio.Queue[str] = asyncio.Queue()
    children: dict[str, WatchedProcess] = {
        name: ServiceProcess(own, ports[name], deaths) for name, own in settings.items()
    }
    rest = [name for name in children if name != FIRST_SERVICE]
    children[DOOR] = DoorProcess(plan_door(ports[DOOR], ports), deaths)
    keepers: list[asyncio.Task[None]] = []
    try:
        for wave in ([FIRST_SERVICE], rest, [DOOR]):
            await asyncio.gather(*(children[name].start() for name in wave))
            await asyncio.gather(*(children[name].wait_until_ready() for name in wave))
        keepers = [asyncio.create_task(child.keep_running()) for child in children.values()]
        _write_process_file(home, children)
        sys.stdout.write(format_welcome(settings[GATEWAY]))
        sys.stdout.flush()
        async with build_behind(pages):
            while True:
                await deaths.get()
                _write_process_file(home, children)
    finally:
        for keeper in keepers:
            keeper.cancel()
        await children[DOOR].stop()
        await asyncio.gather(*(child.stop() for child in children.values()))


def _write_process_file(home: Path, children: dict[str, WatchedProcess]) -> None:
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
    parser.add_argument("--pages", action="store_true", help="build the pages of web/ behind the run")
    asked = parser.parse_args(arguments)
    configure_logging("WARNING")
    with contextlib.ExitStack() as stack:
        try:
            home = claim_data_folder(asked.var, stack)
            find_caddy()
            ports = find_free_ports(list_services())
            ports[DOOR] = _find_door_port(asked.port)
            peers = {name: port for name, port in ports.items() if name not in {GATEWAY, DOOR}}
            settings = build_settings(home, ports[DOOR], peers)
        except StartupError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return run_until_stopped(run_processes(home, settings, ports, pages=asked.pages))


def _find_door_port(port: int) -> int:
    """The port asked for, when it can be had; 0 finds one."""
    door: socket.socket
    with open_listener(HOST, port) as door:
        found: int = door.getsockname()[1]
        return found


if __name__ == "__main__":
    sys.exit(main())
