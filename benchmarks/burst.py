"""The morning burst: everybody taps once, through the gateway, at two processes of the service; open loop.

    python -m benchmarks.burst                                   # climbs until a rate does not hold
    python -m benchmarks.burst --rates 400 --seconds 60          # one rate, for longer

Taps arrive by the clock whether or not the earlier ones were answered, each from another person whose token, post and
phone nobody has seen before. A rate holds when every tap is answered 201 and the 99th percentile stays under a second.
Days, seals and relay run behind the writers as always; PostgreSQL (fsync on) and the load share the machine.
"""

import argparse
import asyncio
import contextlib
import json
import os
import time
from dataclasses import dataclass, field

from benchmarks.check_in_load import (
    CHECK_INS_PATH,
    Cadres,
    CpuClocks,
    HttpConnection,
    create_database,
    get_p99_ms,
    get_postgres_clock,
    get_process_clock,
    get_process_tree_clock,
    seed_database,
    start_app,
    terminate_on_exit,
)

NATIONAL_RATE_PER_S = 600
"""Taps a second of a whole nation's morning: 600,000 cadres an hour, thirty of a hundred of them in five minutes."""
MAX_P99_MS = 1000
MAX_CPU_SHARE = 0.6
"""How busy a core may be planned."""


@dataclass
class RateResult:
    """How one rate went."""

    latencies_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    max_in_flight: int = 0
    cpu_ms: dict[str, float] = field(default_factory=dict)

    @property
    def is_sustained(self) -> bool:
        return not self.errors and get_p99_ms(self.latencies_s) < MAX_P99_MS


async def send_request(port: int, idle: list[HttpConnection], body: bytes, token: str) -> HttpConnection:
    """The line it went over; a kept one that the door closed meanwhile is replaced, as any client does."""
    while idle:
        line = idle.pop()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await line.post(body, token)
            return line
    line = HttpConnection(port, CHECK_INS_PATH)
    await line.open()
    await line.post(body, token)
    return line


async def run_rate(
    port: int, rate: int, seconds: float, first: int, cadres: Cadres, clocks: CpuClocks
) -> RateResult:
    """Taps at a steady rate, each from the next person."""
    idle: list[HttpConnection] = []
    played, open_now = RateResult(), 0

    async def tap(who: int, due: float) -> None:
        nonlocal open_now
        open_now += 1
        played.max_in_flight = max(played.max_in_flight, open_now)
        try:
            idle.append(
                await send_request(
                    port, idle, json.dumps(cadres.build_check_in(who)).encode(), cadres.tokens[who]
                )
            )
            played.latencies_s.append(time.perf_counter() - due)
        except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
            played.errors.append(repr(error)[:200])
        finally:
            open_now -= 1

    before = {name: clock() for name, clock in clocks.items()}
    began, tasks = time.perf_counter(), set()
    for n in range(int(rate * seconds)):
        due = began + n / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(tap(first + n, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.wait(tasks)
    count = len(played.latencies_s) or 1
    played.cpu_ms = {name: (clock() - before[name]) / count for name, clock in clocks.items()}
    for line in idle:
        line.writer.close()
    return played


def print_result(rate: int, played: RateResult) -> None:
    spent = ", ".join(f"{part} {ms:.2f}" for part, ms in played.cpu_ms.items())
    half = sorted(played.latencies_s)[len(played.latencies_s) // 2] * 1000 if played.latencies_s else 0
    print(
        f"{rate:5}/s: {len(played.latencies_s):,} answered, {len(played.errors)} failed, p50 {half:.0f} ms, p99"
        f" {get_p99_ms(played.latencies_s or [0.0]):.0f} ms, at most {played.max_in_flight} open; CPU-ms each: {spent}",
        flush=True,
    )
    for words in dict.fromkeys(played.errors[:3]):
        print(f"       {words}")


def print_required_cores(played: RateResult) -> None:
    """How many cores a nation's burst takes, by what each tap cost here."""
    parts = {
        name: NATIONAL_RATE_PER_S * ms / 1000 / MAX_CPU_SHARE
        for name, ms in played.cpu_ms.items()
        if name != "load"
    }
    words = ", ".join(f"{name} {cores:.1f}" for name, cores in parts.items())
    print(
        f"{NATIONAL_RATE_PER_S}/s at {MAX_CPU_SHARE:.0%} busy takes {sum(parts.values()):.1f} cores of this machine: {words}"
    )


async def find_max_rate(port: int, asked: argparse.Namespace, cadres: Cadres, clocks: CpuClocks) -> None:
    first, held = int(asked.rates[0] * asked.warm), None
    await run_rate(port, asked.rates[0], asked.warm, 0, cadres, clocks)
    for rate in asked.rates:
        played = await run_rate(port, rate, asked.seconds, first, cadres, clocks)
        first += int(rate * asked.seconds)
        print_result(rate, played)
        if not played.is_sustained:
            break
        held = rate, played
    if held is not None:
        print(f"holds {held[0]}/s")
        print_required_cores(held[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, nargs="+", default=[200, 300, 400, 500, 600])
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--warm", type=float, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "true"
    persons = int(sum(rate * asked.seconds for rate in asked.rates) + asked.rates[0] * asked.warm) + 1
    cadres, running = Cadres(persons), []
    with create_database() as url, terminate_on_exit(running):
        seed_database(url, persons, past_days=3)
        service, port = start_app("service", url, cadres.key, workers=asked.workers)
        running.append(service)
        peers = json.dumps({"attendance": f"http://127.0.0.1:{port}"})
        gateway, door = start_app("gateway", url, cadres.key, XIANJIE_PEERS=peers)
        running.append(gateway)
        clocks = {
            "load": get_process_clock(os.getpid()),
            "gateway": get_process_clock(gateway.pid),
            "service": get_process_tree_clock(service.pid),
            "postgres": get_postgres_clock(url),
        }
        asyncio.run(find_max_rate(door, asked, cadres, clocks))


if __name__ == "__main__":
    main()
