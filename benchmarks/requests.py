"""Processor time of ordinary requests to the projects service, through Caddy, and of a bare FastAPI app on the same rows.

    make bench BENCH=requests      # 100,000 projects, 1, 16, 64 connections, an export, the whole system: about twelve minutes
    python -m benchmarks.requests --projects 5000 --connections 16 --no-system
    python -m benchmarks.requests --service-only --databases sqlite     # only what ours costs, to compare two commits

Rounds alternate between the two apps, so that a busy machine slows both alike; figures are medians over the rounds. `CPU ms`
is the processor time of the app's own process for one request, `share` is bare : ours. `SQL` is what the service counted.
At the end it prints the table of docs/benchmarks.md and writes its plot.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks.check_in_apps import find_free_port
from benchmarks.check_in_load import get_process_clock
from benchmarks.gateway import start_door
from benchmarks.library_data import fill_database
from benchmarks.request_apps import HOST
from benchmarks.request_report import HEADER, Row, format_table, write_plot
from benchmarks.whole_system import Figure, measure_system
from services.projects.base import Base
from shared.db import async_url
from shared.db.migrate import upgrade_database
from tests import postgres
from tests.clients import DISTRICT

SEARCH_TABLE = "project_search"
"""Left out of the copy for SQLite, which keeps its words in another form."""
COPY_ROWS = 2_000
PREFIX = "/api/v1"


@dataclass(slots=True)
class Connection:
    """One keep-alive connection, and the project it works on with the version it knows."""

    port: int
    token: str
    project: str
    version: int = 0
    turn: int = 0
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)

    async def open(self) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection(HOST, self.port)

    async def send(self, method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
        """Send a request and wait for the answer; SystemExit when it is refused."""
        host = f"Host: {HOST}:{self.port}"
        lines = [f"{method} {path} HTTP/1.1", host, f"Authorization: Bearer {self.token}", *headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        answer = await self.reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        if not head.startswith(b"http/1.1 20"):
            raise SystemExit(f"{method} {path}: {head.decode()}{answer.decode()}")
        tag = re.search(rb'etag: "(\d+)-', head)
        self.version = int(tag[1]) if tag else self.version
        return answer


async def read_one(on: Connection, prefix: str) -> None:
    """One project, with what may be done with it."""
    await on.send("GET", f"{prefix}/projects/{on.project}")


async def read_list(on: Connection, prefix: str) -> None:
    """The fifty newest projects of the district."""
    await on.send("GET", f"{prefix}/projects")


async def read_counts(on: Connection, prefix: str) -> None:
    """What waits for the bureau, counted."""
    await on.send("GET", f"{prefix}/projects/inbox/counts")


async def read_summary(on: Connection, prefix: str) -> None:
    """The totals of the district."""
    await on.send("GET", f"{prefix}/projects/summary?region={DISTRICT}")


async def read_history(on: Connection, prefix: str) -> None:
    """The events of one project."""
    await on.send("GET", f"{prefix}/projects/{on.project}/history")


async def change(on: Connection, prefix: str) -> None:
    """A changed remark."""
    if not on.version and prefix:
        await on.send("GET", f"{prefix}/projects/{on.project}")
    on.turn += 1
    body = json.dumps({"remark": f"第 {on.turn} 次"}).encode()
    await on.send("PATCH", f"{prefix}/projects/{on.project}", body, f'If-Match: "{on.version}-0"')


async def move(on: Connection, prefix: str) -> None:
    """A project is suspended, the next time resumed."""
    on.turn += 1
    action = "suspend" if on.turn % 2 else "resume"
    await on.send("POST", f"{prefix}/projects/{on.project}/{action}", json.dumps({"reason": "核查"}).encode())


@dataclass(frozen=True)
class Request:
    """A kind of request, and whether the bare app has its like."""

    title: str
    send: Callable[[Connection, str], "asyncio.Future[None]"]
    route: str
    bare: bool = False


REQUESTS = (
    Request("one project", read_one, "GET /projects/{project_id}", bare=True),  # type: ignore[arg-type]
    Request("list of 50", read_list, "GET /projects", bare=True),  # type: ignore[arg-type]
    Request("inbox, counted", read_counts, "GET /projects/inbox/counts"),  # type: ignore[arg-type]
    Request("summary", read_summary, "GET /projects/summary"),  # type: ignore[arg-type]
    Request("history", read_history, "GET /projects/{project_id}/history"),  # type: ignore[arg-type]
    Request("change (PATCH)", change, "PATCH /projects/{project_id}", bare=True),  # type: ignore[arg-type]
    Request("move", move, "POST /projects/{project_id}/{action}"),  # type: ignore[arg-type]
)


@dataclass(frozen=True)
class Round:
    """Requests a second and milliseconds of the app's processor time for one."""

    rate: float
    cpu_ms: float


