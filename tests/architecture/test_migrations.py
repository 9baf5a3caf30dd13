"""Migrations lead to the tables of the code, and back, on both databases."""

import re
import shutil
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from embedded.system import list_services
from shared.db.migrate import (
    ROOT,
    IncompatibleDatabase,
    MigrationTree,
    alembic_config,
    has_database,
    list_trees,
    load_base,
    main,
    repair_database,
    upgrade_database,
)
from shared.db.tables import SHARED_METADATA
from tests.architecture.shapes import VERSION_TABLES, open_engine, read_shape
from tests.conftest import DatabaseTemplates

SERVICES_WITH_DATABASE = [name for name in list_services() if has_database(name)]


@pytest.fixture
def url(templates: DatabaseTemplates) -> str:
    """An empty database."""
    return templates.create_empty()


@cache
def _load_scripts(tree: MigrationTree) -> ScriptDirectory:
    """The revisions of a tree; a command of Alembic would import all of them again for each step."""
    return ScriptDirectory.from_config(alembic_config(tree, "sqlite://"))


def _run_migration(tree: MigrationTree, url: str, *, to: str = "", back: str = "") -> None:
    config, engine, scripts = alembic_config(tree, url), open_engine(url), _load_scripts(tree)

    def list_steps(revision: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs(to, revision) if to else scripts._downgrade_revs(back, revision)

    with engine.connect() as connection, EnvironmentContext(config, scripts, fn=list_steps):
        config.attributes["connection"] = connection
        scripts.run_env()
        connection.commit()
    engine.dispose()


def _execute(url: str, *statements: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_every_service_that_keeps_data_has_migrations() -> None:
    keeping = {path.parent.name for path in (ROOT / "services").glob("*/tables.py")}

    assert keeping == set(SERVICES_WITH_DATABASE)


@pytest.mark.parametrize(
    "tree", [*map(MigrationTree, SERVICES_WITH_DATABASE), MigrationTree("funds", shared=True)]
)
def test_each_tree_is_linear_and_numbered_by_its_file_names(tree: MigrationTree) -> None:
    scripts = list(ScriptDirectory.from_config(alembic_config(tree, "sqlite://")).walk_revisions())

    assert [one.revision for one in reversed(scripts)] == tree.list_revisions()
    assert [int(number) for number in tree.list_revisions()] == list(range(1, len(scripts) + 1))


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
def test_migrations_make_the_tables_of_the_code(service: str, url: str, templates: DatabaseTemplates) -> None:
    upgrade_database(service, url)
    other = templates.create_empty()
    engine = open_engine(other)
    with engine.begin() as connection:
        load_base(service).metadata.create_all(connection)
    engine.dispose()

    made, wanted = read_shape(url), read_shape(other)

    differing = {
        key: (made.get(key), wanted.get(key))
        for key in made.keys() | wanted.keys()
        if made.get(key) != wanted.get(key)
    }
    assert not differing, f"(migrated, in the code): run `make migration SERVICE={service}`"
    templates.release_copy(other)
    templates.release_copy(url)


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
def test_every_step_goes_up_down_and_up_again(service: str, url: str, templates: DatabaseTemplates) -> None:
    for tree in list_trees(service):
        for step in tree.list_revisions():
            _run_migration(tree, url, to=step)
            _run_migration(tree, url, back="-1")
            _run_migration(tree, url, to=step)
    for tree in reversed(list_trees(service)):
        _run_migration(tree, url, back="base")
    engine = open_engine(url)
    with engine.connect() as connection:
        left = set(sa.inspect(connection).get_table_names()) - VERSION_TABLES
    engine.dispose()

    assert not left
    templates.release_copy(url)


@pytest.mark.parametrize("tree", list_trees("funds"))
def test_a_database_of_newer_code_is_left_alone(tree: MigrationTree, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    upgrade_database(tree.service, url)
    versions = sa.table(tree.version_table, sa.column("version_num"))
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.update(versions).values(version_num="9999"))
    engine.dispose()

    with pytest.raises(IncompatibleDatabase, match="更新的程序"):
        upgrade_database(tree.service, url)


def test_the_shared_tree_makes_the_tables_of_a_service_newer_than_the_release(
    url: str, templates: DatabaseTemplates
) -> None:
    tree, other = MigrationTree("monitoring", shared=True), templates.create_empty()
    engine = open_engine(other)
    with engine.begin() as connection:
        SHARED_METADATA.create_all(connection)
    engine.dispose()

    _run_migration(tree, url, to="head")
    assert read_shape(url) == read_shape(other)
    _run_migration(tree, url, back="base")
    assert not read_shape(url)
    templates.release_copy(other)
    templates.release_copy(url)


def test_a_service_and_the_shared_tables_have_revisions_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base, folders = load_base("funds"), {False: tmp_path / "funds", True: tmp_path / "shared"}
    for tree in list_trees("funds"):
        shutil.copytree(tree.folder, folders[tree.shared], ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(MigrationTree, "folder", property(lambda tree: folders[tree.shared]))
    weighing = sa.Table("weighing", base.metadata, sa.Column("id", sa.Integer, primary_key=True))
    colour = sa.Table("colour", SHARED_METADATA, sa.Column("id", sa.Integer, primary_key=True))
    copied = colour.to_metadata(base.metadata)
    try:
        main(["funds", "--new", "Weigh payments"])
        main(["--shared", "--new", "Colour the inbox"])
    finally:
        for table in (weighing, colour, copied):
            table.metadata.remove(table)

    own, common = (Path(line) for line in capsys.readouterr().out.splitlines() if line.startswith("/"))
    assert (own.name[4:], common.name[4:]) == ("_weigh_payments.py", "_colour_the_inbox.py")
    assert re.findall(r"create_table\('(\w+)'", own.read_text()) == ["weighing"]
    assert re.findall(r"create_table\('(\w+)'", common.read_text()) == ["colour"]
    assert "drop_table" not in own.read_text().split("def downgrade")[0]


def _restamped(url: str, *statements: str) -> str:
    """A database that claims the newest revision and lacks something: what an edited revision leaves behind."""
    upgrade_database("funds", url)
    _execute(url, *statements)
    return url


def test_a_database_that_lacks_columns_is_refused_with_the_command_that_mends_it(
    url: str, templates: DatabaseTemplates
) -> None:
    _restamped(url, "ALTER TABLE payment DROP COLUMN payee_name", "DROP INDEX ix_event_log_tx_seq")

    with pytest.raises(
        IncompatibleDatabase, match=r"结构与程序不符.*payment\.payee_name.*migrate funds --repair"
    ):
        upgrade_database("funds", url)
    templates.release_copy(url)


def test_a_repair_adds_what_is_missing_and_keeps_the_rows(url: str, templates: DatabaseTemplates) -> None:
    row = "INSERT INTO inbox (event_id, service, type, received_at) VALUES"
    _restamped(
        url,
        f"{row} ('018f0000-0000-7000-8000-000000000000', 'x', 'y', '2024-01-01 00:00:00')",
        "ALTER TABLE inbox DROP COLUMN type",
        "DROP INDEX ix_event_log_tx_seq",
        "DROP TABLE dead_letter",
    )

    repair_database("funds", url)

    upgrade_database("funds", url)
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT service, type FROM inbox").all() == [("x", "")]
    engine.dispose()
    templates.release_copy(url)


def test_what_a_repair_cannot_add_asks_for_a_backup(url: str, templates: DatabaseTemplates) -> None:
    _restamped(url, "ALTER TABLE payment ADD COLUMN colour INTEGER")

    with pytest.raises(IncompatibleDatabase, match=r"payment\.colour.*恢复与程序版本相符的备份"):
        repair_database("funds", url)
    templates.release_copy(url)


def test_tables_and_indexes_of_an_operator_are_left_alone(url: str, templates: DatabaseTemplates) -> None:
    upgrade_database("funds", url)
    _execute(url, "CREATE TABLE notes (id INTEGER)", "CREATE INDEX ix_own ON payment (amount)")

    upgrade_database("funds", url)
    templates.release_copy(url)


def test_the_check_at_a_start_costs_little(url: str, templates: DatabaseTemplates) -> None:
    upgrade_database("funds", url)
    costs = []
    for _ in range(5):
        begun = process_time()
        upgrade_database("funds", url)
        costs.append(process_time() - begun)

    assert min(costs) <= 0.05
    templates.release_copy(url)
