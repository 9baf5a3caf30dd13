"""`make bench BENCH=restore_drill`: backup and restore drill of an installation with a million rows.

    python -m benchmarks.restore_drill                 # PostgreSQL, started in a temporary folder
    python -m benchmarks.restore_drill --sqlite --rows 100000

Fills attendance with check-ins and their sealed events (a third of the rows each: check-ins, events, seals), saves all
services with the commands of operations/, plays the drill, and prints seconds and MiB. RPO is how much would be lost: what
came after the last backup, so with a backup every INTERVAL it is INTERVAL plus what a backup takes.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg import sql

from operations import backup
from operations.installation import Installation, list_data_services
from operations.postgres_server import PostgresServer
from operations.restore_drill import run_drill
from operations.sealing import Lock
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import CheckInSource, Kind, Result
from shared import clock
from shared.app.factory import STARTUP_LOCK_ID
from shared.clients.attendance import CheckInRecorded
from shared.db import Database, bulk_upsert, event_log, new_id
from shared.db.migrate import upgrade_database
from shared.events import audit_log
from shared.events.epoch import current_tx, settle_epoch
from shared.unit_of_work import ServiceContext

CHUNK = 5_000
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
BARS = {"RPO": 300.0, "RTO": 900.0}
"""Seconds: docs/operating.md."""
TABLE: sa.Table = CheckIn.__table__  # type: ignore[attr-defined]


def build_check_in(number: int) -> dict[str, Any]:
    """The columns of one check-in; 500 persons check in once a day."""
    at = FIRST_DAY + timedelta(days=number // 500, seconds=number % 500)
    person = f"p{number % 500}"
    return {
        "id": new_id(), "region": "620602100201", "version": 1, "created_at": at, "created_by": person,
        "updated_at": at, "created_digest": "", "person": person, "sent_by": person, "kind": Kind.ON_DUTY,
        "source": CheckInSource.USER, "work_date": at.date(), "taken_at": at, "phone_taken_at": None, "fixed_at": at,
        "received_at": at, "post_id": None, "lon": 102.6 + number % 97 / 1e4, "lat": 37.9, "fix": {"accuracy_m": 12},
        "accuracy_m": 12.0, "coarse": False, "mock": False, "device": f"device-{person}", "verdict": None,
        "distance_m": None, "margin_m": None, "flags": [], "result": Result.HELD, "rule_version": "check_in.limits@1",
        "remark": "", "photo": "",
    }  # fmt: skip


def build_event(row: dict[str, Any]) -> dict[str, Any]:
    """The log row of a check-in."""
    at = row["received_at"]
    names = ("person", "kind", "result", "post_id")
    told = {name: row[name] for name in names} | {"verdict": "", "work_date": str(row["work_date"])}
    return {
        "id": new_id(), "type": CheckInRecorded.topic, "subject": str(row["id"]), "subject_version": 1,
        "region": row["region"], "actor": row["person"], "on_behalf_of": "", "device": row["device"], "reason": "",
        "recorded_at": at, "ingested_at": at, "before": {}, "after": told | {"taken_at": at.isoformat()},
        "person": row["person"], "records": {},
    }  # fmt: skip


async def fill(url: str, count: int) -> None:
    """Write check-ins and their events, and seal these."""
    database = Database(url)
    for first in range(0, count, CHUNK):
        rows = [build_check_in(number) for number in range(first, min(count, first + CHUNK))]
        async with database.write() as session:
            await bulk_upsert(session, TABLE, rows)
            number = (await (await session.connection()).execute(sa.select(current_tx(session)))).scalar_one()
            await bulk_upsert(session, event_log, [build_event(row) | {"tx": number} for row in rows])
    part = cast("ServiceContext", _Sealer(database))
    while await audit_log.seal_rows(part):
        pass
    await database.close()


class _Sealer:
    """What sealing needs of a service."""

    def __init__(self, database: Database) -> None:
        self.database = database


async def begin(url: str) -> None:
    """The first epoch of a database's log."""
    database = Database(url)
    async with database.advisory_lock(STARTUP_LOCK_ID), database.write() as session:
        await settle_epoch(session, clock.now())
    await database.close()


def create_installation(home: Path, server: PostgresServer | None) -> Installation:
    """Empty databases of all services, and a data folder."""
    urls = {}
    for name in list_data_services():
        urls[name] = f"{server.url}/{name}" if server else f"sqlite:///{home / name}.db"
        if server:
            with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        upgrade_database(name, urls[name])
        asyncio.run(begin(urls[name]))
    (home / "files").mkdir()
    (home / "secrets.json").write_text(json.dumps({"made_for": str(UUID(int=0))}))
    return Installation(home, urls)


def measure(rows: int, *, sqlite: bool) -> list[str]:
    """Lines of the report."""
    with tempfile.TemporaryDirectory(prefix="xianjie-drill-bench-") as folder, ExitStack() as stack:
        server = None if sqlite else PostgresServer()
        if server is not None:
            stack.callback(server.remove)
            server.start()
        home = Path(folder) / "var"
        home.mkdir()
        installation = create_installation(home, server)
        began = time.monotonic()
        asyncio.run(fill(installation.databases["attendance"], rows // 3))
        filled = time.monotonic() - began
        phrase = Path(folder) / "passphrase"
        phrase.write_text("a passphrase of a benchmark")
        lock = Lock.choose("", None, phrase)
        began = time.monotonic()
        manifest = backup.take_backup(installation, Path(folder) / "backup", lock, [home / "secrets.json"])
        saved = time.monotonic() - began
        began = time.monotonic()
        lines, sound = run_drill(Path(folder) / "backup", lock, server.url if server else "")
        drilled = time.monotonic() - began
        total = sum(sum(one["rows"].values()) for one in manifest["services"].values())
        size = sum(length for length, _ in manifest["files"].values()) / 1024 / 1024
    return [
        f"{'SQLite' if sqlite else 'PostgreSQL'}: {total:,} rows in {len(manifest['services'])} databases, filled in {filled:.0f} s",
        f"backup {saved:.1f} s, {size:.0f} MiB; with one every 4 minutes RPO ≤ {240 + saved:.0f} s (bar {BARS['RPO']:.0f} s)",
        *lines[-1:],
        f"drill with the check of all seals {drilled:.1f} s (bar of RTO {BARS['RTO']:.0f} s), {'sound' if sound else 'NOT sound'}",
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sqlite", action="store_true")
    asked = parser.parse_args()
    sys.stdout.write("\n".join(measure(asked.rows, sqlite=asked.sqlite)) + "\n")


if __name__ == "__main__":
    main()
