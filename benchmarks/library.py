"""What reading costs with 100,000 projects and 1,000,000 events, against 1,000, through the HTTP door on PostgreSQL.

    make bench BENCH=library               # about three minutes; one line per question and the ratio
    python -m benchmarks.library 20000     # the same with fewer

The few leave most towns without a project of each kind in one year, so the summary of a year answers six times as many
rows with the many; what waits and what is warned of grows with the library, and is counted from indexes of its own.

Projects lie in 444 villages of 37 towns over ten years, 36 of 100 are on their way, each has ten events. The time is
the median of 25 requests to the service in this process, the two sizes asked in turns; a ratio above 2 is marked and
makes the exit code 1. Before anything is timed, the running totals are held against what SQL counts.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.library_data import FEW, fill
from embedded.secrets import kept
from embedded.system import System
from services.projects.summary import repository as live
from services.projects.totals import repository as totals
from services.projects.totals.counting import FIGURES
from services.projects.totals.service import fold
from shared.access import NATION
from shared.db import Database
from shared.migrate import has_database, upgrade
from shared.rules import load
from shared.settings import Settings
from shared.watch import speak
from shared.work import Context
from tests import postgres
from tests.doors import DISTRICT, TOWN, VILLAGE, Doors, TestKey

MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS, WARM = 25, 5
ROOT = Path(__file__).parent.parent
MOST = 2.0
NOW = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
AT = "/projects"

# fmt: off
QUESTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    # what                            who             address                 narrowed to
    "list, newest first":             ("bureau",       AT,                    {}),
    "list, of a town, dearest first": ("bureau",       AT,                    {"region": TOWN, "sort": "-total"}),
    "list, of a year and category":   ("bureau",       AT,                    {"year": 2020, "category": "3.1.4"}),
    "list, of a year and stage":      ("bureau",       AT,                    {"year": 2020, "stage": "completed"}),
    "list, under construction":       ("bureau",       AT,                    {"stage": "under_construction"}),
    "list, from one kind of money":   ("bureau",       AT,                    {"source": "city"}),
    "list, overdue":                  ("bureau",       AT,                    {"overdue": True}),
    "list, blocked":                  ("bureau",       AT,                    {"blocked": True}),
    "list, the clerk's":              ("village_clerk", AT,                   {"year": 2020}),
    "map, a box":                     ("bureau",       AT,                    {"bounds": "102.60,37.60,102.75,37.75"}),
    "search, rare words":             ("bureau",       AT,                    {"q": "黄羊镇三村 冷藏库"}),
    "search, common words":           ("bureau",       AT,                    {"q": "供水"}),
    "search, pinyin initials":        ("bureau",       AT,                    {"q": "rgws"}),
    "inbox, counts of the bureau":    ("bureau",       f"{AT}/inbox/counts",  {}),
    "inbox, counts of a town":        ("town_officer", f"{AT}/inbox/counts",  {}),
    "inbox, the longest waiting":     ("bureau",       f"{AT}/inbox",         {}),
    "inbox, overdue":                 ("bureau",       f"{AT}/inbox",         {"overdue": True}),
    "warnings, counts":               ("bureau",       f"{AT}/warnings",      {}),
    "warnings, late ones":            ("bureau",       f"{AT}/warnings/late", {}),
    "summary of the district":        ("leader",       f"{AT}/summary",       {"region": DISTRICT}),
    "summary of a year":              ("leader",       f"{AT}/summary",       {"region": DISTRICT, "year": 2020}),
    "summary of a village":           ("leader",       f"{AT}/summary",       {"region": VILLAGE}),
    "evaluations, best first":        ("leader",       f"{AT}/evaluations",   {"state": "reviewed"}),
    "one project":                    ("bureau",       f"{AT}/{{one}}",       {}),
    "its history":                    ("auditor",      f"{AT}/{{one}}/history", {}),
    "events, the last page":          ("auditor",      f"{AT}/events",        {"limit": 50}),
}
# fmt: on


async def asked(client: httpx.AsyncClient, address: str, params: dict[str, Any]) -> float:
    """Milliseconds of one answer."""
    begun = time.perf_counter()
    answered = await client.get(address, params=params)
    if not answered.is_success:
        raise SystemExit(f"{address} {params}: {answered.status_code} {answered.text}")
    return (time.perf_counter() - begun) * 1000


async def _in_turns(
    doors: Doors, context: Context, databases: dict[int, Database], ones: dict[int, str]
) -> dict[str, dict[int, list[float]]]:
    clients = {role: doors.of("projects").as_(role) for role, _, _ in QUESTIONS.values()}
    times: dict[str, dict[int, list[float]]] = {words: {FEW: [], MANY: []} for words in QUESTIONS}
    for _ in range(ROUNDS + WARM):
        for words, (role, address, params) in QUESTIONS.items():
            for count, database in databases.items():
                context.database = database
                times[words][count].append(
                    await asked(clients[role], address.format(one=ones[count]), params)
                )
    return times


async def disagreement(context: Context) -> list[str]:
    """Regions whose running totals are not what SQL counts now."""
    found = []
    async with context.database.read() as session:
        work = context.work(session)
        for region in (NATION, DISTRICT, TOWN, VILLAGE):
            for year in (None, 2020):
                names = ("head", "stage", "category", *FIGURES)
                sides = [
                    [tuple(getattr(row, name) for name in names) for row in await one(work, region, year)]
                    for one in (totals.figures, live.summed)
                ]
                if sides[0] != sides[1]:
                    found.append(f"{region} {year or ''}")
    return found


async def _filled(context: Context, url: str, count: int) -> str:
    begun = time.perf_counter()
    one = await asyncio.to_thread(fill, url, count)
    async with context.database.write() as session:
        await load(session, ROOT / "services" / "projects" / "rules", NOW)
    await fold(context)
    if wrong := await disagreement(context):
        raise SystemExit(f"running totals differ from what SQL counts: {', '.join(wrong)}")
    print(f"{count} projects in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return one


async def measured(folder: Path) -> dict[str, tuple[float, float]]:
    """Median milliseconds of every question with few and with many projects, asked in turns so that both see the same load."""
    urls = {count: f"{postgres.server_url()}/bench_{count}" for count in (FEW, MANY)}
    for count, url in urls.items():
        postgres.create_database(f"bench_{count}")
        upgrade("projects", url)
    secrets, key = kept(folder), TestKey()

    def settings(service: str) -> Settings:
        where = urls[FEW] if service == "projects" else f"sqlite:///{folder / service}.db"
        if service != "projects" and has_database(service):
            upgrade(service, where)
        return Settings.of(service, embedded=True, var=folder, database_url=where, relay=False, **secrets)

    system = System(settings, now=lambda: NOW)
    async with system.running():
        for app in system.apps.values():
            key.join(app.state.context)
        context = system.apps["projects"].state.context
        databases = {FEW: context.database, MANY: Database(urls[MANY])}
        ones = {}
        for count, url in urls.items():
            context.database = databases[count]
            ones[count] = await _filled(context, url, count)
        doors = Doors(system.apps, lambda: NOW, key)
        times = await _in_turns(doors, context, databases, ones)
        await doors.close()
        await databases[MANY].close()
        context.database = databases[FEW]
    return {
        words: (statistics.median(found[FEW][WARM:]), statistics.median(found[MANY][WARM:]))
        for words, found in times.items()
    }


async def main() -> int:
    """Both sizes, and the ratio of each question."""
    speak("CRITICAL")
    with tempfile.TemporaryDirectory() as place:
        found = await measured(Path(place))
    slow = 0
    print(f"{'':34}{FEW:>10}{MANY:>12}   ratio")
    for words, (few, many) in found.items():
        ratio = many / few
        slow += ratio > MOST
        print(f"{words:34}{few:>8.1f}ms{many:>10.1f}ms{ratio:>8.2f}{' !' if ratio > MOST else ''}")
    return 1 if slow else 0


if __name__ == "__main__":
    stop = postgres.start()
    try:
        sys.exit(asyncio.run(main()))
    finally:
        stop()
