"""Data published by 泽库县 about its second batch of 2023, and the region of each project."""

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

DATA_FOLDER = Path(__file__).parent / "data"
REGION_FILE = Path(__file__).parents[2] / "services" / "identity" / "data" / "regions-632323.csv"
COUNTY = "632323000000"
DEPARTMENT = "泽库县农牧水利和科技局"
"""主管部门 of the projects and 单位 of the accounts that act for it."""
XIBUSHA, HERI, WANGJIA = "632323203000", "632323102000", "632323202000"
YEJINMU = "632323202203"


@dataclass(frozen=True)
class PublishedProject:
    """One line of the published distribution table, with the region, category and declarer the library needs."""

    key: str
    region: str
    category: str
    declared_by: str
    """The demo user who declares the project."""
    name: str
    place: str
    amount: str
    """元, two decimals."""
    fund: str
    kind: str
    unit: str
    source: str


@dataclass(frozen=True)
class PublishedBatch:
    """The published announcement that contains the table."""

    name: str
    document_no: str
    total: str
    starts_on: date
    ends_on: date
    hotline: str
    title: str
    source: str


# fmt: off
_PROJECT_PLACES = (
    # key        region    category  declared by
    ("water",    XIBUSHA,  "3.1.4",  "town"),
    ("drinking", HERI,     "3.1.4",  "town"),
    ("wells",    COUNTY,   "3.1.4",  "line"),
    ("economy",  COUNTY,   "1.7.1",  "line"),
    ("fodder",   YEJINMU,  "1.2.2",  "clerk"),
    ("fee",      COUNTY,   "7.1.1",  "line"),
)
# fmt: on


def _read_rows(name: str) -> list[dict[str, str]]:
    with (DATA_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def to_yuan(wan: str) -> str:
    """Convert a published amount in 万元 to 元 with two decimals, the format of the API."""
    return f"{Decimal(wan) * 10_000:.2f}"


def list_projects() -> list[PublishedProject]:
    """List the six projects in the order of the published table."""
    return [
        PublishedProject(
            key=key,
            region=region,
            category=category,
            declared_by=declared_by,
            name=row["project_name"],
            place=row["location"],
            amount=to_yuan(row["amount_wan_yuan"]),
            fund=row["fund_source"],
            kind=row["project_type"],
            unit=row["responsible_unit"],
            source=row["source_url"],
        )
        for (key, region, category, declared_by), row in zip(
            _PROJECT_PLACES, _read_rows("projects.csv"), strict=True
        )
    ]


def get_batch() -> PublishedBatch:
    """Read the announcement."""
    (row,) = _read_rows("allocations.csv")
    return PublishedBatch(
        name=row["batch"],
        document_no=row["document_no"],
        total=to_yuan(row["total_wan_yuan"]),
        starts_on=date.fromisoformat(row["notice_start"]),
        ends_on=date.fromisoformat(row["notice_end"]),
        hotline=row["hotline"],
        title=row["source_title"],
        source=row["source_url"],
    )
