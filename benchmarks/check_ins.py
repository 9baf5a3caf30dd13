"""Measures check-ins per second, relative to a minimal FastAPI + asyncpg endpoint that inserts the same row.

    python -m benchmarks.check_ins                    # service and door, 1, 16 and 64 connections, batches of 500
    python -m benchmarks.check_ins --seconds 5 --rounds 3

The minimal endpoint reads the same body and writes the same row with one INSERT: no token, no fence, no event log. The
service is one process, Caddy another in front of it. They are measured one after the other on one
PostgreSQL (fsync on), with the load from this process: thousands of persons in forty villages check in in turn, each
with their own device. The output contains the CPU time per request of each part, which hardly depends on other load.
--alone stops the background tasks (days, audit chain, relay) while it measures.
--strangers disables the token cache, as on a morning when everybody checks in once.
"""

import argparse
import asyncio
import json
import os
import statistics
import time

from benchmarks.check_in_apps import TOKEN_CACHE_SIZE_VARIABLE
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
from benchmarks.gateway import start_door

PATH_OF_APP = {"bare": "/check-ins", "service": CHECK_INS_PATH, "door": CHECK_INS_PATH}


async def measure_batches(
    port: int, seconds: float, cadres: Cadres, clocks: CpuClocks
) -> tuple[float, float]:
    """Measure items per second in batches of 500, and CPU-milliseconds of the service per item."""
    connection, items, end = HttpConnection(port, CHECK_INS_PATH), 0, time.perf_counter() + seconds
    await connection.open()
    elapsed_s, before = 0.0, clocks["service"]()
    while time.perf_counter() < end:
        person = items // 500 % len(cadres.tokens)
        body = json.dumps({"items": [cadres.build_check_in(person) for _ in range(500)]}).encode()
        began = time.perf_counter()
        await connection.post(body, cadres.tokens[person])
        elapsed_s += time.perf_counter() - began
        items += 500
    connection.writer.close()
    return items / elapsed_s, (clocks["service"]() - before) / items


def _get_median_round(rounds: list[Measurement]) -> Measurement:
    parts = rounds[0].cpu_ms
    return Measurement(
        statistics.median(measurement.rate for measurement in rounds),
        statistics.median(measurement.p99_ms for measurement in rounds),
        {name: statistics.median(measurement.cpu_ms[name] for measurement in rounds) for name in parts},
    )


async def measure_apps(
    ports: dict[str, int], clocks: dict[str, CpuClocks], options: argparse.Namespace, cadres: Cadres
) -> None:
    for name, port in ports.items():
        await measure_rate(port, PATH_OF_APP[name], 16, options.warm, cadres, clocks[name])
    for connections in options.connections:
        rounds: dict[str, list[Measurement]] = {name: [] for name in ports}
        for _ in range(options.rounds):
            for name, port in ports.items():
                rounds[name].append(
                    await measure_rate(
                        port, PATH_OF_APP[name], connections, options.seconds, cadres, clocks[name]
                    )
                )
        medians = {name: _get_median_round(measurements) for name, measurements in rounds.items()}
        for name, median in medians.items():
            cpu_costs = ", ".join(f"{part} {ms:.2f}" for part, ms in median.cpu_ms.items())
            print(
                f"{connections:3} connections, {name:8} {median.rate:6.0f}/s, p99 {median.p99_ms:6.1f} ms, of bare"
                f" {median.rate / medians['bare'].rate:.2f}; CPU-ms each: {cpu_costs}",
                flush=True,
            )
    rate, cpu_ms = await measure_batches(ports["service"], options.seconds, cadres, clocks["service"])
    print(f"batches of 500: {rate:,.0f} items/s, {cpu_ms:.3f} CPU-ms each")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--warm", type=float, default=2.5)
    parser.add_argument("--persons", type=int, default=5000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--alone", action="store_true", help="without background tasks")
    parser.add_argument("--strangers", action="store_true", help="no token is cached")
    options = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "false" if options.alone else "true"
    if options.strangers:
        os.environ[TOKEN_CACHE_SIZE_VARIABLE] = "1"
    cadres = Cadres(options.persons)
    with create_database() as url:
        seed_database(url, options.persons)
        ports, clocks = {}, {}
        running = []
        with terminate_on_exit(running):
            postgres_clock = get_postgres_clock(url)
            for app in ("bare", "service"):
                process, ports[app] = start_app(app, url, cadres.key)
                running.append(process)
                clocks[app] = {app: get_process_clock(process.pid), "postgres": postgres_clock}
            process, ports["door"] = start_door({"attendance": ports["service"]})
            running.append(process)
            clocks["door"] = {
                "door": get_process_clock(process.pid),
                "service": clocks["service"]["service"],
                "postgres": postgres_clock,
            }
            asyncio.run(measure_apps(ports, clocks, options, cadres))


if __name__ == "__main__":
    main()
