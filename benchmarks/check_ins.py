"""Check-ins a second, as a ratio to a bare FastAPI + asyncpg endpoint that inserts the same row, in the same run.

    python -m benchmarks.check_ins                    # service and gateway, 1, 16 and 64 connections, batches of 500
    python -m benchmarks.check_ins --seconds 5 --rounds 3

The bare endpoint reads the same body and writes the same row with one INSERT: no token, no fence, no log. The service
is one process, the gateway another in front of it over TCP; all on one PostgreSQL (fsync on), one after the other,
with the load from this process. Thousands of persons in forty villages tap in turn, each with a phone of their own.
Beside the rate stands the processor time of each part per request, which other work on the machine changes little.
--alone stops what runs behind the writers (days, seal, relay) while it measures.
--strangers: nobody's token was seen before, as in a morning when everybody taps once.
"""

import argparse
import asyncio
import json
import os
import statistics
import time

from benchmarks.check_in_world import (
    SERVICE,
    Cadres,
    Clocks,
    Line,
    Round,
    database,
    ended,
    of_postgres,
    of_process,
    play,
    seed,
    start,
)

PATHS = {"bare": "/check-ins", "service": SERVICE, "gateway": SERVICE}


async def batches(port: int, seconds: float, cadres: Cadres, clocks: Clocks) -> tuple[float, float]:
    """Items a second in calls of 500, and CPU-milliseconds of the service per item."""
    line, items, end = Line(port, SERVICE), 0, time.perf_counter() + seconds
    await line.open()
    spent, before = 0.0, clocks["service"]()
    while time.perf_counter() < end:
        who = items // 500 % len(cadres.tokens)
        body = json.dumps({"items": [cadres.tap(who) for _ in range(500)]}).encode()
        begun = time.perf_counter()
        await line.post(body, cadres.tokens[who])
        spent += time.perf_counter() - begun
        items += 500
    line.writer.close()
    return items / spent, (clocks["service"]() - before) / items


def _middle(rounds: list[Round]) -> Round:
    parts = rounds[0].spent
    return Round(
        statistics.median(one.rate for one in rounds),
        statistics.median(one.tail for one in rounds),
        {name: statistics.median(one.spent[name] for one in rounds) for name in parts},
    )


async def measure(
    ports: dict[str, int], clocks: dict[str, Clocks], asked: argparse.Namespace, cadres: Cadres
) -> None:
    for name, port in ports.items():
        await play(port, PATHS[name], 16, asked.warm, cadres, clocks[name])
    for connections in asked.connections:
        found: dict[str, list[Round]] = {name: [] for name in ports}
        for _ in range(asked.rounds):
            for name, port in ports.items():
                found[name].append(
                    await play(port, PATHS[name], connections, asked.seconds, cadres, clocks[name])
                )
        middle = {name: _middle(rows) for name, rows in found.items()}
        for name, one in middle.items():
            spent = ", ".join(f"{part} {ms:.2f}" for part, ms in one.spent.items())
            print(
                f"{connections:3} connections, {name:8} {one.rate:6.0f}/s, p99 {one.tail:6.1f} ms, of bare"
                f" {one.rate / middle['bare'].rate:.2f}; CPU-ms each: {spent}",
                flush=True,
            )
    rate, spent_ms = await batches(ports["service"], asked.seconds, cadres, clocks["service"])
    print(f"batches of 500: {rate:,.0f} items/s, {spent_ms:.3f} CPU-ms each")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--warm", type=float, default=2.5)
    parser.add_argument("--persons", type=int, default=5000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--alone", action="store_true", help="nothing behind the writers")
    parser.add_argument("--strangers", action="store_true", help="every token is a new one")
    asked = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "false" if asked.alone else "true"
    if asked.strangers:
        os.environ["BENCH_REMEMBERED"] = "1"
    cadres = Cadres(asked.persons)
    with database() as url:
        seed(url, asked.persons)
        ports, clocks = {}, {}
        running = []
        with ended(running):
            server = of_postgres(url)
            for app in ("bare", "service", "gateway"):
                peers = {"attendance": f"http://127.0.0.1:{ports['service']}"} if app == "gateway" else {}
                process, ports[app] = start(app, url, cadres.key, XIANJIE_PEERS=json.dumps(peers))
                running.append(process)
                clocks[app] = {app: of_process(process.pid), "postgres": server}
            clocks["gateway"]["service"] = clocks["service"]["service"]
            asyncio.run(measure(ports, clocks, asked, cadres))


if __name__ == "__main__":
    main()
