"""The security tables have every requirement of their standard, each with a proof that exists or a written exception."""

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LETTERS = "abcdefg"
GB_T_22239_LEVEL_3 = {
    "8.1.2.1": 5, "8.1.2.2": 2, "8.1.2.3": 0,
    "8.1.3.1": 4, "8.1.3.2": 5, "8.1.3.3": 4, "8.1.3.4": 2, "8.1.3.5": 4, "8.1.3.6": 0,
    "8.1.4.1": 4, "8.1.4.2": 7, "8.1.4.3": 4, "8.1.4.4": 6, "8.1.4.5": 0, "8.1.4.6": 0, "8.1.4.7": 2,
    "8.1.4.8": 2, "8.1.4.9": 3, "8.1.4.10": 2, "8.1.4.11": 2,
    "8.1.5.1": 2, "8.1.5.2": 2, "8.1.5.3": 2, "8.1.5.4": 6,
}  # fmt: skip
"""Control points of 安全通信网络, 安全区域边界, 安全计算环境, 安全管理中心, and how many lettered items each has."""


def read_table(path: str) -> list[dict[str, str]]:
    """The rows of a table of the repository."""
    with (ROOT / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_every_requirement_of_asvs_up_to_level_2() -> None:
    wanted = {(row["requirement"], row["level"]) for row in read_table("tests/data/asvs-5.0.0.csv")}
    found = [(row["requirement"], row["level"]) for row in read_table("docs/security/asvs.csv")]

    assert len(wanted) == 253
    assert set(found) == wanted
    assert len(found) == len(wanted)


def test_the_table_has_every_control_point_of_the_national_standard() -> None:
    wanted = [
        f"{point} {letter}".strip()
        for point, count in GB_T_22239_LEVEL_3.items()
        for letter in LETTERS[:count] or [""]
    ]

    assert [row["requirement"] for row in read_table("docs/security/dengbao.csv")] == wanted


@pytest.mark.parametrize("name", ["asvs", "dengbao"])
def test_every_requirement_has_a_proof_or_an_exception(name: str) -> None:
    rows = read_table(f"docs/security/{name}.csv")
    wrong = [
        row["requirement"]
        for row in rows
        if None in row.values() or None in row or not all(row.values()) or not _is_proven(row["proof"])
    ]

    assert wrong == []


def _is_proven(proof: str) -> bool:
    kind, _, reason = proof.partition(": ")
    if kind in {"exception", "例外"}:
        return bool(reason)
    path, _, test = proof.partition("::")
    target = ROOT / path
    return target.exists() and (not test or f"def {test}(" in target.read_text("utf-8"))
