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

from embedded.secrets import kept
from embedded.system import System
from shared.db import Database
from shared.migrate import has_database, upgrade
from shared.settings import Settings
from shared.watch import speak
from shared.work import Context
from tests import postgres
from tests.doors import Doors, TestKey

FEW = 1_000
WARM = 5
"""Rounds that are not counted."""
MOST = 2.0
"""What many may cost, of what few cost."""
NOW = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
Fill = Callable[[Context, str, int], Awaitable[str]]
"""Fills a database, by its address, with so many records; one of them, for questions about one."""
Question = tuple[str, str, dict[str, Any]]
"""Who asks, the address (`{one}` stands for the record), and what it is narrowed to."""


@dataclass(frozen=True)
class Sizes:
    """The service at work, and its two databases."""

    service: str
    doors: Doors
    context: Context
    databases: dict[int, Database]


@asynccontextmanager
async def at_two_sizes(service: str, folder: Path, many: int) -> AsyncGenerator[Sizes]:
    """Every service in this process; the one that is measured has a database for each size."""
    urls = {count: f"{postgres.server_url()}/bench_{count}" for count in (FEW, many)}
    for count, url in urls.items():
        postgres.create_database(f"bench_{count}")
        upgrade(service, url)
    secrets, key = kept(folder), TestKey()

    def settings(name: str) -> Settings:
        where = urls[FEW] if name == service else f"sqlite:///{folder / name}.db"
        if name != service and has_database(name):
            upgrade(name, where)
        return Settings.of(name, embedded=True, var=folder, database_url=where, relay=False, **secrets)

    system = System(settings, now=lambda: NOW)
    async with system.running():
        for app in system.apps.values():
            key.join(app.state.context)
        context: Context = system.apps[service].state.context
        few = context.database
        doors = Doors(system.apps, lambda: NOW, key)
        yield Sizes(service, doors, context, {FEW: few, many: Database(urls[many])})
        await doors.close()
        await context.database.close()
        context.database = few


async def _asked(client: httpx.AsyncClient, address: str, params: dict[str, Any]) -> float:
    """Milliseconds of one answer."""
    begun = time.perf_counter()
    answered = await client.get(address, params=params)
    if not answered.is_success:
        raise SystemExit(f"{address} {params}: {answered.status_code} {answered.text}")
    return (time.perf_counter() - begun) * 1000


async def _measured(
    sizes: Sizes, fill: Fill, questions: Mapping[str, Question], rounds: int
) -> dict[str, dict[int, list[float]]]:
    ones, urls = {}, {count: f"{postgres.server_url()}/bench_{count}" for count in sizes.databases}
    for count, database in sizes.databases.items():
        sizes.context.database = database
        begun = time.perf_counter()
        ones[count] = await fill(sizes.context, urls[count], count)
        print(f"{count} {sizes.service} in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    clients = {role: sizes.doors.of(sizes.service).as_(role) for role, _, _ in questions.values()}
    times: dict[str, dict[int, list[float]]] = {
        words: {count: [] for count in sizes.databases} for words in questions
    }
    for _ in range(rounds + WARM):
        for words, (role, address, params) in questions.items():
            for count, database in sizes.databases.items():
                sizes.context.database = database
                took = await _asked(clients[role], address.format(one=ones[count]), params)
                times[words][count].append(took)
    return times


async def _compared(
    service: str, many: int, fill: Fill, questions: Mapping[str, Question], rounds: int
) -> int:
    speak("CRITICAL")
    with tempfile.TemporaryDirectory() as place:
        async with at_two_sizes(service, Path(place), many) as sizes:
            times = await _measured(sizes, fill, questions, rounds)
    slow = 0
    print(f"{'':34}{FEW:>10}{many:>12}   ratio")
    for words, took in times.items():
        small, large = (statistics.median(took[count][WARM:]) for count in (FEW, many))
        ratio = large / small
        slow += ratio > MOST
        print(f"{words:34}{small:>8.1f}ms{large:>10.1f}ms{ratio:>8.2f}{' !' if ratio > MOST else ''}")
    return 1 if slow else 0


def compare(service: str, many: int, fill: Fill, questions: Mapping[str, Question], *, rounds: int) -> int:
    """Print the median milliseconds of every question at both sizes and their ratio; 1 when one is above `MOST`."""
    stop = postgres.start()
    try:
        return asyncio.run(_compared(service, many, fill, questions, rounds))
    finally:
        stop()
