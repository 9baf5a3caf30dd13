"""Batches as counties really published them: see the source columns of the files in tests/funds/data."""

import csv
from dataclasses import dataclass
from pathlib import Path

from shared.money import from_wan

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Batch:
    """A published batch and its lines."""

    county: str
    year: int
    name: str
    document_no: str
    total: int
    rows: tuple[dict[str, str], ...]

    @property
    def amounts(self) -> list[int]:
        """分 of each line."""
        return [from_wan(row["amount_wan_yuan"]) for row in self.rows]


def _read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def batch(county: str) -> Batch:
    """The batch of a county with its lines; each county here has one."""
    head = next(row for row in _read("published_allocations.csv") if row["county"] == county)
    rows = tuple(row for row in _read("published_projects.csv") if row["batch"] == head["batch"])
    return Batch(
        county, int(head["year"]), head["batch"], head["document_no"], from_wan(head["total_wan_yuan"]), rows
    )


ZEKU, BEITA, DACHUAN = "泽库县", "北塔区", "达州市达川区"