async def measure(
    request: Request,
    prefix: str,
    connections: Sequence[Connection],
    seconds: float,
    clock: Callable[[], float],
) -> Round:
    """One round of closed-loop load."""
    done, began, before = 0, time.perf_counter(), clock()

    async def run(one: Connection) -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await request.send(one, prefix)
            done += 1

    await asyncio.gather(*map(run, connections))
    return Round(done / (time.perf_counter() - began), (clock() - before) / done)


@dataclass(frozen=True)
class App:
    """A running app, the prefix of its addresses and its clock of processor time."""

    name: str
    port: int
    prefix: str
    pid: int

    @property
    def clock(self) -> Callable[[], float]:
        """Processor time of the process, in ms."""
        return get_process_clock(self.pid)

    def count_statements(self) -> dict[str, float]:
        """SQL statements and requests so far by route, from its metrics."""
        found: dict[str, float] = {}
        for line in httpx.get(f"http://{HOST}:{self.port}/metrics").text.splitlines():
            match = re.match(
                r'(http_request\w*)_total\{.*method="(\w+)",route="/api/v1([^"]*)".*\} ([\d.e+]+)$', line
            )
            if match:
                key = f"{match[1]} {match[2]} {match[3]}"
                found[key] = found.get(key, 0) + float(match[4])
        return found


