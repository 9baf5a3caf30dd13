"""Upgrades one service's database to the schema of the code, repairs it, or writes the next migration.

python -m shared.db.migrate funds                      upgrade the service's own tree, then the shared tree
python -m shared.db.migrate funds --new "add visits"   write the next revision of the service's own tree
python -m shared.db.migrate --shared --new "add x"     write the next revision of the shared tree
python -m shared.db.migrate funds --repair             add tables, columns and indexes that the database lacks

A database has two trees of revisions, each with a version table of its own: `services/<service>/migrations` for the
tables of the service, `shared/db/migrations/versions` for the shared tables (shared/db/tables.py). Both are linear, and a
revision's id is the number that its file name begins with.
"""

import argparse
import importlib
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util.exc import CommandError
from sqlmodel import SQLModel

from shared.db.engine import sync_url
from shared.db.schema_check import Schema, SchemaDifference, compare_schemas, expected_schema, read_schema
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
MIGRATION_LOCK_ID = 620602
"""PostgreSQL advisory lock: one migration of a database at a time."""


class IncompatibleDatabase(Exception):
    """The database does not fit the code; the message says why, in Chinese, and which command mends it."""


@dataclass(frozen=True)
class MigrationTree:
    """One of the two trees of a service's database."""

    service: str
    shared: bool = False

    @property
    def folder(self) -> Path:
        """The folder with the revisions."""
        if self.shared:
            return ROOT / "shared" / "db" / "migrations" / "versions"
        return ROOT / "services" / self.service / "migrations"

    @property
    def version_table(self) -> str:
        """The table that names the revision a database is at."""
        return "alembic_version_shared" if self.shared else "alembic_version"

    def list_revisions(self) -> list[str]:
        """The ids of all revisions in order, read from file names: a start imports no revision it need not run."""
        return sorted(path.name[:4] for path in self.folder.glob("[0-9][0-9][0-9][0-9]_*.py"))


def list_trees(service: str) -> tuple[MigrationTree, MigrationTree]:
    """Both trees of a service's database in the order of an upgrade."""
    return MigrationTree(service), MigrationTree(service, shared=True)


def load_base(service: str) -> type[SQLModel]:
    """A service's declarative base with all its tables."""
    return importlib.import_module(f"services.{service}.tables").Base  # type: ignore[no-any-return]


def alembic_config(tree: MigrationTree, url: str) -> Config:
    """Alembic's configuration for one tree, without a file."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "shared" / "db" / "migrations"))
    config.set_main_option("version_locations", str(tree.folder))
    config.set_main_option("path_separator", "os")
    config.attributes.update(
        service=tree.service, shared=tree.shared, version_table=tree.version_table, url=url
    )
    return config


def has_database(service: str) -> bool:
    """Whether a service keeps data at all (the gateway does not)."""
    return (ROOT / "services" / service / "migrations").is_dir()


def upgrade_database(service: str, url: str) -> None:
    """Upgrade both trees, then compare the schema with the code.

    Raises IncompatibleDatabase when the database is newer than the code, half-made, or of another schema.
    """
    engine = _create_engine(url)
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            for tree in _list_outdated_trees(service, connection):
                config = alembic_config(tree, url)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
            if difference := find_schema_difference(service, connection):
                raise IncompatibleDatabase(_describe_difference(service, url, difference))
    except CommandError as error:
        message = f"{service} 数据库版本与程序不符, 请使用匹配的程序版本: {error}"
        raise IncompatibleDatabase(message) from error
    finally:
        engine.dispose()


def find_schema_difference(service: str, connection: sa.Connection) -> SchemaDifference:
    """What the schema of a service's database lacks or has beyond the tables of the code."""
    return compare_schemas(_expected_schema(service, connection.dialect.name), read_schema(connection))


@cache
def _expected_schema(service: str, dialect: str) -> Schema:
    return expected_schema(load_base(service).metadata, sa.make_url(f"{dialect}://").get_dialect()())


def _describe_difference(service: str, url: str, difference: SchemaDifference) -> str:
    where = f" --url {url}" if url.startswith("sqlite") else ""
    if difference.unknown or not difference.missing:
        mend = "请恢复与程序版本相符的备份"
    else:
        mend = f"请先备份, 再运行 python -m shared.db.migrate {service} --repair{where}"
    return f"{service} 数据库的结构与程序不符({difference}), {mend}"


