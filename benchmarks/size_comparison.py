"""Compares read latency of a service with few and with many records on one PostgreSQL server.

Requests alternate between the two sizes, so that other load on the machine affects both alike.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import System, list_services
from shared.app import configure_logging
from shared.db import Database
from shared.db.migrate import has_database, upgrade_database
from shared.settings import Settings
from shared.unit_of_work import ServiceContext
from tests import postgres
from tests.clients import SystemUnderTest, TestKey

FEW_COUNT = 1_000
WARM_UP_ROUNDS = 5
"""Rounds that are not measured."""
MAX_RATIO = 2.0
"""Accepted ratio of the latency with many records to that with few."""
NOW = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
Fill = Callable[[ServiceContext, str, int], Awaitable[str]]
"""Fills the database at a URL with a number of records; returns the id of a sample record."""
Question = tuple[str, str, dict[str, Any]]
"""Role, path (`{one}` is replaced by the sample record's id), and query parameters of a request."""


@dataclass(frozen=True)
class ServiceAtTwoSizes:
    """A running service and its two databases, by number of records."""

    service: str
    system: SystemUnderTest
    context: ServiceContext
    databases: dict[int, Database]


@asynccontextmanager
async def start_at_two_sizes(service: str, folder: Path, many: int) -> AsyncGenerator[ServiceAtTwoSizes]:
    """Start every service in this process, with a database for each size of the measured one."""
    urls = {count: f"{postgres.get_server_url()}/bench_{count}" for count in (FEW_COUNT, many)}
    for count, url in urls.items():
        postgres.create_database(f"bench_{count}")
        upgrade_database(service, url)
    secrets, key = load_or_create_secrets(folder), TestKey()
    service_keys = create_service_keys(list_services())

    def settings(name: str) -> Settings:
        database_url = urls[FEW_COUNT] if name == service else f"sqlite:///{folder / name}.db"
        if name != service and has_database(name):
            upgrade_database(name, database_url)
        return Settings.load(
            name,
            embedded=True,
            var=folder,
            database_url=database_url,
            relay=False,
            **secrets,
            **service_keys[name],
        )

    system = System(settings, now=lambda: NOW)
    async with system.lifespan():
        for app in system.apps.values():
            key.add_to_verifier(app.state.context)
        context: ServiceContext = system.apps[service].state.context
        small_database = context.database
        clients = SystemUnderTest(system.apps, lambda: NOW, key)
        databases = {FEW_COUNT: small_database, many: Database(urls[many])}
        yield ServiceAtTwoSizes(service, clients, context, databases)
        await clients.close()
        await context.database.close()
        context.database = small_database


async def _measure_request(client: httpx.AsyncClient, address: str, params: dict[str, Any]) -> float:
    """Latency of one request, milliseconds."""
    began = time.perf_counter()
    answer = await client.get(address, params=params)
    if not answer.is_success:
        raise SystemExit(f"{address} {params}: {answer.status_code} {answer.text}")
    return (time.perf_counter() - began) * 1000


async def _measure_questions(
    sizes: ServiceAtTwoSizes, fill: Fill, questions: Mapping[str, Question], rounds: int
) -> dict[str, dict[int, list[float]]]:
    sample_ids, urls = {}, {count: f"{postgres.get_server_url()}/bench_{count}" for count in sizes.databases}
    for count, database in sizes.databases.items():
        sizes.context.database = database
        began = time.perf_counter()
        sample_ids[count] = await fill(sizes.context, urls[count], count)
        print(f"{count} {sizes.service} in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    clients = {role: sizes.system.service(sizes.service).client_as(role) for role, _, _ in questions.values()}
    times: dict[str, dict[int, list[float]]] = {
        title: {count: [] for count in sizes.databases} for title in questions
    }
    for _ in range(rounds + WARM_UP_ROUNDS):
        for title, (role, address, params) in questions.items():
            for count, database in sizes.databases.items():
                sizes.context.database = database
                path = address.format(one=sample_ids[count])
                times[title][count].append(await _measure_request(clients[role], path, params))
    return times


async def _run_comparison(
    service: str, many: int, fill: Fill, questions: Mapping[str, Question], rounds: int
) -> int:
    configure_logging("CRITICAL")
    with tempfile.TemporaryDirectory() as folder:
        async with start_at_two_sizes(service, Path(folder), many) as sizes:
            times = await _measure_questions(sizes, fill, questions, rounds)
    slow = 0
    print(f"{'':34}{FEW_COUNT:>10}{many:>12}   ratio")
    for title, times_of_size in times.items():
        small, large = (
            statistics.median(times_of_size[count][WARM_UP_ROUNDS:]) for count in (FEW_COUNT, many)
        )
        ratio = large / small
        slow += ratio > MAX_RATIO
        print(f"{title:34}{small:>8.1f}ms{large:>10.1f}ms{ratio:>8.2f}{' !' if ratio > MAX_RATIO else ''}")
    return 1 if slow else 0


def compare_sizes(
    service: str, many: int, fill: Fill, questions: Mapping[str, Question], *, rounds: int
) -> int:
    """Print the median latency of every request at both sizes and their ratio; returns 1 when one exceeds MAX_RATIO."""
    stop = postgres.start_server()
    try:
        return asyncio.run(_run_comparison(service, many, fill, questions, rounds))
    finally:
        stop()
