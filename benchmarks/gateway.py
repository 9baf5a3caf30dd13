"""What the door costs: the same small answer asked of a service directly, over TCP through the gateway, and in one process.

    python -m benchmarks.gateway [--seconds 4] [--connections 16]

Rounds alternate, so that a busy machine slows all ways alike. The work column is processor time of all servers taking
part, per request: it says the same on a busy machine as on a quiet one.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from embedded.processes import find_free_ports
from services.gateway.main import create_app
from services.gateway.rate_limiter import DEFAULT_RATES
from shared.app import configure_logging
from shared.app.serve import app_lifespan, open_listener, run_until_stopped, uvicorn_config
from shared.settings import Settings

HOST = "127.0.0.1"
RESPONSE_BODY = json.dumps({"items": [{"id": number, "name": "新店村水渠"} for number in range(10)]}).encode()
ROUND_COUNT = 4
SETUPS = ("direct", "gateway over TCP", "gateway in one process")


async def answer_small(scope: Scope, _receive: Receive, send: Send) -> None:
    """A service that answers at once."""
    if scope["type"] == "http":
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(RESPONSE_BODY)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": RESPONSE_BODY})


async def serve(way: str, port: int, upstream: int) -> None:
    """One of the three servers, until told to end."""
    configure_logging("CRITICAL")
    if way == SETUPS[0]:
        with open_listener(HOST, port) as door:
            await uvicorn.Server(uvicorn_config(answer_small)).serve(sockets=[door])
        return
    settings = Settings(
        service="gateway",
        embedded=True,
        var=Path("/nonexistent"),
        peers={"funds": f"http://{HOST}:{upstream}"},
        rates=dict.fromkeys(DEFAULT_RATES, "10000000/second"),
    )
    app = create_app(settings, apps={"funds": answer_small} if way == SETUPS[2] else None)
    async with app_lifespan(app):
        with open_listener(HOST, port) as door:
            await uvicorn.Server(uvicorn_config(app)).serve(sockets=[door])


async def _send_requests(port: int, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    request = b"GET /api/v1/funds/plans HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head  # noqa: S101 - a wrong answer is no measurement
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()


def _get_cpu_seconds(pids: list[int]) -> float:
    """Processor seconds these processes have used."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


async def measure_load(port: int, pids: list[int], seconds: float, connections: int) -> tuple[float, ...]:
    """Requests a second, the milliseconds that half and 99 % stay under, and microseconds of work for each."""
    times: list[float] = []
    before = _get_cpu_seconds(pids)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_send_requests(port, until, times) for _ in range(connections)))
    ranked = sorted(times)
    work = (_get_cpu_seconds(pids) - before) / len(times) * 1e6
    return len(times) / seconds, ranked[len(ranked) // 2] * 1000, ranked[int(len(ranked) * 0.99)] * 1000, work


@contextmanager
def start_servers(ports: dict[str, int]) -> Iterator[list[int]]:
    """The three servers as processes of their own; their process ids."""
    running = []
    for way, port in ports.items():
        command = [sys.executable, "-m", "benchmarks.gateway", "--serve", way, "--port", str(port)]
        command += ["--upstream", str(ports[SETUPS[0]])]
        running.append(subprocess.Popen(command, env=os.environ))  # noqa: S603 - ourselves
    try:
        yield [one.pid for one in running]
    finally:
        for one in running:
            one.terminate()
            one.wait()


async def measure_setups(seconds: float, connections: int) -> dict[str, Any]:
    """All ways in turn, several rounds; medians and the ratio to the direct way."""
    ports = find_free_ports(list(SETUPS))
    rounds: dict[str, list[tuple[float, ...]]] = {way: [] for way in SETUPS}
    with start_servers(ports) as pids:
        for port in ports.values():
            await _wait_until_listening(port)
        for _ in range(ROUND_COUNT):
            for way, port in ports.items():
                rounds[way].append(await measure_load(port, pids, seconds, connections))
    medians = {
        way: [statistics.median(one[i] for one in found) for i in range(4)] for way, found in rounds.items()
    }
    bare = medians[SETUPS[0]][0]
    return {
        way: {"rate": m[0], "p50": m[1], "p99": m[2], "work": m[3], "ratio": m[0] / bare}
        for way, m in medians.items()
    }


async def _wait_until_listening(port: int) -> None:
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--serve", choices=SETUPS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        return run_until_stopped(serve(asked.serve, asked.port, asked.upstream))
    found = asyncio.run(measure_setups(asked.seconds, asked.connections))
    print(f"{'':24}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'of direct':>11}{'work us':>9}")
    for way, one in found.items():
        print(
            f"{way:24}{one['rate']:12.0f}{one['p50']:9.1f}{one['p99']:9.1f}{one['ratio']:11.2f}{one['work']:9.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
