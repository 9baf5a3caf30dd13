"""`make bench BENCH=province`: pages of a district with 100 districts on one PostgreSQL server against the district alone.

Each district has 1,000 projects with ten events each. The answers are of one district in both cases: what the others have must
not be felt. One line per request with the median of 25 and the ratio; a ratio above 2 is marked and makes the exit code 1.
"""

import asyncio
import sys
from pathlib import Path

from benchmarks.library_data import fill_database
from benchmarks.size_comparison import FEW_COUNT, NOW, Question, compare_sizes
from services.projects.summary.service import fold_totals
from shared.rules import load_rule_files
from shared.unit_of_work import ServiceContext
from tests.clients import DISTRICT, TOWN

DISTRICTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
ROOT = Path(__file__).parent.parent

# fmt: off
QUESTIONS: dict[str, Question] = {
    "list, newest first":        ("bureau",        "/projects",                  {}),
    "list, of a town":           ("town_officer",  "/projects",                  {"region": TOWN}),
    "list, of a year and stage": ("bureau",        "/projects",                  {"year": 2020, "stage": "completed"}),
    "search":                    ("bureau",        "/projects",                  {"q": "黄羊镇三村 冷藏库"}),
    "home, the service's part":  ("bureau",        "http://test/internal/worklist", {}),
    "inbox, counts":             ("bureau",        "/projects/inbox/counts",     {}),
    "warnings, counts":          ("bureau",        "/projects/warnings",         {}),
    "summary of the district":   ("leader",        "/projects/summary",          {"region": DISTRICT}),
    "summary of a year":         ("leader",        "/projects/summary",          {"region": DISTRICT, "year": 2020}),
    "one project":               ("bureau",        "/projects/{one}",            {}),
}
# fmt: on


async def _prepare_database(context: ServiceContext, url: str, count: int) -> str:
    sample_id = await asyncio.to_thread(fill_database, url, count, districts=count // FEW_COUNT)
    async with context.database.write() as session:
        await load_rule_files(session, ROOT / "services" / "projects" / "rules", NOW)
    await fold_totals(context)
    return sample_id


if __name__ == "__main__":
    sys.exit(compare_sizes("projects", DISTRICTS * FEW_COUNT, _prepare_database, QUESTIONS, rounds=25))
