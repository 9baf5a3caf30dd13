"""Migrations lead to the tables of the code, and back, on both databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from embedded.system import list_services
from shared.db.migrate import (
    ROOT,
    IncompatibleDatabase,
    alembic_config,
    has_database,
    load_base,
    upgrade_database,
)
from tests.architecture.shapes import VERSIONS, open_engine, read_shape
from tests.conftest import DatabaseTemplates

SERVICES_WITH_DATABASE = [name for name in list_services() if has_database(name)]


@pytest.fixture
def url(templates: DatabaseTemplates) -> str:
    """An empty database."""
    return templates.create_empty()


def _run_migration(service: str, url: str, *, to: str = "", back: str = "") -> None:
    made, engine = alembic_config(service, url), open_engine(url)
    with engine.connect() as connection:
        made.attributes["connection"] = connection
        if to:
            command.upgrade(made, to)
        else:
            command.downgrade(made, back)
        connection.commit()
    engine.dispose()


def test_every_service_that_keeps_data_has_migrations() -> None:
    keeping = {path.parent.name for path in (ROOT / "services").glob("*/tables.py")}

    assert keeping == set(SERVICES_WITH_DATABASE)


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
def test_there_is_one_newest_migration(service: str) -> None:
    heads = ScriptDirectory.from_config(alembic_config(service, "sqlite://")).get_heads()

    assert len(heads) == 1


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
    steps = list(ScriptDirectory.from_config(alembic_config(service, url)).walk_revisions())
    for step in reversed(steps):
        _run_migration(service, url, to=step.revision)
        _run_migration(service, url, back="-1")
        _run_migration(service, url, to=step.revision)
    _run_migration(service, url, back="base")
    engine = open_engine(url)
    with engine.connect() as connection:
        left = set(sa.inspect(connection).get_table_names()) - {VERSIONS}
    engine.dispose()

    assert not left
    templates.release_copy(url)


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE[:1])
def test_a_database_of_newer_code_is_left_alone(service: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    upgrade_database(service, url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.update(sa.table(VERSIONS, sa.column("version_num"))).values(version_num="9999"))
    engine.dispose()

    with pytest.raises(IncompatibleDatabase, match="更新的程序"):
        upgrade_database(service, url)
