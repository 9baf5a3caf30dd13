"""County workbooks in tests/data/workbooks, each with what a perfect import makes of it (`*.expected.json`)."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data" / "workbooks"
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class CountyWorkbook:
    """One workbook and its truth."""

    path: Path

    @property
    def content(self) -> bytes:
        """The file."""
        return self.path.read_bytes()

    @cached_property
    def truth(self) -> JsonObject:
        """What a perfect import makes of it."""
        truth: JsonObject = json.loads(
            self.path.with_name(f"{self.path.name}.expected.json").read_text("utf-8")
        )
        return truth

    def list_rows(self) -> list[tuple[JsonObject, JsonObject]]:
        """Every data row with its sheet."""
        return [
            (sheet, row)
            for sheet in self.truth["sheets"]
            if sheet["role"] == "data"
            for row in sheet["data_rows"]
        ]

    def list_questions(self, sheet: str, row: int) -> list[JsonObject]:
        """What is to be asked about a row."""
        return [one for one in self.truth["ask"] if one["sheet"] == sheet and one["row"] == row]


def load_workbook(number: str) -> CountyWorkbook:
    """The workbook whose name begins with a number."""
    return CountyWorkbook(next(path for path in sorted(FOLDER.glob(f"{number}_*")) if path.suffix != ".json"))
