"""One service with few and with many records, on one PostgreSQL, asked in turns so that both see the same load."""

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

from embedded.run_secrets import load_or_create_secrets
from embedded.system import System
from shared.app import configure_logging
from shared.db import Database
from shared.db.migrate import has_database, upgrade_database
from shared.settings import Settings
from shared.unit_of_work import ServiceContext
from tests import postgres
from tests.clients import SystemUnderTest, TestKey

FEW_COUNT = 1_000
WARM_UP_ROUNDS = 5
"""Rounds that are not counted."""
MAX_RATIO = 2.0
"""What many may cost, of what few cost."""
NOW = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
Fill = Callable[[ServiceContext, str, int], Awaitable[str]]
"""Fills a database, by its address, with so many records; one of them, for questions about one."""
Question = tuple[str, str, dict[str, Any]]
"""Who asks, the address (`{one}` stands for the record), and what it is narrowed to."""


@dataclass(frozen=True)
class ServiceAtTwoSizes:
    """The service at work, and its two databases."""

    service: str
    doors: SystemUnderTest
    context: ServiceContext
    databases: dict[int, Database]


@asynccontextmanager
async def start_at_two_sizes(service: str, folder: Path, many: int) -> AsyncGenerator[ServiceAtTwoSizes]:
    """Every service in this process; the one that is measured has a database for each size."""
    urls = {count: f"{postgres.get_server_url()}/bench_{count}" for count in (FEW_COUNT, many)}
    for count, url in urls.items():
        postgres.create_database(f"bench_{count}")
        upgrade_database(service, url)
    secrets, key = load_or_create_secrets(folder), TestKey()

    def settings(name: str) -> Settings:
        where = urls[FEW_COUNT] if name == service else f"sqlite:///{folder / name}.db"
        if name != service and has_database(name):
            upgrade_database(name, where)
        return Settings.load(name, embedded=True, var=folder, database_url=where, relay=False, **secrets)

    system = System(settings, now=lambda: NOW)
    async with system.lifespan():
        for app in system.apps.values():
            key.add_to_verifier(app.state.context)
        context: ServiceContext = system.apps[service].state.context
        few = context.database
        doors = SystemUnderTest(system.apps, lambda: NOW, key)
        yield ServiceAtTwoSizes(service, doors, context, {FEW_COUNT: few, many: Database(urls[many])})
        await doors.close()
        await context.database.close()
        context.database = few


async def _measure_request(client: httpx.AsyncClient, address: str, params: dict[str, Any]) -> float:
    """Milliseconds of one answer."""
    begun = time.perf_counter()
    answered = await client.get(address, params=params)
    if not answered.is_success:
        raise SystemExit(f"{address} {params}: {answered.status_code} {answered.text}")
    return (time.perf_counter() - begun) * 1000


async def _measure_questions(
    sizes: ServiceAtTwoSizes, fill: Fill, questions: Mapping[str, Question], rounds: int
) -> dict[str, dict[int, list[float]]]:
    ones, urls = {}, {count: f"{postgres.get_server_url()}/bench_{count}" for count in sizes.databases}
    for count, database in sizes.databases.items():
        sizes.context.database = database
        begun = time.perf_counter()
        ones[count] = await fill(sizes.context, urls[count], count)
        print(f"{count} {sizes.service} in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    clients = {role: sizes.doors.service(sizes.service).client_as(role) for role, _, _ in questions.values()}
    times: dict[str, dict[int, list[float]]] = {
        words: {count: [] for count in sizes.databases} for words in questions
    }
    for _ in range(rounds + WARM_UP_ROUNDS):
        for words, (role, address, params) in questions.items():
            for count, database in sizes.databases.items():
                sizes.context.database = database
                took = await _measure_request(clients[role], address.format(one=ones[count]), params)
                times[words][count].append(took)
    return times


async def _run_comparison(
    service: str, many: int, fill: Fill, questions: Mapping[str, Question], rounds: int
) -> int:
    configure_logging("CRITICAL")
    with tempfile.TemporaryDirectory() as place:
        async with start_at_two_sizes(service, Path(place), many) as sizes:
            times = await _measure_questions(sizes, fill, questions, rounds)
    slow = 0
    print(f"{'':34}{FEW_COUNT:>10}{many:>12}   ratio")
    for words, took in times.items():
        small, large = (statistics.median(took[count][WARM_UP_ROUNDS:]) for count in (FEW_COUNT, many))
        ratio = large / small
        slow += ratio > MAX_RATIO
        print(f"{words:34}{small:>8.1f}ms{large:>10.1f}ms{ratio:>8.2f}{' !' if ratio > MAX_RATIO else ''}")
    return 1 if slow else 0


def compare_sizes(
    service: str, many: int, fill: Fill, questions: Mapping[str, Question], *, rounds: int
) -> int:
    """Print the median milliseconds of every question at both sizes and their ratio; 1 when one is above `MOST`."""
    stop = postgres.start_server()
    try:
        return asyncio.run(_run_comparison(service, many, fill, questions, rounds))
    finally:
        stop()
