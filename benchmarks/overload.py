"""`make bench BENCH=overload`: one process at three times what it can do, with and without the bound of its queue.

Measures the capacity with a few callers that wait for each answer, then sends requests at three times that rate for SECONDS,
whether answers come or not. Prints what was accepted and refused with their times (p50, p99), and how long after the storm
a request is answered in 100 ms again; each with its bar (p99 of the accepted ≤ 1 s, of the refused ≤ 100 ms, recovery ≤ 10 s).
Then what others do beside an honest caller: 32 sign-ins of one address beside one of another, and reads beside an export and
beside bodies that come a byte at a time.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 8.0
CALLERS = 8
FACTOR = 3
PATH = "/api/v1/projects?limit=20"
EXPORT_PATH = "/api/v1/projects/export"
STORM_SIGN_INS = 32
SLOW_BODIES = 20
BARS_MS = {200: 1000.0, 503: 100.0}
RECOVERY_BAR_S = 10.0
UNLIMITED = json.dumps(
    dict.fromkeys(
        ("user_read", "user_write", "heavy", "address", "login_address", "login_account"),
        "1000000/second",
    )
)


@dataclass
class Answers:
    """Seconds of each answer by status."""

    by_status: dict[int, list[float]] = field(default_factory=dict)

    def add(self, status: int, seconds: float) -> None:
        """Note one answer."""
        self.by_status.setdefault(status, []).append(seconds)

    def describe(self) -> str:
        """Counts and times of each status."""
        return "; ".join(
            f"{status or 'no answer'}: {len(times)}, p50 {_quantile(times, 0.5):.0f} ms, p99 {_quantile(times, 0.99):.0f} ms"
            for status, times in sorted(self.by_status.items())
        )

    def judge(self) -> str:
        """Each status that has a bar, and whether it holds."""
        return ", ".join(
            f"p99 of {status} ≤ {bar:.0f} ms: {'ok' if _quantile(self.by_status[status], 0.99) <= bar else 'MISSED'}"
            for status, bar in BARS_MS.items()
            if status in self.by_status
        )


def _quantile(times: list[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * part))] * 1000


class Caller:
    """Requests over kept connections, each connection used by one request at a time."""

    def __init__(self, port: int, token: str, path: str = PATH) -> None:
        self.port = port
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, answers: Answers) -> None:
        """Send one request and note its answer; status 0 for a broken connection."""
        began = time.perf_counter()
        try:
            line = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
            line[1].write(self.request)
            head = await line[0].readuntil(b"\r\n\r\n")
            length = next(
                int(one[15:]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")
            )
            await line[0].readexactly(length)
            self.idle.append(line)
            answers.add(int(head[9:12]), time.perf_counter() - began)
        except (OSError, asyncio.IncompleteReadError, StopIteration):
            answers.add(0, time.perf_counter() - began)


def start_system(folder: Path, queue_seconds: str) -> tuple[subprocess.Popen[bytes], int]:
    """Everything in one process at a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {**os.environ, "XIANJIE_QUEUE_SECONDS": queue_seconds, "XIANJIE_RATES": UNLIMITED}
    environment["XIANJIE_DOOR_PROXIES"] = '["127.0.0.1/32"]'
    command = [sys.executable, "-m", "embedded", "--port", str(port), "--var", str(folder / queue_seconds)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.DEVNULL
    )
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process, port
    raise RuntimeError("the system does not start")


def sign_in(port: int) -> str:
    """A token of a demo account."""
    form = {"grant_type": "password", "username": "bureau", "password": "Xianjie-2022"}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/auth/token", body) as answer:
        return str(json.load(answer)["access_token"])


