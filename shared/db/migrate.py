"""Bring one service's database to the version of its code, or write the next migration.

python -m shared.db.migrate projects [--url URL]          upgrade to the newest version
python -m shared.db.migrate projects --new "add visits"   write the next numbered migration from the tables
"""

import argparse
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlmodel import SQLModel

from shared.db.engine import sync_url
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
MIGRATION_LOCK_ID = 620602
"""PostgreSQL advisory lock: one migration of a database at a time."""


class IncompatibleDatabase(Exception):
    """The database is not one this code can bring up to date; the message says why."""


def load_base(service: str) -> type[SQLModel]:
    """A service's declarative base with all its tables."""
    return importlib.import_module(f"services.{service}.tables").Base  # type: ignore[no-any-return]


def alembic_config(service: str, url: str) -> Config:
    """Alembic's configuration for one service, without a file."""
    made = Config()
    made.set_main_option("script_location", str(ROOT / "shared" / "db" / "migrations"))
    made.set_main_option("version_locations", str(ROOT / "services" / service / "migrations"))
    made.set_main_option("path_separator", "os")
    made.attributes["service"] = service
    made.attributes["url"] = url
    return made


def has_database(service: str) -> bool:
    """Whether a service keeps data at all (the gateway does not)."""
    return (ROOT / "services" / service / "migrations").is_dir()


def upgrade_database(service: str, url: str) -> None:
    """To the newest version; WrongDatabase when the file is newer than the code or half-made by other hands."""
    engine = _create_engine(url)
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            made = alembic_config(service, url)
            made.attributes["connection"] = connection
            if not _is_up_to_date(service, connection, made):
                command.upgrade(made, "head")
            connection.commit()
    except CommandError as error:
        message = f"{service} 数据库版本与程序不符, 请使用匹配的程序版本: {error}"
        raise IncompatibleDatabase(message) from error
    finally:
        engine.dispose()


def _create_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(sync_url(url), poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":
        # With the driver's own transactions a killed migration would leave half its tables.
        @sa.event.listens_for(engine, "connect")
        def _plain(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
            connection.isolation_level = None

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _is_up_to_date(service: str, connection: sa.Connection, made: Config) -> bool:
    """Whether there is nothing to do; WrongDatabase when it is not for this code to do."""
    stamped: set[str] = set()
    heads: set[str] = set()
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK_ID})
        connection.execute(sa.text("SET lock_timeout = '5s'"))
    tables = set(sa.inspect(connection).get_table_names())
    if tables and "alembic_version" not in tables:
        message = f"{service} 数据库里已有表, 但没有版本记录(可能是中断的安装): 请备份后换一个空库"
        raise IncompatibleDatabase(message)
    if "alembic_version" in tables:
        scripts = ScriptDirectory.from_config(made)
        known, heads = {script.revision for script in scripts.walk_revisions()}, set(scripts.get_heads())
        stamped = set(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
        if strange := stamped - known:
            message = f"{service} 数据库是更新的程序建的(版本 {'、'.join(strange)}), 请使用匹配的程序版本"
            raise IncompatibleDatabase(message)
    connection.commit()
    return bool(stamped) and stamped == heads


def write_migration(service: str, message: str) -> Path:
    """The next migration from the difference between the migrations so far and the tables, made on an empty SQLite."""
    url = "sqlite://"
    engine = _create_engine(url)
    made = alembic_config(service, url)
    folder = ROOT / "services" / service / "migrations"
    folder.mkdir(exist_ok=True)
    number = len(list(folder.glob("[0-9][0-9][0-9][0-9]_*.py"))) + 1
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    with engine.connect() as connection:
        made.attributes["connection"] = connection
        command.upgrade(made, "head")
        made.set_main_option("file_template", f"{number:04d}_{slug}")
        script: Any = command.revision(
            made, message, autogenerate=True, rev_id=f"{number:04d}", version_path=str(folder)
        )
    return Path(script.path)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("service")
    parser.add_argument("--url", default="")
    parser.add_argument("--new", default="", metavar="MESSAGE")
    asked = parser.parse_args(arguments)
    if not has_database(asked.service) and not asked.new:
        return 0
    try:
        if asked.new:
            sys.stdout.write(f"{write_migration(asked.service, asked.new)}\n")
        else:
            upgrade_database(asked.service, asked.url or Settings.load(asked.service).resolved_database_url)
    except IncompatibleDatabase as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
