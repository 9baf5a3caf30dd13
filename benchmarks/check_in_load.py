"""A district of cadres with a phone each, the taps they send, and what every process spends on them."""

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
from embedded.run_secrets import load_or_create_secrets
from shared.app.serve import KEEP_ALIVE_S
from shared.china import to_local_date
from shared.db import new_id
from shared.db.migrate import upgrade_database
from tests import postgres

VILLAGES = [f"6206021{town:02}2{village:02}" for town in range(5) for village in range(1, 9)]
"""Forty villages of five towns, with a post each."""
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
"""Honest check-ins of the days before, near the post and never twice at the same place or second."""
ROOT = Path(__file__).parent.parent
CHECK_INS_PATH = "/api/v1/attendance/check-ins"


def get_post_location(village: int) -> tuple[float, float]:
    """Where a village's post is, WGS-84."""
    return 102.5 + village * 0.02, 37.6 + village % 8 * 0.02


class Cadres:
    """Persons stationed in turn in the villages, each with a token and a phone."""

    def __init__(self, count: int) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "bench", "alg": "ES256", "use": "sig"})
        self.random_source = random.Random(1)
        self.tokens = [
            self.sign_token(f"p{n}", [["cadre", VILLAGES[n % len(VILLAGES)]]]) for n in range(count)
        ]

    def sign_token(self, name: str, grants: list[list[str]]) -> str:
        """A token for an hour."""
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
        """A check-in of a person now, some metres from the middle of their post."""
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
    """A post with a fence in every village, everybody stationed from today, and two taps a day for some days before."""
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
        head = f"POST {self.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
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
    """One measurement: requests a second, the 99th percentile in milliseconds, CPU-milliseconds per request and part."""

    rate: float
    p99_ms: float
    cpu_ms: dict[str, float] = field(default_factory=dict)


CpuClocks = dict[str, Callable[[], float]]
"""Part → its processor time so far, milliseconds."""


async def measure_rate(
    port: int, path: str, connections: int, seconds: float, cadres: Cadres, clocks: CpuClocks
) -> Measurement:
    """Everybody waits for their answer before the next tap of a connection, each tap another person's."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def one(n: int) -> None:
        line = HttpConnection(port, path)
        await line.open()
        while time.perf_counter() < end:
            who = n % len(cadres.tokens)
            body = json.dumps(cadres.build_check_in(who)).encode()
            begun = time.perf_counter()
            await line.post(body, cadres.tokens[who])
            took.append(time.perf_counter() - begun)
            n += connections
        line.writer.close()

    begun, before = time.perf_counter(), {name: clock() for name, clock in clocks.items()}
    first = cadres.random_source.randrange(len(cadres.tokens))
    await asyncio.gather(*(one(first + n) for n in range(connections)))
    rate = len(took) / (time.perf_counter() - begun)
    spent = {name: (clock() - before[name]) / len(took) for name, clock in clocks.items()}
    return Measurement(rate, get_p99_ms(took), spent)


def get_p99_ms(took: list[float]) -> float:
    """The 99th percentile in milliseconds."""
    return 1000 * (statistics.quantiles(took, n=100)[98] if len(took) > 100 else max(took))


def get_process_clock(pid: int) -> Callable[[], float]:
    """The processor time of a process."""

    def clock() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    return clock


def get_process_tree_clock(pid: int) -> Callable[[], float]:
    """The processor time of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    clocks = [get_process_clock(one) for one in (pid, *map(int, children))]
    return lambda: sum(clock() for clock in clocks)


def get_postgres_clock(url: str) -> Callable[[], float]:
    """The processor time of a whole PostgreSQL server, connections that ended included."""
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
    """One uvicorn process of an app of benchmarks/check_in_apps.py."""
    port = find_free_port()
    var = ROOT / "var" / "bench"
    var.mkdir(parents=True, exist_ok=True)
    secrets = {
        f"XIANJIE_{k.upper()}": v if isinstance(v, str) else json.dumps(v)
        for k, v in load_or_create_secrets(var).items()
    }
    env = (
        os.environ
        | secrets
        | {"ATTENDANCE_DATABASE_URL": url, SIGNING_KEY_VARIABLE: json.dumps(key.as_dict(private=False))}
    )
    run = [sys.executable, "-m", "uvicorn", "--factory", f"benchmarks.check_in_apps:{app}"]
    run += ["--port", str(port), "--log-level", "warning", "--no-access-log", "--workers", str(workers)]
    run += ["--timeout-keep-alive", str(KEEP_ALIVE_S)]  # as every deployed process does
    process = subprocess.Popen(run, env=env | more, cwd=ROOT)  # noqa: S603 - our own command
    for _ in range(200):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code < 500:
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    return process, port


@contextmanager
def create_database() -> Iterator[str]:
    """A PostgreSQL server with fsync on and an empty database of the attendance service; its address."""
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
    """Processes that end when the block does, each within ten seconds of being told."""
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)
