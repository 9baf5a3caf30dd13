"""Batches as published by counties; the source columns of the files in tests/funds/data name the pages."""

import csv
from dataclasses import dataclass
from pathlib import Path

from shared.china import parse_wan_cell

DATA_FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class PublishedBatch:
    """A published batch and its lines."""

    county: str
    year: int
    name: str
    document_no: str
    total: int
    rows: tuple[dict[str, str], ...]

    @property
    def amounts(self) -> list[int]:
        """Amount of each line in 分."""
        return [parse_wan_cell(row["amount_wan_yuan"]) for row in self.rows]


def _read_csv(name: str) -> list[dict[str, str]]:
    with (DATA_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def get_batch(county: str) -> PublishedBatch:
    """Read the batch of a county with its lines."""
    head = next(row for row in _read_csv("published_allocations.csv") if row["county"] == county)
    rows = tuple(row for row in _read_csv("published_projects.csv") if row["batch"] == head["batch"])
    return PublishedBatch(
        county,
        int(head["year"]),
        head["batch"],
        head["document_no"],
        parse_wan_cell(head["total_wan_yuan"]),
        rows,
    )


ZEKU, BEITA, DACHUAN = "泽库县", "北塔区", "达州市达川区"
