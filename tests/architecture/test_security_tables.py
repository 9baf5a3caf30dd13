"""Every row of the security tables names a proof that exists, or a written exception."""

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_MET = {"no", "否"}


@pytest.mark.parametrize("name", ["asvs", "dengbao"])
def test_every_requirement_has_a_proof_or_an_exception(name: str) -> None:
    with (ROOT / "docs" / "security" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [
        row["requirement"]
        for row in rows
        if None in row.values() or None in row or not (_is_proven(row["proof"]) or row["applies"] in NOT_MET)
    ]

    assert len(rows) > 25
    assert len({row["requirement"] for row in rows}) == len(rows)
    assert wrong == []


def _is_proven(proof: str) -> bool:
    if proof.startswith(("exception", "例外")):
        return True
    path, _, test = proof.partition("::")
    target = ROOT / path
    return bool(path) and target.exists() and (not test or f"def {test}(" in target.read_text("utf-8"))