@contextmanager
def start_app(name: str, url: str, folder: Path, key: ECKey) -> Iterator[App]:
    """The service or the bare app as a process of its own."""
    port = find_free_port()
    command = [sys.executable, "-m", "benchmarks.request_apps", name, url, str(port), str(folder)]
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [*command, json.dumps(key.as_dict(private=False))],
        env={
            **os.environ,
            "XIANJIE_QUEUE_SECONDS": "0",
        },  # every request is measured, none refused for its wait
    )
    try:
        for _ in range(400):
            try:
                httpx.get(f"http://{HOST}:{port}/healthz", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield App(name, port, PREFIX if name == "service" else "", process.pid)
    finally:
        process.terminate()
        process.wait()


def sign_token(key: ECKey) -> str:
    """An access token of the district's bureau, for an hour."""
    now = int(time.time())
    claims = {
        "iss": "http://xianjie", "aud": "xianjie", "iat": now, "exp": now + 3600, "kind": "user", "org": "",
        "sub": "bench-bureau", "name": "bench", "grants": [["bureau", DISTRICT]],
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": "bench"}, claims, key, algorithms=["ES256"])


def list_projects(url: str, count: int) -> list[str]:
    """Ids of projects under construction, one for each connection."""
    engine = sa.create_engine(
        async_url(url).set(drivername="sqlite" if "sqlite" in url else "postgresql+psycopg")
    )
    table = Base.metadata.tables["project"]
    query = sa.select(table.c.id).where(table.c.state == "under_construction").limit(count)
    with engine.connect() as connection:
        found = [str(one) for one in connection.execute(query).scalars()]
    engine.dispose()
    return found


def copy_to_sqlite(source: str, path: Path, without: frozenset[str] = frozenset()) -> str:
    """The same rows in an SQLite file, but for some tables; its URL."""
    url = f"sqlite:///{path}"
    upgrade_database("projects", url)
    engines = [
        sa.create_engine(async_url(source).set(drivername="postgresql+psycopg")),
        sa.create_engine(url),
    ]
    with engines[0].connect() as rows_of, engines[1].begin() as into:
        for table in Base.metadata.sorted_tables:
            if table.name == SEARCH_TABLE or table.name in without:
                continue
            rows = rows_of.execution_options(stream_results=True).execute(sa.select(table)).mappings()
            for part in rows.partitions(COPY_ROWS):
                into.execute(table.insert().prefix_with("OR IGNORE"), [dict(row) for row in part])
    with engines[1].begin() as into:
        into.exec_driver_sql("ANALYZE")
    for engine in engines:
        engine.dispose()
    return url


async def compare(
    database: str, apps: Sequence[App], url: str, key: ECKey, options: argparse.Namespace
) -> list[Row]:
    """Measure every request at every number of connections and print one line for each."""
    table: list[Row] = []
    projects, token = list_projects(url, max(options.connections)), sign_token(key)
    for count in options.connections:
        for request in REQUESTS:
            if options.only and request.title not in options.only:
                continue
            rounds: dict[str, list[Round]] = {}
            asked = [app for app in apps if app.name != "bare" or request.bare]
            before = apps[0].count_statements()
            for app in asked:
                await _warm_up(app, request, token, projects)
            for _ in range(options.pairs):
                for app in asked:
                    opened = [Connection(app.port, token, projects[at]) for at in range(count)]
                    await asyncio.gather(*(one.open() for one in opened))
                    found = await measure(request, app.prefix, opened, options.seconds, app.clock)
                    rounds.setdefault(app.name, []).append(found)
                    await _finish(request, app, opened)
            statements = _count_per_request(request, before, apps[0].count_statements())
            table.append(_build_row(database, request.title, count, rounds, statements))
            print(table[-1].format_line(), flush=True)
    return table


async def _warm_up(app: App, request: Request, token: str, projects: Sequence[str]) -> None:
    one = Connection(app.port, token, projects[0])
    await one.open()
    for _ in range(10):
        await request.send(one, app.prefix)
    one.writer.close()


async def _finish(request: Request, app: App, opened: Sequence[Connection]) -> None:
    """Leave every project as it was found, and close."""
    for one in opened:
        if request.send is move and one.turn % 2:
            await request.send(one, app.prefix)
        one.writer.close()


def _count_per_request(request: Request, before: dict[str, float], after: dict[str, float]) -> float:
    def grown(name: str) -> float:
        return sum(
            number - before.get(key, 0)
            for key, number in after.items()
            if key.startswith(f"{name} ") and _matches(request.route, key.removeprefix(f"{name} "))
        )

    return grown("http_request_sql_statements") / max(grown("http_requests"), 1)


def _matches(route: str, key: str) -> bool:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", r"[^/ ]+", re.escape(route)), key) is not None


def _build_row(
    database: str, title: str, count: int, rounds: dict[str, list[Round]], statements: float
) -> Row:
    rates = {name: statistics.median(one.rate for one in found) for name, found in rounds.items()}
    times = {name: statistics.median(one.cpu_ms for one in found) for name, found in rounds.items()}
    return Row(
        database,
        title,
        count,
        statements,
        cpu_ms=times["service"],
        rate=rates["service"],
        bare_cpu_ms=times.get("bare"),
        door_rate=rates.get("door"),
    )


def run(database: str, url: str, folder: Path, options: argparse.Namespace) -> list[Row]:
    """Measure on one database."""
    key = ECKey.generate_key("P-256", {"kid": "bench", "alg": "ES256", "use": "sig"})
    print(f"{database}: {HEADER.splitlines()[0]}", flush=True)
    with ExitStack() as stack:
        apps = [stack.enter_context(start_app("service", url, folder, key))]
        if not options.service_only:
            apps.append(stack.enter_context(start_app("bare", url, folder, key)))
            door, port = start_door({"projects": apps[0].port})
            stack.callback(door.terminate)
            apps.append(App("door", port, PREFIX, door.pid))
        return asyncio.run(compare(database, apps, url, key, options))


def main() -> int:
    """Fill the databases and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--projects", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--databases", nargs="+", default=["postgres", "sqlite"])
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--service-only", action="store_true")
    parser.add_argument("--no-system", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = []
    system: list[Figure] = []
    stop = postgres.start_server()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            postgres.create_database("bench_requests")
            url = f"{postgres.get_server_url()}/bench_requests"
            upgrade_database("projects", url)
            fill_database(url, options.projects)
            if "postgres" in options.databases:
                rows += run("PostgreSQL", url, folder, options)
            if "sqlite" in options.databases:
                rows += run("SQLite", copy_to_sqlite(url, folder / "projects.db"), folder, options)
            if not options.no_system:
                copy_to_sqlite(url, folder / "system.db", frozenset({"event_log"}))
                system = measure_system(folder / "system.db")
    finally:
        stop()
    print(f"\n{format_table(rows)}\n\n| one process with all services | measured | bar |\n|---|---|---|")
    print("\n".join(f"| {one.title} | {one.value} | {one.bar} |" for one in system))
    if not options.service_only and not options.only:
        print(f"plot: {write_plot(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
