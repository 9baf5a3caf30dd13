"""`make new-service`: the new service starts, migrates and passes its own tests and the architecture tests."""

from pathlib import Path

import pytest

from embedded.new_service import create_service
from shared.settings import StartupError
from tests.tree_copy import check_house_rules, copy_tree, read_tree, run_module

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
    return copy_tree(tmp_path_factory.mktemp("tree"))


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

    own = sorted(path for path in new | changed if path.endswith(".py"))
    check_house_rules(tree, own)
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
        "monitoring or test_routes or test_topics or test_kinds or test_permission",
    )


@pytest.mark.parametrize(
    "name", ["funds", "gateway", "auth", "threads", "Ab", "x", "class", "two-words", "../x", ""]
)
def test_an_unusable_name_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "services" / "funds").mkdir(parents=True)
    with pytest.raises(StartupError):
        create_service(tmp_path, name, "x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
