"""`make run-services`: one process per service; dead ones are restarted, all end together."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 240
ALL_SERVICES = ("-m", "embedded.processes")
TWO_SERVICES = (
    "-c",
    """
import sys
from embedded import processes
build, two = processes.build_settings, {"identity", "gateway"}
processes.build_settings = lambda *given: {name: own for name, own in build(*given).items() if name in two}
sys.exit(processes.main())
""",
)
"""The same supervisor with two of the services, where one is as good as another."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until the condition is true; fails after START_TIMEOUT_S."""
    end = time.monotonic() + START_TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, "the condition never became true"
        time.sleep(0.2)


def is_alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class SupervisorProcess:
    """The supervisor command and the service processes it runs."""

    def __init__(self, var: Path, program: Sequence[str]) -> None:
        self.var = var
        self.process = subprocess.Popen(
            [sys.executable, *program, "--port", "0", "--var", str(var)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        match = re.search(r"http://\S+", self.process.stdout.readline())
        assert match, self.process.wait(10)
        self.url = match[0]

    def get_pids(self) -> dict[str, int]:
        """Process ids by service."""
        processes = json.loads((self.var / "processes.json").read_text("utf-8"))
        return {name: process["pid"] for name, process in processes.items()}

    def stop(self, signal_number: signal.Signals) -> None:
        """Send a signal to the supervisor and wait until all its processes have ended."""
        pids = self.get_pids()
        self.process.send_signal(signal_number)
        self.process.wait(120)
        wait_until(lambda: not any(is_alive(pid) for pid in pids.values()))


@pytest.fixture(params=[ALL_SERVICES], ids=["all"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SupervisorProcess]:
    process = SupervisorProcess(tmp_path / "var", request.param)
    yield process
    if process.process.poll() is None:
        process.stop(signal.SIGTERM)
    assert process.process.stdout is not None
    process.process.stdout.close()


@pytest.mark.timeout(900)  # starts six processes, on whatever machine
def test_a_dead_service_is_named_and_restarted_and_all_end_together(
    supervisor: SupervisorProcess,
) -> None:
    before = supervisor.get_pids()
    with httpx.Client(base_url=supervisor.url, timeout=30) as client:
        form = {"grant_type": "password", "username": "leader", "password": "Xianjie-2022"}
        token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/v1/assets").status_code == 200

        os.kill(before["assets"], signal.SIGKILL)
        wait_until(lambda: not is_alive(before["assets"]))
        refused = client.get("/api/v1/assets")  # the door waits for it, 5 s at most
        assert refused.status_code == 200 or refused.json()["type"] in {
            "/problems/unavailable",
            "/problems/broken",
        }
        assert client.get("/api/v1/funds/plans").status_code == 200

        wait_until(lambda: client.get("/api/v1/assets").status_code == 200)
        assert client.get("/status").status_code == 200
    after = supervisor.get_pids()
    assert {name for name in before if before[name] != after[name]} == {"assets"}

    supervisor.stop(signal.SIGINT)
    assert supervisor.process.returncode == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("supervisor", [TWO_SERVICES], indirect=True, ids=["two"])
def test_all_services_end_when_the_supervisor_is_killed(supervisor: SupervisorProcess) -> None:
    supervisor.stop(signal.SIGKILL)
