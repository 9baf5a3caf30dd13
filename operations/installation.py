"""Where the data of one installation lies: a database per service, its files, the secrets.

Databases are named as for the services themselves: `<SERVICE>_DATABASE_URL` in the environment, else a SQLite file of the
data folder.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import obstore
import sqlalchemy as sa
from obstore.store import LocalStore, ObjectStore, from_url

from shared.db import sync_url
from shared.db.migrate import ROOT, has_database

SECRETS_FILE = "secrets.json"
ARRIVING = "arriving/"
"""Uploads that are not finished (shared/files/storage.py)."""


class OperationRefused(Exception):
    """The command is not carried out; the message says in Chinese why, and what mends it."""


def list_data_services() -> list[str]:
    """List the services that have a database."""
    return sorted(
        path.parent.name for path in ROOT.glob("services/*/main.py") if has_database(path.parent.name)
    )


@dataclass(frozen=True)
class Installation:
    """The parts of an installation that a backup holds."""

    home: Path
    databases: Mapping[str, str]
    """Database URL by service."""
    storage_url: str = ""
    """As XIANJIE_STORAGE_URL: empty for a folder `files` in `home`."""

    @classmethod
    def find(cls, home: Path, environment: Mapping[str, str] = os.environ) -> "Installation":
        """The installation of a data folder and the environment's addresses."""
        home = home.resolve()
        urls = {
            name: environment.get(f"{name.upper()}_DATABASE_URL", "") or f"sqlite:///{home / name}.db"
            for name in list_data_services()
        }
        return cls(home, urls, environment.get("XIANJIE_STORAGE_URL", ""))

    @property
    def runs_on_files(self) -> bool:
        """Whether every database is a SQLite file."""
        return all(url.startswith("sqlite") for url in self.databases.values())

    def open_store(self) -> ObjectStore:
        """The file contents of all services: a bucket or a folder."""
        if "://" in self.storage_url:
            return from_url(self.storage_url)
        folder = Path(self.storage_url) if self.storage_url else self.home / "files"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(prefix=str(folder))


def list_stored_paths(store: ObjectStore) -> list[str]:
    """The paths of a store's finished contents, in order."""
    found = (one["path"] for page in obstore.list(store) for one in page)
    return sorted(path for path in found if not path.startswith(ARRIVING))


def create_engine(url: str) -> sa.Engine:
    """An engine for a tool; SQLite's own transactions, so that a read transaction begins where it is asked for."""
    engine = sa.create_engine(sync_url(url), poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _disable_driver_transactions(connection: object, _record: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    return engine


def describe_location(url: str) -> str:
    """A database's place without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)
