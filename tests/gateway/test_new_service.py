"""`make new-service`: in a copy of the tree, a service that starts, is ready, migrates, passes its own test."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.new_service import create_service
from shared.settings import StartupError

ROOT = Path(__file__).parents[2]
COPIED_PATHS = (
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
CHANGED_FILES = {"shared/clients/http_client.py", "shared/auth/permissions.py", "deploy/docker-compose.yml"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository."""
    made = tmp_path_factory.mktemp("tree")
    for part in COPIED_PATHS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, made / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, made / part)
    return made


def read_tree(tree: Path) -> dict[str, bytes]:
    paths = [path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths if not path.name.startswith(".")}


def run_module(tree: Path, *arguments: str) -> str:
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
    before = read_tree(tree)
    told = run_module(tree, "embedded.new_service", "monitoring", "--label", "监测").split()
    after = read_tree(tree)
    new = set(after) - set(before)
    assert {path for path in before if before[path] != after.get(path)} == CHANGED_FILES
    assert {path.split("/")[1] for path in new} == {"monitoring", "contracts"}
    assert set(told) == new | CHANGED_FILES
    assert "services/monitoring/migrations/0001_start.py" in new

    run_module(tree, "ruff", "check", "--quiet", "services/monitoring", "tests/monitoring", "shared")
    run_module(
        tree,
        "ruff",
        "format",
        "--check",
        "--quiet",
        "services/monitoring",
        "tests/monitoring",
        "shared/contracts",
    )
    run_module(tree, "docs.generate")
    run_module(
        tree,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/monitoring",
        "tests/architecture",
        "tests/gateway/test_deployment_files.py",
        "-k",
        "monitoring or keeps_the_rule or test_routes or test_topics or test_deploy",
    )


@pytest.mark.parametrize("name", ["funds", "gateway", "auth", "Ab", "x", "class", "two-words", "../x", ""])
def test_names_that_will_not_do_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "services" / "funds").mkdir(parents=True)
    with pytest.raises(StartupError):
        create_service(tmp_path, name, "x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
