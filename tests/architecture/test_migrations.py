"""Migrations lead to the tables of the code, and back, on both databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from embedded.system import service_names
from shared.migrate import ROOT, WrongDatabase, base_of, config, has_database, upgrade
from tests.architecture.shapes import VERSIONS, open_engine, read_shape
from tests.conftest import Templates

STORING = [name for name in service_names() if has_database(name)]


@pytest.fixture
def url(templates: Templates) -> str:
    """An empty database."""
    return templates.empty()


def _go(service: str, url: str, *, to: str = "", back: str = "") -> None:
    made, engine = config(service, url), open_engine(url)
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

    assert keeping == set(STORING)


@pytest.mark.parametrize("service", STORING)
def test_there_is_one_newest_migration(service: str) -> None:
    heads = ScriptDirectory.from_config(config(service, "sqlite://")).get_heads()

    assert len(heads) == 1


@pytest.mark.parametrize("service", STORING)
def test_migrations_make_the_tables_of_the_code(service: str, url: str, templates: Templates) -> None:
    upgrade(service, url)
    other = templates.empty()
    engine = open_engine(other)
    with engine.begin() as connection:
        base_of(service).metadata.create_all(connection)
    engine.dispose()

    made, wanted = read_shape(url), read_shape(other)

    differing = {
        key: (made.get(key), wanted.get(key))
        for key in made.keys() | wanted.keys()
        if made.get(key) != wanted.get(key)
    }
    assert not differing, f"(migrated, in the code): run `make migration SERVICE={service}`"
    templates.drop(other)
    templates.drop(url)


@pytest.mark.parametrize("service", STORING)
def test_every_step_goes_up_down_and_up_again(service: str, url: str, templates: Templates) -> None:
    steps = list(ScriptDirectory.from_config(config(service, url)).walk_revisions())
    for step in reversed(steps):
        _go(service, url, to=step.revision)
        _go(service, url, back="-1")
        _go(service, url, to=step.revision)
    _go(service, url, back="base")
    engine = open_engine(url)
    with engine.connect() as connection:
        left = set(sa.inspect(connection).get_table_names()) - {VERSIONS}
    engine.dispose()

    assert not left
    templates.drop(url)


@pytest.mark.parametrize("service", STORING[:1])
def test_a_database_of_newer_code_is_left_alone(service: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    upgrade(service, url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.update(sa.table(VERSIONS, sa.column("version_num"))).values(version_num="9999"))
    engine.dispose()

    with pytest.raises(WrongDatabase, match="更新的程序"):
        upgrade(service, url)
