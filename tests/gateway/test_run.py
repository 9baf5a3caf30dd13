"""`make run`: starts, prints its address, ends cleanly; a refused start prints one sentence."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from shared.app.data_folder import lock_data_folder
from shared.settings import StartupError
from tests.gateway.echo_services import open_listening_socket

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # starts the whole system, on whatever machine
RUN_COMMAND = [sys.executable, "-m", "embedded", "--port", "0", "--var"]


def start_system(var: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a system; returns the process and its address."""
    process = subprocess.Popen(
        [*RUN_COMMAND, str(var)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    output = "".join(process.stdout.readline() for _ in range(7))
    match = re.search(r"http://\S+", output)
    assert match, process.communicate()
    assert "finance" in output
    assert "Xianjie-2022" in output
    return process, match[0]


def run_refused_start(arguments: list[str]) -> str:
    """Run a start that must fail with one line on standard error; returns that line."""
    completed = subprocess.run(
        [sys.executable, "-m", "embedded", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert completed.returncode == 1
    assert "Traceback" not in completed.stderr
    assert len(completed.stderr.strip().splitlines()) == 1, completed.stderr
    return completed.stderr


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "var"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_serves_and_ends_cleanly(var: Path, ending: signal.Signals) -> None:
    process, url = start_system(var)
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            answer = client.post(
                "/api/v1/auth/token",
                data={"grant_type": "password", "username": "finance", "password": "Xianjie-2022"},
            )
            token = answer.json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            assert client.get("/api/v1/funds/plans").status_code == 200
            with pytest.raises(StartupError, match="正被另一个衔接进程使用"):
                lock_data_folder(var)
            assert client.post("/api/v1/auth/logout").status_code == 204
        process.send_signal(ending)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")


def test_a_run_in_the_folder_of_another_is_refused(tmp_path: Path) -> None:
    with lock_data_folder(tmp_path):
        assert "正被另一个衔接进程使用" in run_refused_start(["--port", "0", "--var", str(tmp_path)])


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with open_listening_socket() as taken:
        port = taken.getsockname()[1]
        assert f"端口 {port} 不可用" in run_refused_start(
            ["--port", str(port), "--var", str(tmp_path / "var")]
        )


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_an_impossible_port_is_named(tmp_path: Path, port: str) -> None:
    assert f"端口 {port} 不可用" in run_refused_start([f"--port={port}", "--var", str(tmp_path / "var")])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "数据目录不可写" in run_refused_start(["--port", "0", "--var", str(tmp_path / "file" / "var")])
    if os.getuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        assert "数据目录不可写" in run_refused_start(["--port", "0", "--var", str(tmp_path / "closed")])


def test_a_half_made_database_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "funds.db") as connection:
        connection.execute("CREATE TABLE source (id INTEGER)")
    assert "funds 数据库里已有表, 但没有版本记录" in run_refused_start(
        ["--port", "0", "--var", str(tmp_path)]
    )


def test_a_newer_database_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "funds.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    assert "更新的程序建的" in run_refused_start(["--port", "0", "--var", str(tmp_path)])


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "identity.db").write_text("这不是数据库" * 1000, encoding="utf-8")
    assert "identity 数据库打不开" in run_refused_start(["--port", "0", "--var", str(tmp_path)])
