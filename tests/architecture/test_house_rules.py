"""The house rules hold in every file, and each of them finds what it is there to find."""

import ast
from pathlib import PurePosixPath

import pytest

from tests.architecture import house

HERE = "tests/architecture/"
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * (house.LONGEST_FUNCTION + 1)
UNFINISHED = "# TO" + "DO later"

PLANTED = [
    (house.commits_at_the_edge, "services/x/y/service.py", "await work.session.commit()"),
    (house.one_clock, "services/x/y/service.py", "at = datetime.now(UTC)"),
    (house.one_clock, "shared/x.py", "at = time.time()"),
    (house.queries_know_who_asks, "services/x/y/repository.py", "async def get(session, id): ..."),
    (house.queries_in_one_place, "services/x/y/service.py", "rows = session.exec(select(Thing))"),
    (house.queries_in_one_place, "services/x/y/router.py", "rows = sa.select(thing)"),
    (house.short_files, "services/x/y/service.py", "\n" * (house.LONGEST_FILE + 1)),
    (house.short_functions, "services/x/y/service.py", LONG_FUNCTION),
    (house.plain_names, "services/x/utils.py", ""),
    (house.plain_names, "services/x/core/thing.py", ""),
    (house.plain_names, "services/x/y/models.py", "class SourceManager: ..."),
    (house.nothing_unfinished, "services/x/y/service.py", UNFINISHED),
    (house.nothing_unfinished, "tests/x/test_y.py", "pytest.skip('flaky')"),
    (house.nothing_unfinished, "tests/x/test_y.py", "@pytest.mark.xfail(reason='later')\ndef test_x(): ..."),
]


@pytest.mark.parametrize("lint", house.LINTS, ids=[lint.__name__ for lint in house.LINTS])
def test_the_code_keeps_the_rule(lint: house.Lint) -> None:
    broken = [
        line for path in house.sources() if HERE not in str(path) for line in house.findings(lint, path)
    ]

    assert not broken, "\n".join(["", *broken])


@pytest.mark.parametrize(("lint", "path", "text"), PLANTED, ids=[f"{p[0].__name__}-{p[1]}" for p in PLANTED])
def test_the_rule_finds_what_breaks_it(lint: house.Lint, path: str, text: str) -> None:
    assert list(lint(PurePosixPath(path), text, ast.parse(text)))


@pytest.mark.parametrize(
    ("lint", "path", "text"),
    [
        (house.commits_at_the_edge, "services/funds/commitments/service.py", "await library.commit(peer)"),
        (house.one_clock, "services/x/y/service.py", "at = work.at"),
        (house.queries_know_who_asks, "services/x/y/repository.py", "async def system_all(session): ..."),
        (house.queries_know_who_asks, "services/x/y/repository.py", "async def listed(work, asked): ..."),
        (house.nothing_unfinished, "tests/x/test_y.py", "pytest.skip('SQLite has one writer at a time')"),
    ],
)
def test_the_rule_leaves_what_is_right_alone(lint: house.Lint, path: str, text: str) -> None:
    assert not list(lint(PurePosixPath(path), text, ast.parse(text)))


def test_every_rule_has_a_planted_break() -> None:
    assert {lint for lint, _, _ in PLANTED} == set(house.LINTS)
