"""`make run-services`: one process per service on this machine, watched, restarted, ended together."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 240


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + START_TIMEOUT_S
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.2)


def is_alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class SupervisorProcess:
    """The command and what it keeps."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.process = subprocess.Popen(
            [sys.executable, "-m", "embedded.processes", "--port", "0", "--var", str(var)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, self.process.wait(10)
        self.url = found[0]

    def get_pids(self) -> dict[str, int]:
        """Which process is which service."""
        found = json.loads((self.var / "processes.json").read_text("utf-8"))
        return {name: one["pid"] for name, one in found.items()}

    def stop(self, how: signal.Signals) -> None:
        """End the keeper and wait for everything it kept."""
        pids = self.get_pids()
        self.process.send_signal(how)
        self.process.wait(60)
        wait_until(lambda: not any(is_alive(pid) for pid in pids.values()))


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[SupervisorProcess]:
    made = SupervisorProcess(tmp_path / "var")
    yield made
    if made.process.poll() is None:
        made.stop(signal.SIGTERM)
    assert made.process.stdout is not None
    made.process.stdout.close()


@pytest.mark.timeout(900)  # starts six processes, on whatever machine
def test_a_service_that_dies_is_named_and_started_again_and_all_end_together(
    keeper: SupervisorProcess,
) -> None:
    before = keeper.get_pids()
    with httpx.Client(base_url=keeper.url, timeout=30) as client:
        form = {"grant_type": "password", "username": "leader", "password": "Xianjie-2022"}
        token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/v1/assets").status_code == 200

        os.kill(before["assets"], signal.SIGKILL)
        wait_until(lambda: not is_alive(before["assets"]))
        refused = client.get("/api/v1/assets")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/unavailable")
        assert client.get("/api/v1/funds/plans").status_code == 200

        wait_until(lambda: client.get("/api/v1/assets").status_code == 200)
        assert client.get("/readyz").status_code == 200
    after = keeper.get_pids()
    assert {name for name in before if before[name] != after[name]} == {"assets"}

    keeper.stop(signal.SIGINT)
    assert keeper.process.returncode == 0


@pytest.mark.timeout(900)
def test_nothing_stays_behind_when_the_keeper_itself_is_killed(keeper: SupervisorProcess) -> None:
    keeper.stop(signal.SIGKILL)
