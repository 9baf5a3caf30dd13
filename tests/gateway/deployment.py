"""Runs every service as a process with the files and the environment of its container."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from embedded.door import ALIVE_PATH, write_caddyfile
from embedded.door_process import find_caddy
from embedded.processes import find_free_ports, plan_door
from embedded.system import list_services
from shared.app import serve
from shared.db.migrate import has_database
from tests.conftest import DatabaseTemplates
from tests.gateway import compose_file
from tests.gateway.compose_file import ROOT
from tests.worker_processes import start_process

ADMIN_PASSWORD = "Long-enough-2026"
START_TIMEOUT_S = 240


class Process(Protocol):
    """A running service."""

    def kill(self) -> None: ...

    def terminate(self) -> None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class ForkedProcess:
    """A service whose code is loaded already: it begins several times as fast."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        self._process = start_process(_serve, arguments, environment, log)
        self.kill, self.terminate = self._process.kill, self._process.terminate

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        assert self._process.exitcode is not None
        return self._process.exitcode


def _serve(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with log.open("a") as file:
        os.dup2(file.fileno(), 2)
    sys.exit(serve.main([*arguments]))


class Deployment:
    """The processes of all containers, started without a container runtime.

    With `images` each has the files of its image and no other; without, they are forked from a process that has loaded all.
    """

    def __init__(self, folder: Path, templates: DatabaseTemplates, *, images: bool) -> None:
        self.folder, self.images = folder, images
        secrets = compose_file.generate_secrets()
        self.ports = find_free_ports([*list_services(), "door"])
        self.door_plan = plan_door(self.ports.pop("door"), self.ports)
        self.url = f"http://127.0.0.1:{self.door_plan.port}"
        peers = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items() if name != "gateway"}
        self.trees = {
            name: compose_file.build_image_tree(name, folder) if images else ROOT for name in self.ports
        }
        self.environments = {
            name: compose_file.build_environment(name, secrets)
            | {"XIANJIE_PEERS": json.dumps(peers), "XIANJIE_VAR": str(folder / "data" / name)}
            | {"XIANJIE_DRAIN_SECONDS": "0"}
            for name in self.ports
        }
        self.databases = {name: templates.create_empty() for name in self.ports if has_database(name)}
        for name, url in self.databases.items():
            stored = Path(self.environments[name]["XIANJIE_SECRETS_FOLDER"]) / "xianjie_database_url"
            assert stored.read_text("utf-8").startswith(f"postgresql://{name}:")
            stored.write_text(url, encoding="utf-8")
        self.running: dict[str, Process] = {}

    def run_module(self, service: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a Python module in a service's image tree; `variables` override its environment."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.trees[service],
            env={"PATH": os.environ["PATH"], **self.environments[service], **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_service(self, service: str) -> None:
        """Start a service with the command of its image."""
        arguments = (service, "--host", "127.0.0.1", "--port", str(self.ports[service]))
        environment = {"PATH": os.environ["PATH"], **self.environments[service]}
        log = self._log_of(service)
        if not self.images:
            self.running[service] = ForkedProcess(*arguments, environment=environment, log=log)
            return
        with log.open("a") as file:
            self.running[service] = subprocess.Popen(
                [sys.executable, "-m", "shared.app.serve", *arguments],
                cwd=self.trees[service],
                env=environment,
                stderr=file,
            )

    def _log_of(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def start_door(self) -> subprocess.Popen[bytes]:
        """Caddy, as its container runs it."""
        process = subprocess.Popen(
            [str(find_caddy()), "run", "--config", "-", "--adapter", "caddyfile"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        process.stdin.write(write_caddyfile(self.door_plan).encode())
        process.stdin.close()
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            try:
                httpx.get(f"{self.url}{ALIVE_PATH}")
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return process
        pytest.fail("the door does not answer")

    def wait_until_ready(self, service: str) -> None:
        """Poll the health address until it answers."""
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            assert self.running[service].poll() is None, self._log_of(service).read_text()[-3000:]
            try:
                if httpx.get(f"http://127.0.0.1:{self.ports[service]}/healthz").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        pytest.fail(f"{service} does not answer")

    def kill_service(self, service: str) -> None:
        """Kill a service without a shutdown, as a power cut does."""
        self.running[service].kill()
        self.running[service].wait()

    def stop_all(self) -> list[int]:
        """Terminate all services as `docker compose down` does; returns their exit codes."""
        for process in self.running.values():
            process.terminate()
        return [process.wait(30) for process in self.running.values()]


def create_first_admin(deployment: Deployment, name: str, password: str) -> tuple[int, str]:
    """Run the first-admin command; returns its exit code and output."""
    process = deployment.run_module("identity", "services.identity.first_admin", name)
    output, errors = process.communicate(f"{password}\n", timeout=60)
    assert "Traceback" not in errors
    return process.returncode, output + errors
