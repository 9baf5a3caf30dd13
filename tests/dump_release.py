"""`python -m tests.dump_release`: write dumps of databases that the code at hand makes, for tests of later migrations.

A new system runs on SQLite, then on PostgreSQL. The story, the tours and a few requests fill it; when the log is quiet
and sealed the system ends and each service's database is written to `tests.released.FOLDER` as SQL text. It needs `sh`,
`curl` and `python3`.
"""

import gzip
import json
import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from embedded.system import list_services
from operations.demo.__main__ import main as tell_story
from operations.postgres_programs import find_programs
from shared.db.migrate import has_database
from tests import postgres
from tests.gateway.test_run import start_system
from tests.journeys.test_tours import README_URL, SHELL_BLOCK_PATTERN, TOUR_FILES
from tests.released import FOLDER, KINDS, dump_path, measure, read_keys

SERVICES = [name for name in list_services() if has_database(name)]
PASSWORD = "Xianjie-2022"
QUIET_S, PATIENCE_S = 12, 120
WEBHOOK_SETTINGS = {
    "XIANJIE_WEBHOOK_HTTP": "true",
    "XIANJIE_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
}
"""The webhook subscribed here goes to a port of this machine where nothing listens."""
DISTRICT = "620602000000"
MORE: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("admin", "/organisations", {"region": DISTRICT, "name": "凉州区水务局", "kind": "bureau"}),
    ("bureau", "/funds/alerts/sweep", {}),
    ("bureau", "/projects/alerts/sweep", {}),
    ("bureau", "/assets/alerts/sweep", {}),
    (
        "finance",
        "/funds/webhooks",
        {"region": DISTRICT, "name": "财政一体化系统", "url": "http://127.0.0.1:9/in"},
    ),
)
"""Who asks for what, of kinds that story and tours lack."""
LEFT_OUT = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")
"""How lines of pg_dump begin that are comments, commands of psql, or settings that other versions may not know."""


def dump(kind: str) -> dict[str, Any]:
    """Run a new system on one kind of database, fill it, write its dumps. What `measure` finds in each database."""
    with tempfile.TemporaryDirectory(prefix="xianjie-release-") as folder:
        var = Path(folder)
        (var / "secrets.json").write_text(json.dumps(read_keys()), "utf-8")
        urls = make_databases(kind, var)
        process, address = start_system(var)
        try:
            fill(address)
            wait_until_sealed(urls)
        finally:
            process.terminate()
            process.communicate(timeout=30)
        found = {service: measure(url) for service, url in urls.items()}
        require_sealed(found)
        write_text: Callable[[str], str] = write_sqlite if kind == "sqlite" else write_postgres
        for service, url in urls.items():
            path = dump_path(kind, service)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(write_text(url).encode(), 9, mtime=0))
    return found


def make_databases(kind: str, var: Path) -> dict[str, str]:
    """The database address of each service; on PostgreSQL it is made, and named in the environment."""
    os.environ.update(WEBHOOK_SETTINGS)
    if kind == "sqlite":
        return {service: f"sqlite:///{var / service}.db" for service in SERVICES}
    urls = {}
    for service in SERVICES:
        postgres.create_database(service)
        urls[service] = os.environ[f"{service.upper()}_DATABASE_URL"] = (
            f"{postgres.get_server_url()}/{service}"
        )
    return urls


def fill(address: str) -> None:
    """Tell the story, play the tours, and add kinds of records that neither makes."""
    if tell_story(["--url", address]):
        raise SystemExit("the story did not end")
    for tour in TOUR_FILES:
        blocks = [
            one for one in SHELL_BLOCK_PATTERN.findall(tour.read_text("utf-8")) if not one.startswith("make ")
        ]
        script = "set -eu\n" + "\n".join(blocks).replace(README_URL, address)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["/bin/sh"], input=script, cwd=folder, text=True, check=True)
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as client:
        for user, path, body in MORE:
            post(client, user, path, body)


def post(client: httpx.Client, user: str, path: str, body: Mapping[str, Any]) -> None:
    """One request of a demo account; it must be accepted."""
    form = {"grant_type": "password", "username": user, "password": PASSWORD}
    token = client.post("/auth/token", data=form).raise_for_status().json()["access_token"]
    answer = client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
    if not answer.is_success:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text}")


def wait_until_sealed(urls: Mapping[str, str]) -> None:
    """Wait until every event is sealed and for some seconds none was added."""
    last: list[int] = []
    since, until = time.monotonic(), time.monotonic() + PATIENCE_S
    while time.monotonic() - since < QUIET_S:
        if time.monotonic() > until:
            raise SystemExit("the logs do not become quiet")
        rows = [measure(url)["rows"] for url in urls.values()]
        counts = [one["event_log"] for one in rows]
        if counts != last or counts != [one["log_seal"] for one in rows]:
            last, since = counts, time.monotonic()
        time.sleep(1)


def require_sealed(found: Mapping[str, Any]) -> None:
    """The system wrote no event after the last seal when it ended."""
    for service, measured in found.items():
        if measured["rows"]["event_log"] != measured["rows"]["log_seal"]:
            raise SystemExit(f"{service} has events without a seal")


def write_sqlite(url: str) -> str:
    """A SQLite database as SQL text. Search indexes are built anew from the words that stand in ordinary tables."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        made = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()
        indexes = [name for _, name, sql in made if sql.startswith("CREATE VIRTUAL TABLE")]
        own = [one for one in made if not one[1].startswith(tuple(f"{name}_" for name in indexes))]
        lines = ["BEGIN", *(sql for kind, _, sql in own if kind == "table")]
        for kind, name, _ in own:
            if kind == "table" and name not in indexes:
                lines += _insert_rows(connection, name)
        lines += [f"INSERT INTO {name}({name}) VALUES ('rebuild')" for name in indexes]  # noqa: S608 - a name of our own
        lines += [sql for kind, _, sql in own if kind != "table"]
    return ";\n".join([*lines, "COMMIT", ""])


def _insert_rows(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [f'"{row[1]}"' for row in connection.execute(f'PRAGMA table_info("{table}")')]
    values = " || ',' || ".join(f"quote({one})" for one in columns)
    for (row,) in connection.execute(f'SELECT {values} FROM "{table}"'):  # noqa: S608 - names of our own
        yield f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({row})'  # noqa: S608 - quoted by SQLite


def write_postgres(url: str) -> str:
    """A PostgreSQL database as SQL text that any client can run."""
    options = ("--inserts", "--column-inserts", "--no-owner", "--no-privileges")
    command = [str(find_programs() / "pg_dump"), *options, url]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return "\n".join(keep_statements(done.stdout.split("\n")))


def keep_statements(lines: Iterable[str]) -> Iterator[str]:
    """The lines of pg_dump without those `LEFT_OUT` names; a line inside a quoted text is always kept."""
    quoted = False
    for line in lines:
        if quoted or (line and not line.startswith(LEFT_OUT)):
            quoted ^= line.count("'") % 2 == 1
            yield line


def main() -> None:
    """Both kinds, and what they hold in counts.json."""
    counts = {"sqlite": dump("sqlite")}
    stop = postgres.start_server()
    try:
        counts["postgres"] = dump("postgres")
    finally:
        stop()
    text = json.dumps({kind: counts[kind] for kind in KINDS}, indent=1, sort_keys=True)
    (FOLDER / "counts.json").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
