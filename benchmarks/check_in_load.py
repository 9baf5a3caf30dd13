"""Load generator of the check-in benchmarks: database content, requests, and CPU time of the processes."""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks.check_in_apps import SIGNING_KEY_VARIABLE, find_free_port
from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import list_services
from shared.app.serve import KEEP_ALIVE_S
from shared.china import to_local_date
from shared.db import new_id
from shared.db.migrate import upgrade_database
from tests import postgres

VILLAGES = [f"6206021{town:02}2{village:02}" for town in range(5) for village in range(1, 9)]
"""Region codes of forty villages in five towns; each has a post."""
INSERT_PAST_CHECK_INS = """
INSERT INTO check_in (id, region, version, created_at, created_by, updated_at, created_digest, person, sent_by, kind,
    source, work_date, taken_at, received_at, lon, lat, fix, accuracy_m, coarse, device, verdict, distance_m, margin_m,
    flags, result, rule_version, remark, photo)
SELECT gen_random_uuid(), held.region, 1, at, held.person, at, '', held.person, held.person, 'OnDuty', 'USER',
    (at AT TIME ZONE 'Asia/Shanghai')::date, at, at, 102.5 + random() / 100, 37.6 + random() / 100, '{"datum": "gcj02"}',
    5 + round((random() * 350)::numeric) / 10, false, 'phone-' || substr(held.person, 2), 'inside', 0, 100, '[]',
    'applied', 'check_in.limits@1', '', ''
FROM (SELECT person, region, date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai'
        - day * interval '1 day' + hour * interval '1 hour' + random() * interval '1 hour' AS at
    FROM assignment, generate_series(1, %(days)s) AS day, (VALUES (8), (18)) AS hours(hour)) AS held
"""
"""Two check-ins per person and past day, near the post, never twice at the same position or second."""
ROOT = Path(__file__).parent.parent
CHECK_INS_PATH = "/api/v1/attendance/check-ins"


def get_post_location(village: int) -> tuple[float, float]:
    """Longitude and latitude of a village's post, degrees."""
    return 102.5 + village * 0.02, 37.6 + village % 8 * 0.02


class Cadres:
    """Cadres assigned to the villages in turn, each with a token and a device."""

    def __init__(self, count: int) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "bench", "alg": "ES256", "use": "sig"})
        self.random_source = random.Random(1)
        self.tokens = [
            self.sign_token(f"p{n}", [["cadre", VILLAGES[n % len(VILLAGES)]]]) for n in range(count)
        ]

    def sign_token(self, name: str, grants: list[list[str]]) -> str:
        """Sign an access token that is valid for one hour."""
        now = int(time.time())
        claims = {
            "iss": "http://xianjie",
            "aud": "xianjie",
            "iat": now,
            "exp": now + 3600,
            "kind": "user",
            "org": "",
            "sub": name,
            "name": name,
            "grants": grants,
        }
        return jwt.encode({"alg": "ES256", "kid": "bench"}, claims, self.key, algorithms=["ES256"])

    def build_check_in(self, n: int) -> dict[str, Any]:
        """Build the body of a check-in of person `n` now, within tens of metres of their post."""
        at = datetime.now(UTC).isoformat()
        lon, lat = get_post_location(n % len(VILLAGES))
        fix = {
            "lon": round(lon + self.random_source.gauss(0, 0.0003), 7),
            "lat": round(lat + self.random_source.gauss(0, 0.0003), 7),
            "datum": "gcj02",
            "accuracy_m": round(self.random_source.uniform(5, 40), 1),
            "taken_at": at,
        }
        return {"id": str(new_id()), "taken_at": at, "fix": fix, "device": f"phone-{n}", "mock": False}


def seed_database(url: str, persons: int, past_days: int = 14) -> None:
    """Insert a post with a fence per village, an assignment per person from today, and two past check-ins per day."""
    common = {"at": datetime.now(UTC), "since": to_local_date(datetime.now(UTC)), "persons": persons}
    with psycopg.connect(url) as connection:
        for n, village in enumerate(VILLAGES):
            lon, lat = get_post_location(n)
            fence = [{"kind": "circle", "lon": lon, "lat": lat, "radius_m": 1500}]
            connection.execute(
                "INSERT INTO post (id, region, version, created_at, created_by, updated_at, created_digest, name,"
                " kind, fences, address) VALUES (%(id)s, %(region)s, 1, %(at)s, 'bench', %(at)s, '', '村委会',"
                " 'village', %(fences)s, '')",
                common | {"id": new_id(), "region": village, "fences": json.dumps(fence)},
            )
        connection.execute(
            "INSERT INTO assignment (id, region, version, created_at, created_by, updated_at, created_digest,"
            " post_id, person, person_name, starts_on) SELECT gen_random_uuid(), post.region, 1, %(at)s, 'bench',"
            " %(at)s, '', post.id, 'p' || n, '同志' || n, %(since)s"
            " FROM generate_series(0, %(persons)s - 1) AS n"
            " JOIN (SELECT *, row_number() OVER (ORDER BY region) - 1 AS at FROM post) AS post"
            " ON post.at = n %% %(villages)s",
            common | {"villages": len(VILLAGES)},
        )
        connection.execute(INSERT_PAST_CHECK_INS, common | {"days": past_days})
        connection.execute("ANALYZE")


