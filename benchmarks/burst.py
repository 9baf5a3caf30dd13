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

from benchmarks.check_in_world import (
    SERVICE,
    Cadres,
    Clocks,
    Line,
    database,
    ended,
    of_family,
    of_postgres,
    of_process,
    p99,
    seed,
    start,
)

NATION = 600
"""Taps a second of a whole nation's morning: 600,000 cadres an hour, thirty of a hundred of them in five minutes."""
PATIENT_MS = 1000
BUSY = 0.6
"""How busy a core may be planned."""


@dataclass
class Played:
    """How one rate went."""

    took: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    most_open: int = 0
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.failed and p99(self.took) < PATIENT_MS


async def sent(port: int, idle: list[Line], body: bytes, token: str) -> Line:
    """The line it went over; a kept one that the door closed meanwhile is replaced, as any client does."""
    while idle:
        line = idle.pop()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await line.post(body, token)
            return line
    line = Line(port, SERVICE)
    await line.open()
    await line.post(body, token)
    return line


async def burst(port: int, rate: int, seconds: float, first: int, cadres: Cadres, clocks: Clocks) -> Played:
    """Taps at a steady rate, each from the next person."""
    idle: list[Line] = []
    played, open_now = Played(), 0

    async def tap(who: int, due: float) -> None:
        nonlocal open_now
        open_now += 1
        played.most_open = max(played.most_open, open_now)
        try:
            idle.append(await sent(port, idle, json.dumps(cadres.tap(who)).encode(), cadres.tokens[who]))
            played.took.append(time.perf_counter() - due)
        except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
            played.failed.append(repr(error)[:200])
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
    count = len(played.took) or 1
    played.spent = {name: (clock() - before[name]) / count for name, clock in clocks.items()}
    for line in idle:
        line.writer.close()
    return played


def report(rate: int, played: Played) -> None:
    spent = ", ".join(f"{part} {ms:.2f}" for part, ms in played.spent.items())
    half = sorted(played.took)[len(played.took) // 2] * 1000 if played.took else 0
    print(
        f"{rate:5}/s: {len(played.took):,} answered, {len(played.failed)} failed, p50 {half:.0f} ms, p99"
        f" {p99(played.took or [0.0]):.0f} ms, at most {played.most_open} open; CPU-ms each: {spent}",
        flush=True,
    )
    for words in dict.fromkeys(played.failed[:3]):
        print(f"       {words}")


def fleet(played: Played) -> None:
    """How many cores a nation's burst takes, by what each tap cost here."""
    parts = {name: NATION * ms / 1000 / BUSY for name, ms in played.spent.items() if name != "load"}
    words = ", ".join(f"{name} {cores:.1f}" for name, cores in parts.items())
    print(f"{NATION}/s at {BUSY:.0%} busy takes {sum(parts.values()):.1f} cores of this machine: {words}")


async def climb(port: int, asked: argparse.Namespace, cadres: Cadres, clocks: Clocks) -> None:
    first, held = int(asked.rates[0] * asked.warm), None
    await burst(port, asked.rates[0], asked.warm, 0, cadres, clocks)
    for rate in asked.rates:
        played = await burst(port, rate, asked.seconds, first, cadres, clocks)
        first += int(rate * asked.seconds)
        report(rate, played)
        if not played.holds:
            break
        held = rate, played
    if held is not None:
        print(f"holds {held[0]}/s")
        fleet(held[1])


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
    with database() as url, ended(running):
        seed(url, persons, past_days=3)
        service, port = start("service", url, cadres.key, workers=asked.workers)
        running.append(service)
        peers = json.dumps({"attendance": f"http://127.0.0.1:{port}"})
        gateway, door = start("gateway", url, cadres.key, XIANJIE_PEERS=peers)
        running.append(gateway)
        clocks = {
            "load": of_process(os.getpid()),
            "gateway": of_process(gateway.pid),
            "service": of_family(service.pid),
            "postgres": of_postgres(url),
        }
        asyncio.run(climb(door, asked, cadres, clocks))


if __name__ == "__main__":
    main()
