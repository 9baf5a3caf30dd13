"""The house rules hold in every file, and each of them finds what it is there to find."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture import lint_rules, naming_rules

RULES_FOLDER = "tests/architecture/"
LONG_FUNCTION_SOURCE = "def f():\n" + "    x = 1\n" * (lint_rules.MAX_FUNCTION_LINES + 1)
UNFINISHED_SOURCE = "# TO" + "DO later"

PLANTED_BREAKS = [
    (lint_rules.find_hand_set_versions, "services/x/y/service.py", "record.version += 1"),
    (
        lint_rules.find_hand_set_versions,
        "services/x/y/service.py",
        "record.version, record.at = record.version + 1, at",
    ),
    (
        lint_rules.find_hand_written_events,
        "services/x/y/service.py",
        "await publish(work.session, event, actor=work.actor)",
    ),
    (lint_rules.find_hand_written_events, "services/x/y/repository.py", "statement = event_log.insert()"),
    (lint_rules.find_commits_outside_edge, "services/x/y/service.py", "await work.session.commit()"),
    (lint_rules.find_clock_reads, "services/x/y/service.py", "at = datetime.now(UTC)"),
    (lint_rules.find_clock_reads, "shared/x.py", "at = time.time()"),
    (
        lint_rules.find_region_comparisons,
        "services/x/y/repository.py",
        "found = col(A.region).between(low, high)",
    ),
    (lint_rules.find_region_comparisons, "services/x/y/repository.py", "low, high = region_bounds(region)"),
    (
        lint_rules.find_region_comparisons,
        "services/x/y/repository.py",
        "head = sa.func.substr(A.c.region, 1, 9)",
    ),
    (lint_rules.find_unscoped_queries, "services/x/y/repository.py", "async def get(session, id): ..."),
    (lint_rules.find_misplaced_queries, "services/x/y/service.py", "rows = session.exec(select(Thing))"),
    (lint_rules.find_misplaced_queries, "services/x/y/router.py", "rows = sa.select(thing)"),
    (lint_rules.find_long_files, "services/x/y/service.py", "\n" * (lint_rules.MAX_FILE_LINES + 1)),
    (lint_rules.find_long_functions, "services/x/y/service.py", LONG_FUNCTION_SOURCE),
    (lint_rules.find_vague_names, "services/x/utils.py", ""),
    (lint_rules.find_vague_names, "services/x/core/thing.py", ""),
    (lint_rules.find_vague_names, "services/x/y/models.py", "class SourceManager: ..."),
    (lint_rules.find_unfinished_code, "services/x/y/service.py", UNFINISHED_SOURCE),
    (naming_rules.find_unlisted_feature_files, "services/x/y/telling.py", ""),
    (naming_rules.find_bare_participles, "services/x/taking/service.py", ""),
    (naming_rules.find_bare_participles, "services/x/y/service.py", "async def listed(work): ..."),
    (naming_rules.find_old_words, "services/x/y/service.py", "def run_courier(): ..."),
    (naming_rules.find_inverted_docstrings, "shared/x/y.py", '"""Who may do what, where."""'),
    (lint_rules.find_untyped_rule_values, "services/x/y/service.py", "days = int(rule.value['days'])"),
    (lint_rules.find_untyped_rule_values, "services/x/y/service.py", "days = rule.value.get('days')"),
    (lint_rules.find_untyped_rule_values, "services/x/y/service.py", "await work.get_rule('x.days')"),
    (lint_rules.find_unfinished_code, "tests/x/test_y.py", "pytest.skip('flaky')"),
    (
        lint_rules.find_unfinished_code,
        "tests/x/test_y.py",
        "@pytest.mark.xfail(reason='later')\ndef test_x(): ...",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _files() -> Iterator[None]:
    yield
    lint_rules.forget_files()


@pytest.mark.parametrize("lint", lint_rules.LINTS, ids=[lint.__name__ for lint in lint_rules.LINTS])
def test_the_code_keeps_the_rule(lint: lint_rules.Lint) -> None:
    broken = [
        line
        for path in lint_rules.list_source_files()
        if RULES_FOLDER not in str(path)
        for line in lint_rules.check_file(lint, path)
    ]

    assert not broken, "\n".join(["", *broken])


@pytest.mark.parametrize(
    ("lint", "path", "text"), PLANTED_BREAKS, ids=[f"{p[0].__name__}-{p[1]}" for p in PLANTED_BREAKS]
)
def test_the_rule_finds_what_breaks_it(lint: lint_rules.Lint, path: str, text: str) -> None:
    assert list(lint(PurePosixPath(path), text, ast.parse(text)))


@pytest.mark.parametrize(
    ("lint", "path", "text"),
    [
        (
            lint_rules.find_commits_outside_edge,
            "services/funds/commitments/service.py",
            "await library.commit(peer)",
        ),
        (lint_rules.find_clock_reads, "services/x/y/service.py", "at = work.at"),
        (
            lint_rules.find_unscoped_queries,
            "services/x/y/repository.py",
            "async def system_all(session): ...",
        ),
        (
            lint_rules.find_unscoped_queries,
            "services/x/y/repository.py",
            "async def listed(work, asked): ...",
        ),
        (
            lint_rules.find_unfinished_code,
            "tests/x/test_y.py",
            "pytest.skip('SQLite has one writer at a time')",
        ),
    ],
)
def test_the_rule_leaves_what_is_right_alone(lint: lint_rules.Lint, path: str, text: str) -> None:
    assert not list(lint(PurePosixPath(path), text, ast.parse(text)))


def test_every_rule_has_a_planted_break() -> None:
    assert {lint for lint, _, _ in PLANTED_BREAKS} == set(lint_rules.LINTS)
