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

from benchmarks.check_in_load import (
    CHECK_INS_PATH,
    Cadres,
    CpuClocks,
    HttpConnection,
    Measurement,
    create_database,
    get_postgres_clock,
    get_process_clock,
    measure_rate,
    seed_database,
    start_app,
    terminate_on_exit,
)

PATH_OF_APP = {"bare": "/check-ins", "service": CHECK_INS_PATH, "gateway": CHECK_INS_PATH}


async def measure_batches(
    port: int, seconds: float, cadres: Cadres, clocks: CpuClocks
) -> tuple[float, float]:
    """Items a second in calls of 500, and CPU-milliseconds of the service per item."""
    line, items, end = HttpConnection(port, CHECK_INS_PATH), 0, time.perf_counter() + seconds
    await line.open()
    spent, before = 0.0, clocks["service"]()
    while time.perf_counter() < end:
        who = items // 500 % len(cadres.tokens)
        body = json.dumps({"items": [cadres.build_check_in(who) for _ in range(500)]}).encode()
        begun = time.perf_counter()
        await line.post(body, cadres.tokens[who])
        spent += time.perf_counter() - begun
        items += 500
    line.writer.close()
    return items / spent, (clocks["service"]() - before) / items


def _get_median_round(rounds: list[Measurement]) -> Measurement:
    parts = rounds[0].cpu_ms
    return Measurement(
        statistics.median(one.rate for one in rounds),
        statistics.median(one.p99_ms for one in rounds),
        {name: statistics.median(one.cpu_ms[name] for one in rounds) for name in parts},
    )


async def measure_apps(
    ports: dict[str, int], clocks: dict[str, CpuClocks], asked: argparse.Namespace, cadres: Cadres
) -> None:
    for name, port in ports.items():
        await measure_rate(port, PATH_OF_APP[name], 16, asked.warm, cadres, clocks[name])
    for connections in asked.connections:
        found: dict[str, list[Measurement]] = {name: [] for name in ports}
        for _ in range(asked.rounds):
            for name, port in ports.items():
                found[name].append(
                    await measure_rate(
                        port, PATH_OF_APP[name], connections, asked.seconds, cadres, clocks[name]
                    )
                )
        middle = {name: _get_median_round(rows) for name, rows in found.items()}
        for name, one in middle.items():
            spent = ", ".join(f"{part} {ms:.2f}" for part, ms in one.cpu_ms.items())
            print(
                f"{connections:3} connections, {name:8} {one.rate:6.0f}/s, p99 {one.p99_ms:6.1f} ms, of bare"
                f" {one.rate / middle['bare'].rate:.2f}; CPU-ms each: {spent}",
                flush=True,
            )
    rate, spent_ms = await measure_batches(ports["service"], asked.seconds, cadres, clocks["service"])
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
    with create_database() as url:
        seed_database(url, asked.persons)
        ports, clocks = {}, {}
        running = []
        with terminate_on_exit(running):
            server = get_postgres_clock(url)
            for app in ("bare", "service", "gateway"):
                peers = {"attendance": f"http://127.0.0.1:{ports['service']}"} if app == "gateway" else {}
                process, ports[app] = start_app(app, url, cadres.key, XIANJIE_PEERS=json.dumps(peers))
                running.append(process)
                clocks[app] = {app: get_process_clock(process.pid), "postgres": server}
            clocks["gateway"]["service"] = clocks["service"]["service"]
            asyncio.run(measure_apps(ports, clocks, asked, cadres))


if __name__ == "__main__":
    main()
