"""Compares read latency of the project library with 100,000 and 1,000 projects, over HTTP on PostgreSQL.

    make bench BENCH=library               # about three minutes; one line per request and the ratio
    python -m benchmarks.library 20000     # the same with fewer projects

Projects lie in 444 villages of 37 towns over ten years; 36 % are in progress; each has ten events. The time is the
median of 25 requests to the service in this process, alternating between the two sizes. A ratio above 2 is marked and
makes the exit code 1. The running totals are compared with SQL counts before the measurement.

With 1,000 projects most towns lack some kinds of project in a year, so the summary of a year has six times as many rows
with 100,000. To-dos and alerts grow with the library and are counted from indexes of their own.
"""

import asyncio
import sys
from pathlib import Path

from benchmarks.library_data import fill_database
from benchmarks.size_comparison import NOW, Question, compare_sizes
from services.projects.summary import repository as summaries
from services.projects.summary.models import FIGURE_COLUMNS
from services.projects.summary.service import fold_totals
from shared.auth import NATION_CODE
from shared.rules import load_rule_files
from shared.unit_of_work import ServiceContext
from tests.clients import DISTRICT, TOWN, VILLAGE

PROJECT_COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROOT = Path(__file__).parent.parent
PROJECTS_PATH = "/projects"

# fmt: off
QUESTIONS: dict[str, Question] = {
    # name                             role             path                                query
    "list, newest first":             ("bureau",        PROJECTS_PATH,                      {}),
    "list, of a town, dearest first": ("bureau",        PROJECTS_PATH,                      {"region": TOWN, "sort": "-total"}),
    "list, of a year and category":   ("bureau",        PROJECTS_PATH,                      {"year": 2020, "category": "3.1.4"}),
    "list, of a year and stage":      ("bureau",        PROJECTS_PATH,                      {"year": 2020, "stage": "completed"}),
    "list, under construction":       ("bureau",        PROJECTS_PATH,                      {"stage": "under_construction"}),
    "list, from one kind of money":   ("bureau",        PROJECTS_PATH,                      {"source": "city"}),
    "list, overdue":                  ("bureau",        PROJECTS_PATH,                      {"overdue": True}),
    "list, blocked":                  ("bureau",        PROJECTS_PATH,                      {"blocked": True}),
    "list, the clerk's":              ("village_clerk", PROJECTS_PATH,                      {"year": 2020}),
    "map, a box":                     ("bureau",        PROJECTS_PATH,                      {"bounds": "102.60,37.60,102.75,37.75"}),
    "search, rare words":             ("bureau",        PROJECTS_PATH,                      {"q": "黄羊镇三村 冷藏库"}),
    "search, common words":           ("bureau",        PROJECTS_PATH,                      {"q": "供水"}),
    "search, pinyin initials":        ("bureau",        PROJECTS_PATH,                      {"q": "rgws"}),
    "inbox, counts of the bureau":    ("bureau",        f"{PROJECTS_PATH}/inbox/counts",    {}),
    "inbox, counts of a town":        ("town_officer",  f"{PROJECTS_PATH}/inbox/counts",    {}),
    "inbox, the longest waiting":     ("bureau",        f"{PROJECTS_PATH}/inbox",           {}),
    "inbox, overdue":                 ("bureau",        f"{PROJECTS_PATH}/inbox",           {"overdue": True}),
    "warnings, counts":               ("bureau",        f"{PROJECTS_PATH}/warnings",        {}),
    "warnings, late ones":            ("bureau",        f"{PROJECTS_PATH}/warnings/late",   {}),
    "summary of the district":        ("leader",        f"{PROJECTS_PATH}/summary",         {"region": DISTRICT}),
    "summary of a year":              ("leader",        f"{PROJECTS_PATH}/summary",         {"region": DISTRICT, "year": 2020}),
    "summary of a village":           ("leader",        f"{PROJECTS_PATH}/summary",         {"region": VILLAGE}),
    "evaluations, best first":        ("leader",        f"{PROJECTS_PATH}/evaluations",     {"state": "reviewed"}),
    "one project":                    ("bureau",        f"{PROJECTS_PATH}/{{one}}",         {}),
    "its history":                    ("auditor",       f"{PROJECTS_PATH}/{{one}}/history", {}),
    "events, the last page":          ("auditor",       f"{PROJECTS_PATH}/events",          {"limit": 50}),
}
# fmt: on


async def find_total_differences(context: ServiceContext) -> list[str]:
    """Find regions and years whose running totals differ from the counts by SQL."""
    differences = []
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        for region in (NATION_CODE, DISTRICT, TOWN, VILLAGE):
            for year in (None, 2020):
                names = ("head", "stage", "category", *FIGURE_COLUMNS)
                sides = [
                    [tuple(getattr(row, name) for name in names) for row in await query(work, region, year)]
                    for query in (summaries.sum_totals, summaries.sum_projects)
                ]
                if sides[0] != sides[1]:
                    differences.append(f"{region} {year or ''}")
    return differences


async def _prepare_database(context: ServiceContext, url: str, count: int) -> str:
    sample_id = await asyncio.to_thread(fill_database, url, count)
    async with context.database.write() as session:
        await load_rule_files(session, ROOT / "services" / "projects" / "rules", NOW)
    await fold_totals(context)
    if differences := await find_total_differences(context):
        raise SystemExit(f"running totals differ from what SQL counts: {', '.join(differences)}")
    return sample_id


if __name__ == "__main__":
    sys.exit(compare_sizes("projects", PROJECT_COUNT, _prepare_database, QUESTIONS, rounds=25))
