"""What the door costs: one small answer of a service, asked at its own port, through Caddy, and beside it the least server.

    python -m benchmarks.gateway [--seconds 2] [--pairs 7] [--connections 1 16 64]

Rounds alternate, so that a busy machine slows all setups alike; figures are medians over the pairs with their spread.
Bars: the door reaches 0.33 of the service's rate, its p99 is at most 60 ms above the service's.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import Receive, Scope, Send

from embedded.door import DoorPlan, load_declared_routes, write_caddyfile
from embedded.door_process import find_caddy
from embedded.processes import find_free_ports
from services.gateway.main import create_app
from shared.app import configure_logging
from shared.app.serve import app_lifespan, open_listener, run_until_stopped, uvicorn_config
from shared.http.rate_limits import DEFAULT_RATES
from shared.settings import Settings

HOST = "127.0.0.1"
PATH = "/docs/start.js"
"""A small answer of a service: a route with its middleware, no database."""
SETUPS = ("bare", "service", "door")
MIN_SHARE, MAX_EXTRA_P99_MS = 0.33, 60.0


async def answer_small(scope: Scope, _receive: Receive, send: Send) -> None:
    """The least a server does."""
    if scope["type"] == "http":
        body = b"x" * 200
        headers = [(b"content-type", b"text/javascript"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def serve(setup: str, port: int) -> None:
    """The bare server or the service, until told to end."""
    configure_logging("CRITICAL")
    with open_listener(HOST, port) as listener:
        if setup == "bare":
            await uvicorn.Server(uvicorn_config(answer_small)).serve(sockets=[listener])
            return
        rates = dict.fromkeys(DEFAULT_RATES, "10000000/second")
        app = create_app(Settings(service="gateway", embedded=True, var=Path("/nonexistent"), rates=rates))
        async with app_lifespan(app):
            await uvicorn.Server(uvicorn_config(app)).serve(sockets=[listener])


async def _send_requests(port: int, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    request = f"GET {PATH} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: */*\r\n\r\n".encode()
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head  # noqa: S101 - a wrong answer is no measurement
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        times.append(time.perf_counter() - began)
    writer.close()


@dataclass(frozen=True)
class Round:
    """Requests a second, and the milliseconds that 99 % stay under."""

    rate: float
    p99: float


async def measure_round(port: int, seconds: float, connections: int) -> Round:
    """One round at so many connections."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_send_requests(port, until, times) for _ in range(connections)))
    return Round(len(times) / seconds, sorted(times or [seconds])[int(len(times) * 0.99)] * 1000)


@contextmanager
def start_servers(ports: dict[str, int]) -> Iterator[None]:
    """The three servers as processes of their own."""
    running = []
    for setup in ("bare", "service"):
        command = [sys.executable, "-m", "benchmarks.gateway", "--serve", setup, "--port", str(ports[setup])]
        running.append(subprocess.Popen(command, env=os.environ))  # noqa: S603 - ourselves
    running.append(start_caddy(ports["door"], {"gateway": ports["service"]}))
    try:
        yield
    finally:
        for one in running:
            one.terminate()
            one.wait()


def start_door(ports: dict[str, int]) -> "tuple[subprocess.Popen[bytes], int]":
    """The door on a free port, listening; its process and port."""
    port = find_free_ports(["door"])["door"]
    process = start_caddy(port, ports)
    asyncio.run(_wait_until_listening(port))
    return process, port


def start_caddy(port: int, ports: dict[str, int]) -> "subprocess.Popen[bytes]":
    """The door with its whole configuration before services on these ports; the others are away."""
    routes = load_declared_routes()
    plan = DoorPlan(
        replicas={name: (f"{HOST}:{ports[name]}",) for name in ports},
        routes={name: routes[name] for name in ports},
        port=port,
        bind=HOST,
    )
    command = [str(find_caddy()), "run", "--config", "-", "--adapter", "caddyfile"]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 - our door
    assert made.stdin is not None  # noqa: S101 - stdin=PIPE
    made.stdin.write(write_caddyfile(plan).encode())
    made.stdin.close()
    return made


async def measure(seconds: float, pairs: int, connections: Sequence[int]) -> bool:
    """Print a line for each number of connections; whether all bars are kept."""
    ports = find_free_ports(list(SETUPS))
    kept = True
    with start_servers(ports):
        for port in ports.values():
            await _wait_until_listening(port)
            await measure_round(port, 1, 8)
        print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        for number in connections:
            found: dict[str, list[Round]] = {setup: [] for setup in SETUPS}
            for _ in range(pairs):
                for setup, port in ports.items():
                    found[setup].append(await measure_round(port, seconds, number))
            kept &= _print_line(number, found)
    return kept


def _print_line(connections: int, found: dict[str, list[Round]]) -> bool:
    pairs = list(zip(found["door"], found["service"], strict=True))
    shares = sorted(door.rate / service.rate for door, service in pairs)
    extra = sorted(door.p99 - service.p99 for door, service in pairs)
    share, late = statistics.median(shares), statistics.median(extra)
    for setup, rounds in found.items():
        rates = [one.rate for one in rounds]
        p99 = statistics.median(one.p99 for one in rounds)
        print(
            f"{connections:3} connections, {setup:8} {statistics.median(rates):7.0f}/s"
            f" ({min(rates):.0f} to {max(rates):.0f}), p99 {p99:6.1f} ms"
        )
    print(
        f"    share of the service {share:.2f} ({shares[0]:.2f} to {shares[-1]:.2f}),"
        f" p99 above it {late:.1f} ms ({extra[0]:.1f} to {extra[-1]:.1f})"
    )
    return share >= MIN_SHARE and late <= MAX_EXTRA_P99_MS


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
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--serve", choices=SETUPS[:2], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        return run_until_stopped(serve(asked.serve, asked.port))
    return 0 if asyncio.run(measure(asked.seconds, asked.pairs, asked.connections)) else 1


if __name__ == "__main__":
    sys.exit(main())
