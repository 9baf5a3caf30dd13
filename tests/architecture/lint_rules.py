"""The house rules that a syntax tree can tell. Each gives the lines that break it."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from tests.architecture import naming_rules

ROOT = Path(__file__).parent.parent.parent
SOURCE_FOLDERS = ("shared", "services", "embedded", "tests", "docs", "benchmarks")
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
BANNED_FILE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "core", "common", "misc"}
BANNED_SUFFIXES = ("Manager", "Helper", "Helpers", "Util", "Utils")
UNFINISHED_PATTERN = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b")
CLOCK_READ_NAMES = {"now", "utcnow", "today", "time", "time_ns"}
CLOCK_OWNER_NAMES = {"datetime", "date", "time", "dt"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Lint = Callable[[PurePosixPath, str, ast.Module], Iterator[tuple[int, str]]]


def list_source_files() -> list[Path]:
    """Every Python file that people write here (migrations are generated, and frozen once released)."""
    return [
        path
        for name in SOURCE_FOLDERS
        for path in sorted((ROOT / name).rglob("*.py"))
        if "migrations" not in path.parts or ("shared" in path.parts and "versions" not in path.parts)
    ]


@cache
def _list_calls(tree: ast.Module) -> tuple[tuple[ast.Call, str, str], ...]:
    """Every call, with the name called and what it is an attribute of; several rules ask for them."""
    return tuple(_find_calls(tree))


def _find_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(attr=name, value=owner):
                    yield node, name, ast.unparse(owner)
                case ast.Name(id=name):
                    yield node, name, ""
                case _:
                    pass


def _is_product_file(path: PurePosixPath) -> bool:
    return path.parts[0] in {"shared", "services", "embedded"}


def find_commits_outside_edge(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """One request is one transaction: only shared/db/engine.py commits (and the migration runner its own)."""
    if _is_product_file(path) and str(path) not in {"shared/db/engine.py", "shared/db/migrate.py"}:
        for node, name, owner in _list_calls(tree):
            # `library.commit(...)` asks another service; a session or connection is what must not be committed
            if name == "commit" and owner.split(".")[-1] in {"session", "connection", "conn", "db", "s"}:
                yield node.lineno, "commits; shared/db/engine.py does, at the edge of the request"


def find_clock_reads(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Time is an argument: only shared/clock.py reads the clock (and shared/db/uuid7.py, whose UUIDv7 begins with it)."""
    if _is_product_file(path) and str(path) not in {"shared/clock.py", "shared/db/uuid7.py"}:
        for node, name, owner in _list_calls(tree):
            if name in CLOCK_READ_NAMES and owner.split(".")[-1] in CLOCK_OWNER_NAMES:
                yield node.lineno, f"reads the clock ({owner}.{name}); time is an argument"


STORED_REGION_FILES = {
    "shared/auth/access.py",
    "shared/auth/mergers.py",
    "shared/records/region_names.py",
    "shared/retention/erasure.py",
    "shared/events/webhooks/repository.py",
    "shared/events/webhooks/service.py",
    "shared/records/changes.py",
    "services/identity/accounts/repository.py",
    "services/identity/organisations/repository.py",
    "services/attendance/leaves/repository.py",
    "services/files/uploads/repository.py",
    "services/projects/screening/repository.py",
    "services/identity/account_imports/importer.py",
    "services/identity/regions/repository.py",
    "services/attendance/days/consumers.py",
    "services/attendance/days/repository.py",
    "services/attendance/check_ins/repository.py",
    "services/attendance/imports/repository.py",
    "services/attendance/visits/repository.py",
    "services/projects/summary/repository.py",
}
"""What goes by the codes as they are stored: the tree itself, totals by code, grants and reaches, what a district's rule erases,
pushed events, projects compared with their neighbours."""


