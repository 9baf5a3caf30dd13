"""Measures the cost of the gateway: one small answer from a service directly, over TCP through the gateway, and in process.

    python -m benchmarks.gateway [--seconds 4] [--connections 16]

Rounds alternate, so that other load on the machine affects all setups alike. The work column is the CPU time of all
participating servers per request, which hardly depends on other load.
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
    """ASGI app of a service that answers at once with RESPONSE_BODY."""
    if scope["type"] == "http":
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(RESPONSE_BODY)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": RESPONSE_BODY})


async def serve(setup: str, port: int, upstream: int) -> None:
    """Run one of the three servers until it is terminated."""
    configure_logging("CRITICAL")
    if setup == SETUPS[0]:
        with open_listener(HOST, port) as listener:
            await uvicorn.Server(uvicorn_config(answer_small)).serve(sockets=[listener])
        return
    settings = Settings(
        service="gateway",
        embedded=True,
        var=Path("/nonexistent"),
        peers={"funds": f"http://{HOST}:{upstream}"},
        rates=dict.fromkeys(DEFAULT_RATES, "10000000/second"),
    )
    app = create_app(settings, apps={"funds": answer_small} if setup == SETUPS[2] else None)
    async with app_lifespan(app):
        with open_listener(HOST, port) as listener:
            await uvicorn.Server(uvicorn_config(app)).serve(sockets=[listener])


async def _send_requests(port: int, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    request = b"GET /api/v1/funds/plans HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head  # noqa: S101 - a wrong answer makes the measurement invalid
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()


def _get_cpu_seconds(pids: list[int]) -> float:
    """CPU seconds used by the processes so far."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


async def measure_load(port: int, pids: list[int], seconds: float, connections: int) -> tuple[float, ...]:
    """Measure requests per second, p50 and p99 latency in ms, and CPU-microseconds per request."""
    times: list[float] = []
    before = _get_cpu_seconds(pids)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_send_requests(port, until, times) for _ in range(connections)))
    ranked = sorted(times)
    work = (_get_cpu_seconds(pids) - before) / len(times) * 1e6
    return len(times) / seconds, ranked[len(ranked) // 2] * 1000, ranked[int(len(ranked) * 0.99)] * 1000, work


@contextmanager
def start_servers(ports: dict[str, int]) -> Iterator[list[int]]:
    """Start the three servers as processes; yields their process ids."""
    running = []
    for setup, port in ports.items():
        command = [sys.executable, "-m", "benchmarks.gateway", "--serve", setup, "--port", str(port)]
        command += ["--upstream", str(ports[SETUPS[0]])]
        running.append(subprocess.Popen(command, env=os.environ))  # noqa: S603 - our own module
    try:
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait()


async def measure_setups(seconds: float, connections: int) -> dict[str, Any]:
    """Measure all setups in alternating rounds; returns medians and the ratio to the direct setup."""
    ports = find_free_ports(list(SETUPS))
    rounds: dict[str, list[tuple[float, ...]]] = {setup: [] for setup in SETUPS}
    with start_servers(ports) as pids:
        for port in ports.values():
            await _wait_until_listening(port)
        for _ in range(ROUND_COUNT):
            for setup, port in ports.items():
                rounds[setup].append(await measure_load(port, pids, seconds, connections))
    medians = {
        setup: [statistics.median(measurement[i] for measurement in measurements) for i in range(4)]
        for setup, measurements in rounds.items()
    }
    direct_rate = medians[SETUPS[0]][0]
    return {
        setup: {"rate": rate, "p50": p50, "p99": p99, "work": work, "ratio": rate / direct_rate}
        for setup, (rate, p50, p99, work) in medians.items()
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
    """Parse the command line and print the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--serve", choices=SETUPS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return run_until_stopped(serve(options.serve, options.port, options.upstream))
    results = asyncio.run(measure_setups(options.seconds, options.connections))
    print(f"{'':24}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'of direct':>11}{'work us':>9}")
    for setup, row in results.items():
        print(
            f"{setup:24}{row['rate']:12.0f}{row['p50']:9.1f}{row['p99']:9.1f}{row['ratio']:11.2f}{row['work']:9.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
