"""Databases of a released version: restores a dump from tests/data into an empty database and measures what it holds."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from shared.db import sync_url

FOLDER = Path(__file__).parent / "data" / "v0.2.0"
KINDS = ("sqlite", "postgres")
VERSION_TABLES = {"alembic_version", "alembic_version_shared"}


def load_sqlite(service: str, path: Path) -> None:
    """Restore a service's dump into a new SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(read_dump("sqlite", service))


async def load_postgres(service: str, url: str) -> None:
    """Restore a service's dump into an empty PostgreSQL database. Event positions stay those of the old server."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(read_dump("postgres", service).encode())


def read_dump(kind: str, service: str) -> str:
    """The SQL text that makes the tables of a service and fills them."""
    return gzip.decompress(dump_path(kind, service).read_bytes()).decode()


def dump_path(kind: str, service: str) -> Path:
    """The file of a service's dump."""
    return FOLDER / kind / f"{service}.sql.gz"


def list_dumped_services() -> list[str]:
    """List the services that the release has a dump of; a newer service has none."""
    return sorted(path.name.removesuffix(".sql.gz") for path in (FOLDER / KINDS[0]).glob("*.sql.gz"))


def read_counts(kind: str, service: str) -> dict[str, Any]:
    """What `measure` found in a service's database when it was dumped."""
    found: dict[str, Any] = json.loads((FOLDER / "counts.json").read_text("utf-8"))[kind][service]
    return found


def read_keys() -> dict[str, Any]:
    """The settings whose keys open the encrypted columns of the dumps."""
    found: dict[str, Any] = json.loads((FOLDER / "keys.json").read_text("utf-8"))
    return found


def measure(url: str) -> dict[str, Any]:
    """The rows of each table, the sum and the debits of the ledger's postings, the last seal of the log."""
    engine = sa.create_engine(sync_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        names = [one for one in sa.inspect(connection).get_table_names() if "_search_fts" not in one]
        found: dict[str, Any] = {
            "rows": {name: _count(connection, name) for name in sorted(names) if name not in VERSION_TABLES},
            "head": _read_head(connection),
        }
        if "ledger_posting" in names:
            found["postings"] = _sum_postings(connection)
    engine.dispose()
    return found


def _count(connection: sa.Connection, name: str) -> int:
    found: int = connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
    return found


def _read_head(connection: sa.Connection) -> dict[str, Any]:
    seals = sa.table("log_seal", *map(sa.column, ("position", "seq", "tx", "digest")))
    last = connection.execute(sa.select(seals).order_by(seals.c.position.desc()).limit(1)).one()
    return dict(last._mapping)


def _sum_postings(connection: sa.Connection) -> dict[str, int]:
    amount: sa.ColumnClause[int] = sa.column("amount", sa.BigInteger)
    postings = sa.select(sa.func.sum(amount)).select_from(sa.table("ledger_posting", amount))
    return {
        "sum": int(connection.execute(postings).scalar_one()),
        "debits": int(connection.execute(postings.where(amount > 0)).scalar_one()),
    }