def find_region_comparisons(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where a record belongs is asked of `work.within_region` or `current_head`, which know of merged regions."""
    if _is_product_file(path) and str(path) not in STORED_REGION_FILES:
        for node, name, owner in _list_calls(tree):
            first = [ast.unparse(one) for one in node.args[:2]]
            is_compared = name in {"between", "startswith"} and owner.rstrip(")").endswith("region")
            is_cut = name == "substr" and first[0].endswith("region") and first[1:] == ["1"]
            if is_compared or is_cut or name == "region_bounds":
                yield node.lineno, f"compares region codes ({name}); use work.within_region"


def find_unscoped_queries(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A repository's public function takes `work`, and so the caller's regions, or says that it is the system's.

    A function that gives a condition is no query: it stands in one that is scoped.
    """
    if path.parts[0] == "services" and path.name == "repository.py":
        for node in tree.body:
            if isinstance(node, Function) and not node.name.startswith(("_", "system_")):
                if node.returns is not None and "ColumnElement[bool]" in ast.unparse(node.returns):
                    continue
                names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
                if names[:1] != ["work"]:
                    yield node.lineno, f"{node.name} takes no `work` and is not named system_…"


def find_misplaced_queries(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """In a service statements are built in repository.py, and in fsck.py, which reads whole tables."""
    if path.parts[0] == "services" and path.name not in {"repository.py", "repository_base.py", "fsck.py"}:
        for node, name, owner in _list_calls(tree):
            named = name == "select" and owner in {"", "sa", "sqlalchemy", "sqlmodel"}
            if named or (name == "text" and owner in {"sa", "sqlalchemy"}):
                yield node.lineno, f"builds a statement ({name}); queries live in repository.py"


def find_long_files(path: PurePosixPath, text: str, _tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A file is one idea and fits in the head."""
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield lines, f"has {lines} lines, more than {MAX_FILE_LINES}"


def find_long_functions(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """So does a function: its own lines, without signature, docstring and the functions inside it."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            lines = _count_own_lines(node)
            if lines > MAX_FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines, more than {MAX_FUNCTION_LINES}"


def _count_own_lines(node: Function) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body:
        return 0
    inner = [
        one for one in ast.walk(node) if isinstance(one, Function) and one is not node and one in node.body
    ]
    spent = sum((one.end_lineno or 0) - one.lineno + 1 for one in inner)
    return (node.end_lineno or 0) - body[0].lineno + 1 - spent


def find_vague_names(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names are the domain's words; a drawer for everything is nobody's."""
    if BANNED_FILE_NAMES & {*path.parts[:-1], path.stem}:
        yield 1, "is a drawer for everything; name it after what it does"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED_SUFFIXES):
            yield node.lineno, f"class {node.name}: say what it is"


def find_unfinished_code(path: PurePosixPath, text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What is not done is not here; a test that does not run is not a test.

    The one skip allowed: what SQLite cannot show (`pytest.skip("SQLite …")`), since the suite also runs on PostgreSQL.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED_PATTERN.search(line):
            yield number, "is unfinished"
    for node, name, owner in _list_calls(tree):
        if name == "NotImplementedError":
            yield node.lineno, "is unfinished (NotImplementedError)"
        if owner in {"pytest", "pytest.mark"} and name in {"skip", "skipif", "xfail", "importorskip"}:
            reason = node.args[0] if node.args else None
            about = str(reason.value) if isinstance(reason, ast.Constant) else ""
            if name != "skip" or not about.startswith("SQLite "):
                yield node.lineno, f"{name} hides a failure"


SAVING_FILE = "shared/records/save.py"
VERSION_WRITERS = {
    SAVING_FILE: "the way",
    "services/assets/register/importer.py": "inserts hundreds of assets in one statement",
    "services/assets/register/consumers.py": "copies the version of a project",
}
"""Files that set a version, each with its reason."""
LOG_WRITERS = {
    SAVING_FILE: "the way",
    "shared/events/log.py": "the log",
    "shared/events/webhooks/service.py": "a row of a table that is no Record",
    "shared/events/webhooks/delivery.py": "a row of a table that is no Record",
    "shared/rules/service.py": "a row of a table that is no Record",
    "shared/reminders/scan.py": "a message about many records",
    "shared/notices/service.py": "a row of a table that is no Record",
    "services/identity/keys/service.py": "a key has neither region nor version",
    "services/attendance/check_ins/repository.py": "check-ins and their events in one statement",
    "shared/events/fsck.py": "the baseline of rows of earlier versions",
}
"""Files that write to the event log, each with its reason; all of them use shared/events/serialization.py."""


def find_hand_set_versions(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A record is saved together with its event: only shared/records/save.py raises versions."""
    if _is_product_file(path) and str(path) not in VERSION_WRITERS:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in _list_flat_targets(targets):
                    if target.attr == "version" and ast.unparse(target.value) != "self":
                        yield node.lineno, f"sets {ast.unparse(target)}; save_record does"


def find_hand_written_events(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Only shared/records/save.py and the listed files write to the event log."""
    if _is_product_file(path) and str(path) not in LOG_WRITERS:
        for node, name, owner in _list_calls(tree):
            if name in {"publish", "publish_many"} or (name == "insert" and owner.endswith("event_log")):
                yield node.lineno, f"writes to the event log ({name}); save_record or log_event does"


def _list_flat_targets(targets: Iterable[ast.expr]) -> Iterator[ast.Attribute]:
    for target in targets:
        if isinstance(target, ast.Attribute):
            yield target
        elif isinstance(target, ast.Tuple):
            yield from _list_flat_targets(target.elts)


def find_untyped_rule_values(path: PurePosixPath, _text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A rule's value is read as attributes of its shape: no `rule.value[…]`, no `.get_rule("…")` outside the loader."""
    if not _is_product_file(path) or path.parts[:2] == ("shared", "rules"):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="value")):
                yield (
                    node.lineno,
                    "reads a rule's value by a string; give the rule a shape (shared/rules/keys.py)",
                )
            case ast.Call(func=ast.Attribute(attr="get", value=ast.Attribute(attr="value", value=owner))):
                if "rule" in ast.unparse(owner):
                    yield node.lineno, "reads a rule's value by a string; give the rule a shape"
            case ast.Call(func=ast.Attribute(attr="get_rule"), args=[ast.Constant() | ast.JoinedStr(), *_]):
                yield node.lineno, "asks for a rule by a string; declare a RuleKey"
            case _:
                pass


LINTS: tuple[Lint, ...] = (
    find_hand_set_versions,
    find_hand_written_events,
    find_commits_outside_edge,
    find_clock_reads,
    find_region_comparisons,
    find_unscoped_queries,
    find_misplaced_queries,
    find_long_files,
    find_long_functions,
    find_vague_names,
    find_unfinished_code,
    find_untyped_rule_values,
    naming_rules.find_unlisted_feature_files,
    naming_rules.find_bare_participles,
    naming_rules.find_old_words,
    naming_rules.find_inverted_docstrings,
)


def check_file(lint: Lint, path: Path, root: Path = ROOT) -> list[str]:
    """What one rule has to say about one file of the repository, or of a copy of it."""
    short, text, tree = _read_source(path, root)
    return [f"{short}:{line} {said}" for line, said in lint(short, text, tree)]


def forget_files() -> None:
    """Let go of what was read: the trees of all files are many objects, among which every test would collect garbage."""
    _read_source.cache_clear()
    _list_calls.cache_clear()


@cache
def _read_source(path: Path, root: Path) -> tuple[PurePosixPath, str, ast.Module]:
    text = path.read_text("utf-8")
    return PurePosixPath(path.relative_to(root).as_posix()), text, ast.parse(text)
