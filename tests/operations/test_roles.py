"""Roles of PostgreSQL: a service owns its own database and reaches no other (deploy/postgres/databases.sh)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from embedded.system import list_services
from operations.postgres_programs import find_programs
from shared.app.factory import STARTUP_LOCK_ID
from shared.db import Database
from shared.db.migrate import upgrade_database
from shared.events.epoch import settle_epoch
from tests import postgres
from tests.conftest import SQLITE, Clock
from tests.gateway.compose_file import DEPLOY_FOLDER


@pytest.fixture
def names(tmp_path: Path) -> Iterator[list[str]]:
    """Two databases with their roles, made by the script of the container."""
    if SQLITE:
        pytest.skip("SQLite has no roles")
    found = [f"s{uuid4().hex[:8]}_{name}" for name in ("funds", "assets")]
    server = psycopg.conninfo.conninfo_to_dict(postgres.get_server_url())
    for name in found:
        (tmp_path / f"{name}_database_password").write_text("it's a secret", encoding="utf-8")
    environment = {
        "XIANJIE_SECRETS_FOLDER": str(tmp_path),
        "PATH": f"{find_programs()}:{os.environ['PATH']}",
        "PGHOST": str(server["host"]),
        "PGPORT": str(server["port"]),
        "POSTGRES_USER": str(server["user"]),
        "XIANJIE_DATABASES": " ".join(found),
    }
    subprocess.run(["sh", str(DEPLOY_FOLDER / "postgres" / "databases.sh")], check=True, env=environment)
    yield found
    for name in found:
        postgres.drop_database(name)
    with psycopg.connect(f"{postgres.get_server_url()}/postgres", autocommit=True) as connection:
        for name in found:
            connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(name)))


def _url(role: str, database: str) -> str:
    place = postgres.get_server_url().rpartition("@")[2]
    return f"postgresql://{role}:secret@{place}/{database}"


async def test_a_service_migrates_and_starts_with_its_own_role_and_reaches_no_other(
    names: list[str], clock: Clock
) -> None:
    own, other = names
    assert "funds" in list_services()
    upgrade_database("funds", _url(own, own))
    database = Database(_url(own, own))
    async with database.advisory_lock(STARTUP_LOCK_ID), database.write() as session:
        assert (await settle_epoch(session, clock.now())).server
    await database.close()

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(_url(own, other))
