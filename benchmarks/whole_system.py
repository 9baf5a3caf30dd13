"""What the whole system in one process costs: its start, its rest, pages that ask every service, an import, the documents.

    python -m benchmarks.whole_system                  # part of `make bench BENCH=requests`; about two minutes

The process is the one of `make run` on a fresh folder (SQLite, almost empty); nothing else is started. Time is the processor
time of that process, so that other work on the machine changes little. With a file of projects it starts a third time on them.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from compileall import compile_dir
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.check_in_apps import find_free_port
from benchmarks.check_in_load import get_process_clock
from shared.http.rate_limits import DEFAULT_RATES
from tests.clients import DISTRICT

HOST, PASSWORD = "127.0.0.1", "Xianjie-2022"
REST_AFTER_START_S, REST_S = 15, 20
IMPORTED_ROWS, REQUESTS_PER_ROW = 1_000, 60
READY_S = 600
HEAD = (
    "序号,乡镇,村,项目类型,二级项目类型,项目子类型,项目名称,建设性质,实施地点,建设内容与规模,总投资,中央,自筹"
)
PAGES = (
    ("`/home` of the bureau", "bureau", "/api/v1/home"),
    ("`/home` of a clerk", "village_clerk", "/api/v1/home"),
    ("inbox, counted, through the gateway", "bureau", "/api/v1/projects/inbox/counts"),
    ("`/overview`", "leader", "/api/v1/overview"),
)
DOCUMENTS = (("`/docs`", "", "/docs"), ("`/openapi.json`, compressed", "", "/openapi.json"))


@dataclass(frozen=True)
class Figure:
    """One row of the table: what was measured, the figure with its unit, the bar."""

    title: str
    value: str
    bar: str


@dataclass(frozen=True)
class Process:
    """The running system: its port, process id and clock of processor time in milliseconds."""

    port: int
    pid: int
    clock: Callable[[], float]

    def get_memory_mb(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def start_system(folder: Path) -> Iterator[Process]:
    """`python -m embedded` on a folder, until /readyz answers 200."""
    port = find_free_port()
    rates = json.dumps(dict.fromkeys(DEFAULT_RATES, "10000000/second"))
    command = [sys.executable, "-m", "embedded", "--port", str(port), "--var", str(folder)]
    # Its modules are compiled once, as for everybody who starts it again.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command, env={**own, "XIANJIE_RATES": rates}, stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + READY_S
        while not _is_ready(port):
            if time.monotonic() > until or process.poll() is not None:
                raise SystemExit("the system did not become ready")
            time.sleep(0.05)
        yield Process(port, process.pid, get_process_clock(process.pid))
    finally:
        process.terminate()
        process.wait()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


def measure_system(projects: Path | None = None) -> list[Figure]:
    """Every figure of the one process, then of one with these projects (an SQLite file); prints each as it is found."""
    figures: list[Figure] = []

    def note(title: str, value: str, bar: str) -> None:
        figures.append(Figure(title, value, bar))
        print(f"{title:45}{value:40}bar {bar}", flush=True)

    compile_dir("shared", quiet=1)
    compile_dir("services", quiet=1)
    with tempfile.TemporaryDirectory() as name:
        with start_system(Path(name)) as process:
            note("fresh folder until ready", f"{process.clock() / 1000:.1f} s CPU", "≤ 6 s")
        with start_system(Path(name)) as process:
            note("later start until ready", f"{process.clock() / 1000:.1f} s CPU", "≤ 3 s")
            time.sleep(REST_AFTER_START_S)
            before = process.clock()
            time.sleep(REST_S)
            note("idle", f"{(process.clock() - before) / REST_S / 10:.1f} % of a core", "≤ 1 %")
            note("memory, idle", f"{process.get_memory_mb():.0f} MB", "≤ 200 MB")
            for title, user, path in (*PAGES, *DOCUMENTS):
                note(title, *_measure_page(process, user, path))
            note(f"import, {IMPORTED_ROWS} rows, dry run", *_measure_import(process))
            note("memory, after these requests", f"{process.get_memory_mb():.0f} MB", "")
        if projects is None:
            return figures
        with (
            closing(sqlite3.connect(projects)) as source,
            closing(sqlite3.connect(f"{name}/projects.db")) as own,
        ):
            count = source.execute("SELECT count(*) FROM project").fetchone()[0]
            source.backup(own)
        with start_system(Path(name)) as process:
            time.sleep(REST_AFTER_START_S)
            for title, user, path in PAGES:
                note(f"{title}, {count} projects", *_measure_page(process, user, path))
            note(f"export of {count} projects", *_measure_export(process))
    return figures


def _sign_in(process: Process, user: str) -> httpx.Client:
    client = httpx.Client(base_url=f"http://{HOST}:{process.port}", timeout=120)
    if user:
        form = {"grant_type": "password", "username": user, "password": PASSWORD}
        token = client.post("/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
    return client


def _measure_page(process: Process, user: str, path: str) -> tuple[str, str]:
    """Median milliseconds and mean processor time of a request, one after another, and its bar."""
    with closing(_sign_in(process, user)) as client:
        first = client.get(path).raise_for_status()
        times, before = [], process.clock()
        for _ in range(REQUESTS_PER_ROW):
            began = time.perf_counter()
            client.get(path).raise_for_status()
            times.append(time.perf_counter() - began)
        cpu = (process.clock() - before) / REQUESTS_PER_ROW
    value = f"{cpu:.1f} ms CPU, median {sorted(times)[REQUESTS_PER_ROW // 2] * 1000:.1f} ms"
    if user:
        return value, "≤ 10 ms CPU"
    size = int(first.headers.get("content-length", len(first.content)))
    return f"{value}, {size / 1000:.0f} kB", "≤ 200 kB"


def _measure_import(process: Process) -> tuple[str, str]:
    """Seconds from the upload of a table until every row has its result."""
    rows = [
        f"{at},黄羊镇,广场村,产业发展,生产项目,种植业基地,温室建设项目{at},新建,三组,新建温室{at}座,120,100,20"
        for at in range(1, IMPORTED_ROWS + 1)
    ]
    with closing(_sign_in(process, "bureau")) as client:
        began, before = time.perf_counter(), process.clock()
        params = {"region": DISTRICT, "year": "2024", "dry_run": "true"}
        table = "\n".join([HEAD, *rows]).encode()
        job = client.post("/api/v1/projects/imports", content=table, params=params).raise_for_status().json()
        while job["state"] not in {"done", "failed", "cancelled"}:
            time.sleep(0.05)
            job = client.get(f"/api/v1/projects/imports/{job['id']}").raise_for_status().json()
        taken, cpu = time.perf_counter() - began, (process.clock() - before) / 1000
    return f"{taken:.1f} s, {cpu:.1f} s CPU, {job['imported']} rows right", "≤ 5 s"


def _measure_export(process: Process) -> tuple[str, str]:
    """Seconds until the first byte and the last, MB sent, and by how many MB the process grew meanwhile."""
    smallest = largest = process.get_memory_mb()
    size, first, began = 0, 0.0, time.perf_counter()
    with (
        closing(_sign_in(process, "bureau")) as client,
        client.stream("GET", "/api/v1/projects/export?format=csv", timeout=600) as answer,
    ):
        answer.raise_for_status()
        for part in answer.iter_bytes():
            first = first or time.perf_counter() - began
            size += len(part)
            largest = max(largest, process.get_memory_mb())
    taken, grown = time.perf_counter() - began, largest - smallest
    value = f"first byte {first:.2f} s, all {taken:.1f} s, {size / 1e6:.0f} MB; memory + {grown:.0f} MB"
    return value, "first byte ≤ 2 s, memory flat"


def main() -> int:
    """The command line."""
    measure_system()
    return 0


if __name__ == "__main__":
    sys.exit(main())
