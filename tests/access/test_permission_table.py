"""The whole access table against permissions.csv, which is written from the requirement, with a source for each cell.

A service may keep its rows beside its tests: tests/<service>/permissions.csv.
`status`: settled by its source; `open` where no source proves it, and then the least right stands.
"""

import csv
from collections import Counter
from pathlib import Path

from shared.auth import ROLES, May, Role
from shared.auth.permissions import Reach

CSV_PATHS = sorted(Path(__file__).parents[1].glob("*/permissions.csv"))
WORDS = {Reach.BELOW: "below", Reach.SELF: "own", Reach.ALL: "all"}


def read_rows() -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for path in CSV_PATHS:
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def test_each_role_has_each_permission_as_far_as_its_source_says() -> None:
    wrong = []
    for row in read_rows():
        reach = ROLES[Role(row["role"])].get(May(row["permission"]))
        found = WORDS[reach] if reach else "no"
        if found != row["reach"]:
            wrong.append(f"{row['role']} {row['permission']}: {found}, not {row['reach']} ({row['source']})")

    assert not wrong, "\n".join(["", *wrong])


def test_every_cell_of_the_table_has_exactly_one_row_with_a_source_and_a_reason() -> None:
    rows = read_rows()
    cells = Counter((row["permission"], row["role"]) for row in rows)

    assert cells == Counter((may.value, role.value) for may in May for role in Role)
    assert {row["status"] for row in rows} == {"settled", "open"}
    assert not [row for row in rows if not row["source"] or not row["why"]]
