"""What is read from a file: sheets of cells, as they pass from the reading process to the service."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

Merge = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class RawTable:
    """One sheet as it was uploaded: its cells, and the ranges that are merged in it."""

    name: str
    grid: list[list[Any]]
    merges: list[Merge] = field(default_factory=list)
    visible: bool = True


@dataclass(slots=True)
class RawWorkbook:
    """The sheets of a file and what else is to be said about it."""

    tables: list[RawTable]
    notes: list[str] = field(default_factory=list)
    counts_from_1904: bool = False

    def to_json(self) -> dict[str, Any]:
        """The workbook as the parent process reads it; dates become tagged values."""
        return {
            "tables": [
                {
                    "name": table.name,
                    "visible": table.visible,
                    "merges": table.merges,
                    "grid": [[_to_json_cell(cell) for cell in row] for row in table.grid],
                }
                for table in self.tables
            ],
            "notes": self.notes,
            "counts_from_1904": self.counts_from_1904,
        }


def _to_json_cell(cell: Any) -> Any:  # noqa: ANN401 - whatever a reader makes of a cell
    if cell is None or isinstance(cell, str | bool | int | float):
        return "" if cell is None else cell
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, time):
        return {"time": cell.isoformat()}
    return {"seconds": cell.total_seconds()} if isinstance(cell, timedelta) else str(cell)
