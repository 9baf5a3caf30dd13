"""Check-ins a second, as a ratio to a bare FastAPI + asyncpg endpoint that inserts the same row, in the same run.

    python -m benchmarks.check_ins                    # service, 1, 16 and 64 connections, and batches of 500
    python -m benchmarks.check_ins --seconds 5 --rounds 3

The bare endpoint reads the same body and writes the same row with one INSERT: no token, no fence, no log. Both run as
one uvicorn process each on one PostgreSQL (fsync on), one after the other, with the load from this process. Beside
the rate stands the processor time of the app per request, which other work on the machine changes little.
--alone stops what runs behind the writers (days, seal, relay) while it measures.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks.check_in_apps import KEY, free_port
from embedded.secrets import kept
from shared.ids import new_id
from shared.migrate import upgrade
from tests import postgres

PERSONS = 400
HALL = (102.901, 37.602)
ROOT = Path(__file__).parent.parent


def a_tap() -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    fix = {"lon": HALL[0], "lat": HALL[1], "datum": "gcj02", "accuracy_m": 20, "taken_at": at}
    return {"id": str(new_id()), "taken_at": at, "fix": fix, "device": "phone-1", "mock": False}


def tokens(key: ECKey) -> list[str]:
    now = int(time.time())
    claims = {
        "iss": "http://xianjie",
        "aud": "xianjie",
        "iat": now,
        "exp": now + 3600,
        "kind": "user",
        "org": "",
    }
    head = {"alg": "ES256", "kid": "bench"}
    grants = [["cadre", "620602100201"]]
    return [
        jwt.encode(
            head, claims | {"sub": f"p{n}", "name": f"p{n}", "grants": grants}, key, algorithms=["ES256"]
        )
        for n in range(PERSONS)
    ]


def seed(url: str) -> None:
    """One post with a fence, everybody stationed there."""
    now, post = datetime.now(UTC), new_id()
    fence = [{"kind": "circle", "lon": HALL[0], "lat": HALL[1], "radius_m": 500}]
    common = {"region": "620602100201", "version": 1, "at": now, "by": "bench"}
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO post (id, region, version, created_at, created_by, updated_at, created_digest, name, kind,"
            " fences, address) VALUES (%(id)s, %(region)s, %(version)s, %(at)s, %(by)s, %(at)s, '', '村委会', 'village',"
            " %(fences)s, '')",
            common | {"id": post, "fences": json.dumps(fence)},
        )
        for n in range(PERSONS):
            connection.execute(
                "INSERT INTO assignment (id, region, version, created_at, created_by, updated_at, created_digest,"
                " post_id, person, person_name, starts_on) VALUES (%(id)s, %(region)s, %(version)s, %(at)s, %(by)s,"
                " %(at)s, '', %(post)s, %(person)s, 'x', %(day)s)",
                common | {"id": new_id(), "post": post, "person": f"p{n}", "day": now.date()},
            )


class Line:
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


def cpu_ms(pid: int) -> float:
    """Processor time a process has used, milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


async def play(
    port: int, path: str, connections: int, seconds: float, keys: list[str], pid: int
) -> tuple[float, float, float]:
    """Requests a second, the 99th percentile and the app's processor time per request, both in milliseconds."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def one(n: int) -> None:
        line = Line(port, path)
        await line.open()
        turn = n
        while time.perf_counter() < end:
            body = json.dumps(a_tap()).encode()
            begun = time.perf_counter()
            await line.post(body, keys[turn % len(keys)])
            took.append(time.perf_counter() - begun)
            turn += connections
        line.writer.close()

    begun, spent = time.perf_counter(), cpu_ms(pid)
    await asyncio.gather(*(one(n) for n in range(connections)))
    rate, spent = len(took) / (time.perf_counter() - begun), (cpu_ms(pid) - spent) / len(took)
    tail = statistics.quantiles(took, n=100)[98] if len(took) > 100 else max(took)
    return rate, tail * 1000, spent


async def batches(port: int, path: str, seconds: float, keys: list[str]) -> float:
    """Items a second in calls of 500."""
    line, items, end = Line(port, path), 0, time.perf_counter() + seconds
    await line.open()
    spent = 0.0
    while time.perf_counter() < end:
        body = json.dumps({"items": [a_tap() for _ in range(500)]}).encode()
        begun = time.perf_counter()
        await line.post(body, keys[0])
        spent += time.perf_counter() - begun
        items += 500
    line.writer.close()
    return items / spent


def start(name: str, url: str, key: ECKey) -> tuple[subprocess.Popen[bytes], int]:
    """One uvicorn process of an app of benchmarks/check_in_apps.py."""
    port = free_port()
    var = ROOT / "var" / "bench"
    var.mkdir(parents=True, exist_ok=True)
    secrets = {
        f"XIANJIE_{k.upper()}": v if isinstance(v, str) else json.dumps(v) for k, v in kept(var).items()
    }
    env = os.environ | secrets | {"ATTENDANCE_DATABASE_URL": url, KEY: json.dumps(key.as_dict(private=False))}
    run = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        f"benchmarks.check_in_apps:{name}",
        "--port",
        str(port),
    ]
    run += ["--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen(run, env=env, cwd=ROOT)  # noqa: S603 - our own command
    for _ in range(200):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code < 500:
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    return process, port


async def measure(ports: dict[str, tuple[int, int]], asked: argparse.Namespace, keys: list[str]) -> None:
    paths = {"bare": "/check-ins", "service": "/api/v1/attendance/check-ins"}
    for name, (port, pid) in ports.items():
        await play(port, paths[name], 16, 1.5, keys, pid)
    for connections in (1, 16, 64):
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ports}
        for _ in range(asked.rounds):
            for name, (port, pid) in ports.items():
                found[name].append(await play(port, paths[name], connections, asked.seconds, keys, pid))
        middle = {
            name: [statistics.median(one) for one in zip(*rows, strict=True)] for name, rows in found.items()
        }
        for name, (rate, tail, spent) in middle.items():
            print(
                f"{connections:3} connections, {name:8} {rate:6.0f}/s, p99 {tail:6.1f} ms, {spent:.2f} CPU-ms each"
            )
        print(f"{connections:3} connections, ratio {middle['service'][0] / middle['bare'][0]:.2f}")
    port, _ = ports["service"]
    print(f"batches of 500: {await batches(port, paths['service'], asked.seconds, keys):,.0f} items/s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="nothing behind the writers")
    asked = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "false" if asked.alone else "true"
    postgres.SPEED = ("max_connections=200", "shared_buffers=128MB")
    end = postgres.start()
    name = f"bench_{new_id().hex[-12:]}"
    running = []
    try:
        postgres.create_database(name)
        url = f"{postgres.server_url()}/{name}"
        upgrade("attendance", url)
        seed(url.replace("postgresql+psycopg", "postgresql"))
        key = ECKey.generate_key("P-256", {"kid": "bench", "alg": "ES256", "use": "sig"})
        ports = {}
        for app in ("bare", "service"):
            process, port = start(app, url, key)
            running.append(process)
            ports[app] = (port, process.pid)
        asyncio.run(measure(ports, asked, tokens(key)))
    finally:
        for process in running:
            process.terminate()
            process.wait(10)
        end()


if __name__ == "__main__":
    main()
