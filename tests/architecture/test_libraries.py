"""shared/ holds what two services use: anything else lives in the service that uses it."""

import ast
import re
from collections import defaultdict
from collections.abc import Mapping

from tests.architecture.lint_rules import ROOT

PROCESSES = {"embedded", "operations"}
"""Processes beside the services; each counts as a user."""
BASE_OF_EVERY_SERVICE = {"app"}
"""Libraries that a service reaches through its factory, `shared.app`, and so every service uses."""

SAME_THING_IN_TWO_SERVICES = {
    "Base": "the declarative base of each service",
    "CachedProject": "the copy of a project's snapshot in a service that is not its owner",
    "Commitment": "资金安排, seen by funds that registers it and by projects that counts it",
    "CommitmentRead": "the answer for a Commitment",
    "ImportMapping": "a remembered column mapping of the import engine",
    "RowFault": "one fault of an imported row",
    "TableImport": "the import engine's job, a table of each service",
    "TableImportResult": "the import engine's result of a row, a table of each service",
    "Target": "绩效目标, declared in projects and monitored in funds",
    "TargetTemplate": "a template of Target",
    "TargetTemplateValue": "the rule behind a TargetTemplate",
}
"""Class names that stand twice because both are the same thing."""


def find_class_names_with_two_meanings(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Public classes of one name in two files, `path -> text`; each name has one meaning in the product."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, text in sources.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    return {name: paths for name, paths in places.items() if len(paths) > 1}


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


def test_a_class_name_has_one_meaning() -> None:
    sources = {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for top in ("services", "shared", "embedded", "operations")
        for path in sorted((ROOT / top).rglob("*.py"))
        if "migrations" not in path.parts
    }
    found = find_class_names_with_two_meanings(sources)
    assert set(found) == set(SAME_THING_IN_TWO_SERVICES), found


def test_a_class_name_with_two_meanings_is_found() -> None:
    sources = {
        "services/a/x.py": "class Finding: ...",
        "services/b/y.py": "class Finding: ...\nclass Other: ...",
    }
    assert find_class_names_with_two_meanings(sources) == {"Finding": ["services/a/x.py", "services/b/y.py"]}