class HttpConnection:
    """One keep-alive connection that sends requests and waits for each answer."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, body: bytes, token: str) -> bytes:
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-type: application/json\r\n"
        )
        head += f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if not answer.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")):
            rest = await self.reader.read(2000)
            raise RuntimeError((answer + rest).decode())
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return await self.reader.readexactly(length)


@dataclass
class Measurement:
    """One measurement: requests per second, 99th percentile in ms, and CPU-milliseconds per request by part."""

    rate: float
    p99_ms: float
    cpu_ms: dict[str, float] = field(default_factory=dict)


CpuClocks = dict[str, Callable[[], float]]
"""Part → function that returns its CPU time so far, milliseconds."""


async def measure_rate(
    port: int, path: str, connections: int, seconds: float, cadres: Cadres, clocks: CpuClocks
) -> Measurement:
    """Closed-loop load: each connection sends the next person's check-in after the previous answer."""
    durations_s: list[float] = []
    end = time.perf_counter() + seconds

    async def run_connection(n: int) -> None:
        connection = HttpConnection(port, path)
        await connection.open()
        while time.perf_counter() < end:
            person = n % len(cadres.tokens)
            body = json.dumps(cadres.build_check_in(person)).encode()
            began = time.perf_counter()
            await connection.post(body, cadres.tokens[person])
            durations_s.append(time.perf_counter() - began)
            n += connections
        connection.writer.close()

    began, before = time.perf_counter(), {name: clock() for name, clock in clocks.items()}
    first = cadres.random_source.randrange(len(cadres.tokens))
    await asyncio.gather(*(run_connection(first + n) for n in range(connections)))
    rate = len(durations_s) / (time.perf_counter() - began)
    cpu_ms = {name: (clock() - before[name]) / len(durations_s) for name, clock in clocks.items()}
    return Measurement(rate, get_p99_ms(durations_s), cpu_ms)


def get_p99_ms(durations_s: list[float]) -> float:
    """99th percentile in milliseconds; the maximum for at most 100 values."""
    return 1000 * (
        statistics.quantiles(durations_s, n=100)[98] if len(durations_s) > 100 else max(durations_s)
    )


def get_process_clock(pid: int) -> Callable[[], float]:
    """Clock of a process's CPU time, milliseconds."""

    def clock() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    return clock


def get_process_tree_clock(pid: int) -> Callable[[], float]:
    """Clock of the CPU time of a process and its children, milliseconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    clocks = [get_process_clock(child) for child in (pid, *map(int, children))]
    return lambda: sum(clock() for clock in clocks)


def get_postgres_clock(url: str) -> Callable[[], float]:
    """Clock of the CPU time of a PostgreSQL server, including ended connections, milliseconds."""
    with psycopg.connect(url) as connection:
        backend = connection.info.backend_pid
    main = int(Path(f"/proc/{backend}/stat").read_text("ascii").rpartition(")")[2].split()[1])
    children = Path(f"/proc/{main}/task/{main}/children")

    def clock() -> float:
        total = 0
        for pid in [str(main), *children.read_text("ascii").split()]:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            except FileNotFoundError:
                continue
            total += sum(map(int, fields[11 : 15 if pid == str(main) else 13]))
        return total * 1000 / os.sysconf("SC_CLK_TCK")

    return clock


def start_app(
    app: str, url: str, key: ECKey, *, workers: int = 1, **more: str
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a uvicorn process for an app of benchmarks/check_in_apps.py; returns the process and its port."""
    port = find_free_port()
    var = ROOT / "var" / "bench"
    var.mkdir(parents=True, exist_ok=True)
    secrets = {
        f"XIANJIE_{k.upper()}": v if isinstance(v, str) else json.dumps(v)
        for k, v in (load_or_create_secrets(var) | create_service_keys(list_services())["attendance"]).items()
    }
    env = (
        os.environ
        | secrets
        | {"ATTENDANCE_DATABASE_URL": url, SIGNING_KEY_VARIABLE: json.dumps(key.as_dict(private=False))}
    )
    command = [sys.executable, "-m", "uvicorn", "--factory", f"benchmarks.check_in_apps:{app}"]
    command += ["--port", str(port), "--log-level", "warning", "--no-access-log", "--workers", str(workers)]
    command += ["--timeout-keep-alive", str(KEEP_ALIVE_S)]  # as in a deployment
    process = subprocess.Popen(command, env=env | more, cwd=ROOT)  # noqa: S603 - our own command
    for _ in range(200):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code < 500:
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    return process, port


@contextmanager
def create_database() -> Iterator[str]:
    """Start a PostgreSQL server with fsync on and create an empty attendance database; yields its URL."""
    postgres.FAST_SERVER_OPTIONS = ("max_connections=200", "shared_buffers=128MB")
    end = postgres.start_server()
    try:
        name = f"bench_{new_id().hex[-12:]}"
        postgres.create_database(name)
        url = f"{postgres.get_server_url()}/{name}"
        upgrade_database("attendance", url)
        yield url
    finally:
        end()


@contextmanager
def terminate_on_exit(running: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Terminate the processes when the block ends, and wait ten seconds for each."""
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)
