"""Open-loop benchmark of the morning burst: each person checks in once, through the door, at two service processes.

    python -m benchmarks.burst                                   # raises the rate until it is not sustained
    python -m benchmarks.burst --rates 400 --seconds 60          # one rate, for longer

Check-ins are sent on schedule, whether or not earlier ones were answered, each by another person whose token, post and
device are in no cache. A rate is sustained when every check-in is answered 201 and the 99th percentile is below one
second. The background tasks of the service run as usual; PostgreSQL (fsync on) and the load share the machine.
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
from benchmarks.gateway import start_door

NATIONAL_RATE_PER_S = 600
"""Check-ins per second of a whole nation: 600,000 cadres in an hour, 30 % of them within five minutes."""
MAX_P99_MS = 1000
MAX_CPU_SHARE = 0.6
"""Planned utilisation of a core."""


@dataclass
class RateResult:
    """Result of one rate."""

    latencies_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    max_in_flight: int = 0
    cpu_ms: dict[str, float] = field(default_factory=dict)

    @property
    def is_sustained(self) -> bool:
        return not self.errors and get_p99_ms(self.latencies_s) < MAX_P99_MS


async def send_request(port: int, idle: list[HttpConnection], body: bytes, token: str) -> HttpConnection:
    """Send a request over an idle connection, or a new one if the gateway closed it; returns the connection."""
    while idle:
        connection = idle.pop()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await connection.post(body, token)
            return connection
    connection = HttpConnection(port, CHECK_INS_PATH)
    await connection.open()
    await connection.post(body, token)
    return connection


async def run_rate(
    port: int, rate: int, seconds: float, first: int, cadres: Cadres, clocks: CpuClocks
) -> RateResult:
    """Send check-ins at a constant rate, each by the next person from index `first`."""
    idle: list[HttpConnection] = []
    result, in_flight = RateResult(), 0

    async def check_in(person: int, due: float) -> None:
        nonlocal in_flight
        in_flight += 1
        result.max_in_flight = max(result.max_in_flight, in_flight)
        try:
            body = json.dumps(cadres.build_check_in(person)).encode()
            idle.append(await send_request(port, idle, body, cadres.tokens[person]))
            result.latencies_s.append(time.perf_counter() - due)
        except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
            result.errors.append(repr(error)[:200])
        finally:
            in_flight -= 1

    before = {name: clock() for name, clock in clocks.items()}
    began, tasks = time.perf_counter(), set()
    for n in range(int(rate * seconds)):
        due = began + n / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(check_in(first + n, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.wait(tasks)
    count = len(result.latencies_s) or 1
    result.cpu_ms = {name: (clock() - before[name]) / count for name, clock in clocks.items()}
    for connection in idle:
        connection.writer.close()
    return result


def print_result(rate: int, result: RateResult) -> None:
    cpu_costs = ", ".join(f"{part} {ms:.2f}" for part, ms in result.cpu_ms.items())
    median_ms = sorted(result.latencies_s)[len(result.latencies_s) // 2] * 1000 if result.latencies_s else 0
    print(
        f"{rate:5}/s: {len(result.latencies_s):,} answered, {len(result.errors)} failed, p50 {median_ms:.0f} ms, p99"
        f" {get_p99_ms(result.latencies_s or [0.0]):.0f} ms, at most {result.max_in_flight} open; CPU-ms each: {cpu_costs}",
        flush=True,
    )
    for error in dict.fromkeys(result.errors[:3]):
        print(f"       {error}")


def print_required_cores(result: RateResult) -> None:
    """Print how many cores the national rate needs, extrapolated from the CPU time per check-in."""
    cores_of_part = {
        name: NATIONAL_RATE_PER_S * ms / 1000 / MAX_CPU_SHARE
        for name, ms in result.cpu_ms.items()
        if name != "load"
    }
    details = ", ".join(f"{name} {cores:.1f}" for name, cores in cores_of_part.items())
    print(
        f"{NATIONAL_RATE_PER_S}/s at {MAX_CPU_SHARE:.0%} busy takes {sum(cores_of_part.values()):.1f} cores of this machine: {details}"
    )


async def find_max_rate(port: int, options: argparse.Namespace, cadres: Cadres, clocks: CpuClocks) -> None:
    first, sustained = int(options.rates[0] * options.warm), None
    await run_rate(port, options.rates[0], options.warm, 0, cadres, clocks)
    for rate in options.rates:
        result = await run_rate(port, rate, options.seconds, first, cadres, clocks)
        first += int(rate * options.seconds)
        print_result(rate, result)
        if not result.is_sustained:
            break
        sustained = rate, result
    if sustained is not None:
        print(f"sustained {sustained[0]}/s")
        print_required_cores(sustained[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, nargs="+", default=[200, 300, 400, 500, 600])
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--warm", type=float, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "true"
    persons = int(sum(rate * options.seconds for rate in options.rates) + options.rates[0] * options.warm) + 1
    cadres, running = Cadres(persons), []
    with create_database() as url, terminate_on_exit(running):
        seed_database(url, persons, past_days=3)
        service, port = start_app("service", url, cadres.key, workers=options.workers)
        running.append(service)
        caddy, door_port = start_door({"attendance": port})
        running.append(caddy)
        clocks = {
            "load": get_process_clock(os.getpid()),
            "door": get_process_clock(caddy.pid),
            "service": get_process_tree_clock(service.pid),
            "postgres": get_postgres_clock(url),
        }
        asyncio.run(find_max_rate(door_port, options, cadres, clocks))


if __name__ == "__main__":
    main()
