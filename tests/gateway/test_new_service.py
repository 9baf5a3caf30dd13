"""`make new-service`: in a copy of the tree, a service that starts, is ready, migrates, passes its own test."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.new_service import make
from shared.settings import CannotStart

ROOT = Path(__file__).parents[2]
PARTS = (
    "shared",
    "services",
    "embedded",
    "tests",
    "deploy",
    "docs",
    "benchmarks",
    "requirements",
    "pyproject.toml",
    "Makefile",
)
CHANGED = {"shared/wire.py", "shared/permissions.py", "deploy/docker-compose.yml"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository."""
    made = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, made / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, made / part)
    return made


def contents(tree: Path) -> dict[str, bytes]:
    paths = [path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths if not path.name.startswith(".")}


def run(tree: Path, *arguments: str) -> str:
    """A module's output, run in the tree; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.timeout(900)
def test_a_new_service_starts_migrates_passes_its_test_and_the_rules_of_the_house(tree: Path) -> None:
    before = contents(tree)
    told = run(tree, "embedded.new_service", "monitoring", "--label", "监测").split()
    after = contents(tree)
    new = set(after) - set(before)
    assert {path for path in before if before[path] != after.get(path)} == CHANGED
    assert {path.split("/")[1] for path in new} == {"monitoring", "contracts"}
    assert set(told) == new | CHANGED
    assert "services/monitoring/migrations/0001_start.py" in new

    run(tree, "ruff", "check", "--quiet", "services/monitoring", "tests/monitoring", "shared")
    run(
        tree,
        "ruff",
        "format",
        "--check",
        "--quiet",
        "services/monitoring",
        "tests/monitoring",
        "shared/contracts",
    )
    run(tree, "docs.generate")
    run(
        tree,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/monitoring",
        "tests/architecture",
        "tests/gateway/test_deploy.py",
        "-k",
        "monitoring or keeps_the_rule or test_routes or test_topics or test_deploy",
    )


@pytest.mark.parametrize("name", ["funds", "gateway", "auth", "Ab", "x", "class", "two-words", "../x", ""])
def test_names_that_will_not_do_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "services" / "funds").mkdir(parents=True)
    with pytest.raises(CannotStart):
        make(tmp_path, name, "x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