def repair_database(service: str, url: str) -> None:
    """Upgrade, and add the tables, columns and indexes that are missing though the revision is the newest.

    A new column that may not be empty gets the default of the code in existing rows. Raises IncompatibleDatabase when
    something still differs: nothing is dropped or converted.
    """
    try:
        upgrade_database(service, url)
    except IncompatibleDatabase:
        engine = _create_engine(url)
        with engine.connect() as connection:
            _add_missing_objects(service, connection)
            connection.commit()
        engine.dispose()
        upgrade_database(service, url)


def _add_missing_objects(service: str, connection: sa.Connection) -> None:
    context = MigrationContext.configure(
        connection, opts={"include_object": lambda _item, name, *_rest: "_search" not in (name or "")}
    )
    operations = Operations(context)
    changes = compare_metadata(context, load_base(service).metadata)
    for kind in ("add_table", "add_column", "add_index"):
        for change in (one for one in changes if isinstance(one, tuple) and one[0] == kind):
            if kind == "add_column":
                _, _, table, column = change
                operations.add_column(table, _with_server_default(column))
            elif not sa.inspect(connection).has_table(change[1].name):  # an index comes with its new table
                change[1].create(connection)


def _with_server_default(column: sa.Column[Any]) -> sa.Column[Any]:
    """A copy of a column that existing rows can take."""
    default = getattr(column.default, "arg", None)
    value = default if isinstance(default, str | int | float | bool) else {str: "", int: 0, bool: False}.get(
        column.type.python_type, "{}"
    )  # fmt: skip
    text = sa.text(str(value).lower()) if isinstance(value, bool) else str(value)
    return sa.Column(
        column.name,
        column.type,
        nullable=column.nullable,
        server_default=None if column.nullable else text,
    )


def _create_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(sync_url(url), poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":
        # With the driver's own transactions a killed migration would leave half its tables.
        @sa.event.listens_for(engine, "connect")
        def _disable_driver_transactions(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
            connection.isolation_level = None

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _list_outdated_trees(service: str, connection: sa.Connection) -> list[MigrationTree]:
    """The trees whose newest revision a database is not at; holds PostgreSQL's lock from here on."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK_ID})
        connection.execute(sa.text("SET lock_timeout = '5s'"))
    tables = set(sa.inspect(connection).get_table_names())
    if tables and "alembic_version" not in tables:
        message = f"{service} 数据库里已有表, 但没有版本记录(可能是中断的安装): 请备份后换一个空库"
        raise IncompatibleDatabase(message)
    outdated = []
    for tree in list_trees(service):
        revisions = tree.list_revisions()
        stamped: set[str] = set()
        if tree.version_table in tables:
            query = sa.select(sa.table(tree.version_table, sa.column("version_num", sa.String)))
            stamped = set(connection.execute(query).scalars())
        if strange := stamped - set(revisions):
            message = f"{service} 数据库是更新的程序建的(版本 {'、'.join(strange)}), 请使用匹配的程序版本"
            raise IncompatibleDatabase(message)
        if stamped != set(revisions[-1:]):
            outdated.append(tree)
    connection.commit()
    return outdated


def write_migration(tree: MigrationTree, message: str) -> Path:
    """Write the next revision: the difference between the revisions so far, run on an empty SQLite, and the tables."""
    url = "sqlite://"
    engine = _create_engine(url)
    tree.folder.mkdir(exist_ok=True)
    number = len(tree.list_revisions()) + 1
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    with engine.connect() as connection:
        for one in list_trees(tree.service):
            config = alembic_config(one, url)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if one == tree:
                break
        config.set_main_option("file_template", f"{number:04d}_{slug}")
        script: Any = command.revision(
            config, message, autogenerate=True, rev_id=f"{number:04d}", version_path=str(tree.folder)
        )
    return Path(script.path)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("service", nargs="?", default="")
    parser.add_argument("--url", default="", help="the database, when it is not the one of the settings")
    parser.add_argument("--shared", action="store_true", help="with --new: the tree of the shared tables")
    parser.add_argument("--new", default="", metavar="MESSAGE")
    parser.add_argument("--repair", action="store_true")
    given = parser.parse_args(arguments)
    if not given.service and not (given.shared and given.new):
        parser.error("name a service, or give --shared and --new")
    if given.new:
        tree = MigrationTree(given.service or "identity", shared=given.shared)
        sys.stdout.write(f"{write_migration(tree, given.new)}\n")
        return 0
    if not has_database(given.service):
        return 0
    try:
        run = repair_database if given.repair else upgrade_database
        run(given.service, given.url or Settings.load(given.service).resolved_database_url)
    except IncompatibleDatabase as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
