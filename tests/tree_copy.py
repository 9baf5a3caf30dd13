"""A copy of the repository that a test changes as an engineer would, with its modules run in it."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.architecture import lint_rules

ROOT = Path(__file__).parents[1]
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


def copy_tree(copy: Path) -> Path:
    """Copy the repository into a folder."""
    for part in COPIED_PATHS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "dist")  # bytecode comes along: it stays valid
            shutil.copytree(source, copy / part, ignore=ignored)
        else:
            shutil.copyfile(source, copy / part)
    return copy


def read_tree(tree: Path) -> dict[str, bytes]:
    paths = [path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths if not path.name.startswith(".")}


def check_house_rules(tree: Path, paths: Iterable[str]) -> None:
    """Hold files of the copy to the rules of tests/architecture; the others are held to them where they stand."""
    lints, files = lint_rules.LINTS, [tree / path for path in paths if "/migrations/" not in path]
    broken = [line for lint in lints for path in files for line in lint_rules.check_file(lint, path, tree)]
    assert not broken, "\n".join(["", *broken])


def run_module(tree: Path, *arguments: str) -> str:
    """Run a module in the tree and return its output; fails when it exits with an error."""
    completed = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-3000:]
    return completed.stdout