async def measure(port: int, token: str) -> None:
    """Capacity, storm, recovery."""
    caller, calm, storm = Caller(port, token), Answers(), Answers()

    async def ask_on(until: float) -> None:
        while time.perf_counter() < until:
            await caller.ask(calm)

    until = time.perf_counter() + SECONDS / 2
    await asyncio.gather(*(ask_on(until) for _ in range(CALLERS)))
    capacity = sum(map(len, calm.by_status.values())) / (SECONDS / 2)
    sys.stdout.write(f"  capacity {capacity:.0f} requests a second; {calm.describe()}\n")
    tasks, began = [], time.perf_counter()
    for number in range(int(SECONDS * FACTOR * capacity)):
        await asyncio.sleep(max(0.0, began + number / (FACTOR * capacity) - time.perf_counter()))
        tasks.append(asyncio.create_task(caller.ask(storm)))
    ended = time.perf_counter()
    while True:
        one = Answers()
        await caller.ask(one)
        if 200 in one.by_status and one.by_status[200][0] < 0.1:
            break
    recovered = time.perf_counter() - ended
    await asyncio.gather(*tasks)
    sys.stdout.write(
        f"  {FACTOR}× for {SECONDS:.0f} s: {storm.describe()}\n  {storm.judge()}\n  recovered after {recovered:.1f} s"
        f" (bar {RECOVERY_BAR_S:.0f} s)\n"
    )


async def sign_in_from(port: int, address: str) -> tuple[int, float]:
    """Status and seconds of one sign-in that a proxy reports as coming from an address."""
    body = urllib.parse.urlencode(
        {"grant_type": "password", "username": "bureau", "password": "Xianjie-2022"}
    )
    request = (
        f"POST /api/v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Forwarded-For: {address}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return int(head[9:12]), time.perf_counter() - began


async def measure_sign_ins(port: int) -> None:
    """An honest sign-in alone, and beside a storm of another address."""
    _, alone = await sign_in_from(port, "10.1.1.1")
    storm = [asyncio.create_task(sign_in_from(port, "10.9.9.9")) for _ in range(STORM_SIGN_INS)]
    await asyncio.sleep(0.05)
    status, beside = await sign_in_from(port, "10.1.1.1")
    taken = [one for one, _ in await asyncio.gather(*storm)]
    sys.stdout.write(
        f"  sign-in alone {alone:.2f} s; beside {STORM_SIGN_INS} of another address {beside:.2f} s ({status}); "
        f"of these {taken.count(200)} signed in, {taken.count(503)} asked to come again\n"
    )


async def send_slowly(port: int, token: str) -> None:
    """A body of 1,000 bytes, one a second."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode())
    try:
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(1)
    except (OSError, asyncio.CancelledError):
        writer.close()


async def measure_beside(port: int, token: str) -> None:
    """Reads of a few callers alone, beside an export after the other, and beside slow bodies."""
    exporter = Caller(port, token, EXPORT_PATH)

    async def export_on() -> None:
        while True:
            await exporter.ask(Answers())

    for name, others in (
        ("alone", []),
        ("beside exports", [export_on()]),
        (f"beside {SLOW_BODIES} slow bodies", [send_slowly(port, token) for _ in range(SLOW_BODIES)]),
    ):
        tasks = [asyncio.create_task(other) for other in others]
        caller, reads, until = Caller(port, token), Answers(), time.perf_counter() + SECONDS / 2
        while time.perf_counter() < until:
            await caller.ask(reads)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        sys.stdout.write(f"  reads {name}: {reads.describe()}\n")


def main() -> int:
    """Without the bound, then with it."""
    with tempfile.TemporaryDirectory() as folder:
        for queue_seconds in ("0", "0.4"):
            sys.stdout.write(f"XIANJIE_QUEUE_SECONDS={queue_seconds}\n")
            process, port = start_system(Path(folder), queue_seconds)
            try:
                asyncio.run(measure(port, sign_in(port)))
                if queue_seconds != "0":
                    asyncio.run(measure_sign_ins(port))
                    asyncio.run(measure_beside(port, sign_in(port)))
            finally:
                process.terminate()
                process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
