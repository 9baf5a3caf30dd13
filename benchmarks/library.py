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
import sys
from pathlib import Path

from benchmarks.library_data import fill
from benchmarks.two_sizes import NOW, Question, compare
from services.projects.summary import repository as live
from services.projects.totals import repository as totals
from services.projects.totals.counting import FIGURES
from services.projects.totals.service import fold
from shared.access import NATION
from shared.rules import load
from shared.work import Context
from tests.doors import DISTRICT, TOWN, VILLAGE

MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROOT = Path(__file__).parent.parent
AT = "/projects"

# fmt: off
QUESTIONS: dict[str, Question] = {
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
    one = await asyncio.to_thread(fill, url, count)
    async with context.database.write() as session:
        await load(session, ROOT / "services" / "projects" / "rules", NOW)
    await fold(context)
    if wrong := await disagreement(context):
        raise SystemExit(f"running totals differ from what SQL counts: {', '.join(wrong)}")
    return one


if __name__ == "__main__":
    sys.exit(compare("projects", MANY, _filled, QUESTIONS, rounds=25))
