"""shared/ holds what two services use: anything else lives in the service that uses it."""

import ast
import re
from collections import defaultdict

from tests.architecture.lint_rules import ROOT

PROCESSES = {"embedded", "operations"}
"""Processes beside the services; each counts as a user."""
BASE_OF_EVERY_SERVICE = {"app"}
"""Libraries that a service reaches through its factory, `shared.app`, and so every service uses."""


def _count_users() -> dict[str, set[str]]:
    users: dict[str, set[str]] = defaultdict(set)
    for top in ("services", "embedded", "operations", "shared"):
        for path in (ROOT / top).rglob("*.py"):
            parts = path.relative_to(ROOT).parts
            user = parts[1] if top == "services" else f"shared.{parts[1]}" if top == "shared" else top
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared"):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    for name in names:
                        library = name.split(".")[1]
                        if user != f"shared.{library}":
                            users[library].add(user)
    return users


def test_each_library_is_used_by_two_services() -> None:
    users = _count_users()
    libraries = {
        path.stem if path.is_file() else path.name
        for path in (ROOT / "shared").iterdir()
        if not path.name.startswith("__") and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    found = {}
    for library in libraries:
        direct = {user for user in users[library] if not user.startswith("shared.")}
        through = {user.removeprefix("shared.") for user in users[library] if user.startswith("shared.")}
        if through:  # a library of a library serves that one's users
            for other in through:
                direct |= {user for user in users[other] if not user.startswith("shared.")}
        found[library] = direct
    assert not {library: who for library, who in found.items() if len(who) < 2}


def test_each_library_says_what_it_answers() -> None:
    silent = [
        path.name
        for path in (ROOT / "shared").iterdir()
        if (path / "__init__.py").exists()
        and not ast.get_docstring(ast.parse((path / "__init__.py").read_text("utf-8")))
    ]
    assert not silent


def test_the_glossary_has_one_meaning_for_each_word() -> None:
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
        if re.match(r"\| [`A-Za-z]", line) and not line.startswith("| code term")
    ]
    terms = [row[0] for row in rows]
    assert len(rows) > 100
    assert sorted({term for term in terms if terms.count(term) > 1}) == []
    assert all(len(row) == 3 and all(row) for row in rows)
