"""Lint rules about names: feature files, words of the old vocabulary, bare participles, one class name per meaning."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

FEATURE_FILES = frozenset(
    """
    __init__ calculation consumers detectors document errors events exporter guards importer
    lifecycle models repository router rules schemas service
    """.split()  # noqa: SIM905 - a list of words reads as words
)
"""The closed list of file names in a feature folder, services/<service>/<feature>/."""
EXTRA_FEATURE_FILES = {
    "services/attendance/check_ins/autocommit_connection.py": "a database connection of its own for the fast path",
    "services/attendance/check_ins/fast_path.py": "an ASGI middleware beside the route",
    "services/attendance/check_ins/group_commit.py": "a queue that writes many check-ins in one transaction",
    "services/attendance/posts/assignment_cache.py": "a cache of the whole process, which no request owns",
    "services/funds/commitments/projects_client.py": "the calls to the projects service",
    "services/funds/ledger/accounts.py": "the chart of accounts",
    "services/funds/payments/beneficiaries.py": "lists of households: service.py would pass the limit of lines",
    "services/funds/plans/postings.py": "postings of a plan: service.py would pass the limit of lines",
    "services/identity/accounts/passwords.py": "hashing in threads, bounded",
    "services/projects/projects/transitions.py": "transitions of a project: service.py would pass the limit of lines",
    "services/projects/screening/duplicates.py": "similarity of texts, a library without a database",
    "services/projects/screening/engine.py": "the rule engine, a library without a database",
    "services/projects/screening/grammar.py": "sentence grammar of the rule engine",
    "services/projects/screening/lexicon.py": "words of the rule engine",
}
"""Other files of feature folders, each with its reason."""

NOUNS_IN_ING_OR_ED = frozenset(
    """
    embedded feed funding heading monitoring paging polling posting rating rescreening routing screening
    shared spending string timing training
    """.split()  # noqa: SIM905 - a list of words reads as words
)
"""Nouns of the field that end like a participle."""
IRREGULAR_PARTICIPLES = frozenset(
    """
    around asked born done drawn found given gone held kept left made many said seen shown some
    taken told whole written
    """.split()  # noqa: SIM905 - a list of words reads as words
)
_PARTICIPLE = re.compile(r"_?[a-z]{2,}(?:ed|ing)_?")

OLD_WORDS = frozenset(
    """
    abroad courier glance keyless leashed lopsided oddities ripen seldom standpoint tapper
    telling tellings unhurried unkept unreached unsealed_hand wire
    """.split()  # noqa: SIM905 - a list of words reads as words
)
"""Words of the old vocabulary that no name may hold; docs/glossary.md has the word that replaced each."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def find_unlisted_feature_files(
    path: PurePosixPath, _text: str, _tree: ast.Module
) -> Iterator[tuple[int, str]]:
    """A feature folder holds files of the closed list, or of the list of exceptions with a reason."""
    inside = path.parts[0] == "services" and len(path.parts) == 4
    if inside and path.stem not in FEATURE_FILES and str(path) not in EXTRA_FEATURE_FILES:
        yield 1, "is no file of a feature folder (naming_rules.FEATURE_FILES)"


def _is_participle(name: str) -> bool:
    bare = name.strip("_")
    if bare in NOUNS_IN_ING_OR_ED:
        return False
    return bare in IRREGULAR_PARTICIPLES or _PARTICIPLE.fullmatch(name) is not None


def find_bare_participles(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A module is a noun; a function of a module is verb and object, never a participle or gerund alone."""
    if path.parts[0] == "tests":
        return
    for part in (*path.parts[:-1], path.stem):
        if _is_participle(part):
            yield 1, f"{part} is a bare participle: name modules by a noun"
    for node in tree.body:
        if isinstance(node, Function) and _is_participle(node.name):
            yield node.lineno, f"{node.name} is a bare participle: name functions by verb and object"


def find_old_words(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names hold no word of the old vocabulary."""
    if path.parts[0] == "tests":
        return
    names = [(1, path.stem)]
    names += [
        (node.lineno, node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    names += [
        (target.lineno, target.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    for line, name in names:
        words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
        for word in sorted(words & OLD_WORDS):
            yield line, f"{name}: {word} is a word of the old vocabulary"


def find_inverted_docstrings(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A docstring says subject, verb, object: it does not begin with a nominal clause or an inversion."""
    if path.parts[0] == "tests":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node) or ""
            if re.match(r"(?:Whoever|Who|How often|Where somebody|So that|Nobody|Anybody|Told|Kept)\b", text):
                line = getattr(node, "lineno", 1)
                yield line, f"the docstring begins with “{text.split()[0]}”: say subject, verb, object"
