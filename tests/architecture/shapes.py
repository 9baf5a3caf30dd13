"""What a database is made of, in a form that two databases can be compared in."""

import re
from typing import Any

import sqlalchemy as sa

from shared.db import sync_url

VERSION_TABLES = {"alembic_version", "alembic_version_shared"}
CASTS = re.compile(r"::[a-z ]+(\[\])?|[()]")
"""What PostgreSQL writes in another way once a condition was dumped and restored."""


def open_engine(url: str) -> sa.Engine:
    made = sa.create_engine(sync_url(url), poolclass=sa.NullPool)
    if made.dialect.name == "sqlite":

        @sa.event.listens_for(made, "connect")
        def _quick(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

    return made


def read_shape(url: str) -> dict[str, object]:
    """What a database is made of, but for the search indexes (shared/db/search.py makes and drops those whole)."""
    engine = open_engine(url)
    with engine.connect() as connection:
        seen = sa.inspect(connection)
        names = [
            name for name in seen.get_table_names() if "_search" not in name and name not in VERSION_TABLES
        ]
        shape: dict[str, object] = {}
        for name in names:
            for column in seen.get_columns(name):
                kind = column["type"].compile(engine.dialect)
                shape[f"{name}.{column['name']}"] = (str(kind), column["nullable"], column.get("default"))
            shape[f"{name} key"] = seen.get_pk_constraint(name)["constrained_columns"]
            shape[f"{name} indexes"] = sorted(
                (
                    str(one["name"]),
                    str(one["column_names"]),
                    bool(one["unique"]),
                    CASTS.sub(
                        "", str(one.get("dialect_options", {}).get(f"{engine.dialect.name}_where", ""))
                    ),
                )
                for one in seen.get_indexes(name)
            )
            shape[f"{name} unique"] = sorted(
                str(one["column_names"]) for one in seen.get_unique_constraints(name)
            )
            shape[f"{name} references"] = sorted(
                f"{one['constrained_columns']} {one['referred_table']}" for one in seen.get_foreign_keys(name)
            )
            shape[f"{name} checks"] = sorted(str(one["name"]) for one in seen.get_check_constraints(name))
    engine.dispose()
    return shape


def read_names(url: str) -> set[str]:
    """The names of all tables, those of search indexes too, and of all triggers."""
    engine = open_engine(url)
    triggers = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if engine.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with engine.connect() as connection:
        names = {*sa.inspect(connection).get_table_names(), *connection.execute(sa.text(triggers)).scalars()}
    engine.dispose()
    return names
