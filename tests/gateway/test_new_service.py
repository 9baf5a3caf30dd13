"""`make new-service`: the new service starts, migrates and passes its own tests and the architecture tests."""

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
    "operations",
    "tests",
    "deploy",
    "docs",
    "benchmarks",
    "requirements",
    "web",
    ".dockerignore",
    "pyproject.toml",
    "Makefile",
)
MADE_FROM_DECLARATIONS = {
    "shared/auth/permission_table.py",
    "shared/clients/service_names.py",
    "deploy/docker-compose.yml",
    "deploy/Caddyfile",
    "deploy/Caddyfile.tls",
}
"""What embedded.generate writes beside the reference pages under docs/; nobody edits these."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository."""
    copy = tmp_path_factory.mktemp("tree")
    for part in COPIED_PATHS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(
                source, copy / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules", "dist")
            )
        else:
            shutil.copyfile(source, copy / part)
    return copy


def read_tree(tree: Path) -> dict[str, bytes]:
    paths = [path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths if not path.name.startswith(".")}


def run_module(tree: Path, *arguments: str) -> str:
    """Run a module in the tree and return its output; fails when it exits with an error."""
    completed = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-3000:]
    return completed.stdout


@pytest.mark.timeout(900)
def test_a_new_service_starts_migrates_and_passes_all_checks(tree: Path) -> None:
    before = read_tree(tree)
    run_module(tree, "embedded.new_service", "monitoring", "--label", "监测")
    after = read_tree(tree)
    new = set(after) - set(before)
    changed = {path for path in before if before[path] != after.get(path)}
    assert {path for path in changed if not path.startswith("docs/")} == MADE_FROM_DECLARATIONS
    assert {"/".join(path.split("/")[:2]) for path in new} == {
        "services/monitoring",
        "tests/monitoring",
        "docs/openapi",
    }
    assert "services/monitoring/migrations/0001_start.py" in new

    own = sorted(path for path in new if path.endswith(".py"))
    run_module(tree, "ruff", "check", "--force-exclude", "--quiet", *own)
    run_module(tree, "ruff", "format", "--force-exclude", "--check", "--quiet", *own)
    run_module(
        tree,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/monitoring",
        "tests/architecture",
        "tests/access/test_permission_table.py",
        "tests/records/test_kinds.py",
        "tests/gateway/test_deployment_files.py",
        "-k",
        "monitoring or keeps_the_rule or test_routes or test_topics or test_deploy or test_kinds or test_permission",
    )


@pytest.mark.parametrize(
    "name", ["funds", "gateway", "auth", "threads", "Ab", "x", "class", "two-words", "../x", ""]
)
def test_an_unusable_name_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "services" / "funds").mkdir(parents=True)
    with pytest.raises(StartupError):
        create_service(tmp_path, name, "x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
