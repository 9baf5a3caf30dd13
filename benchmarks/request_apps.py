"""Apps compared by benchmarks/requests.py: the projects service, and a bare FastAPI app that sends the same rows."""

import json
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI, Response

from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import list_services
from services.projects.main import create_app
from services.projects.projects.schemas import ProjectRow
from services.projects.summary.service import fold_totals
from shared import clock
from shared.app import configure_logging
from shared.app.serve import app_lifespan, open_listener, run_until_stopped, uvicorn_config
from shared.http.rate_limits import DEFAULT_RATES
from shared.settings import Settings

HOST = "127.0.0.1"
COMPUTED_FIELDS = frozenset({"state_label", "stage"})
COLUMNS = ", ".join(name for name in ProjectRow.model_fields if name not in COMPUTED_FIELDS)
ONE = f"SELECT {COLUMNS} FROM project WHERE id = "  # noqa: S608 - our own columns
LIST = f"SELECT {COLUMNS} FROM project WHERE region BETWEEN '620602000000' AND '620602999999' "  # noqa: S608 - our own columns
LIST += "ORDER BY created_at DESC, id DESC LIMIT 50"
UPDATE = f"UPDATE project SET remark = {{}}, version = version + 1, updated_at = {{}} WHERE id = {{}} RETURNING {COLUMNS}"  # noqa: S608 - our own columns
EVENT_COLUMNS = (
    "tx",
    "id",
    "type",
    "subject",
    "subject_version",
    "region",
    "actor",
    "on_behalf_of",
    "device",
    "reason",
    "recorded_at",
    "ingested_at",
    "before",
    "after",
)


def create_service(url: str, var: Path, key: str) -> FastAPI:
    """The projects service with the benchmark's signing key in place of identity's, nothing running in the background."""
    configure_logging("CRITICAL")
    keys = create_service_keys(list_services())["projects"]
    rates = dict.fromkeys(DEFAULT_RATES, "10000000/second")
    secrets = load_or_create_secrets(var)
    settings = Settings.load(
        "projects", embedded=True, var=var, database_url=url, relay=False, rates=rates, **secrets, **keys
    )
    app = create_app(settings)

    async def fetch_jwks() -> dict[str, Any]:
        return {"keys": [json.loads(key)]}

    app.state.context.verifier.fetch_jwks = fetch_jwks
    return app


def _to_json(row: Any) -> Any:
    return dict(row)


def _encode(content: Any) -> Response:
    return Response(json.dumps(content, default=str, ensure_ascii=False), media_type="application/json")


def _event_values(project_id: UUID, version: int, at: datetime) -> tuple[Any, ...]:
    before, after = json.dumps({"remark": ""}), json.dumps({"project_id": str(project_id), "remark": "x"})
    return (
        1, uuid4(), "project.changed", str(project_id), version, "620602100201", "bench", "", "", "", at, at, before, after,
    )  # fmt: skip


def create_bare(url: str) -> FastAPI:
    """The least app on the same database: one statement a read, an UPDATE and a log INSERT in one transaction a change."""
    return _create_bare_sqlite(url) if url.startswith("sqlite") else _create_bare_postgres(url)


def _create_bare_postgres(url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.pool = await asyncpg.create_pool(url, min_size=8, max_size=16)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)
    holes = ", ".join(f"${at}" for at in range(1, len(EVENT_COLUMNS) + 1))
    insert = f"INSERT INTO event_log ({', '.join(EVENT_COLUMNS)}) VALUES ({holes})"  # noqa: S608 - our own columns

    @app.get("/projects/{project_id}")
    async def read_one(project_id: UUID) -> Response:
        return _encode(_to_json(await app.state.pool.fetchrow(ONE + "$1", project_id)))

    @app.get("/projects")
    async def read_list() -> Response:
        return _encode({"items": [_to_json(row) for row in await app.state.pool.fetch(LIST)]})

    @app.patch("/projects/{project_id}")
    async def change(project_id: UUID, body: dict[str, str]) -> Response:
        at = clock.now()
        async with app.state.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                UPDATE.format("$1", "$2", "$3"),
                body["remark"],
                at,
                project_id,
            )
            await connection.execute(insert, *_event_values(project_id, row["version"], at))
        return _encode(_to_json(row))

    return app


def _create_bare_sqlite(url: str) -> FastAPI:
    app = FastAPI()
    path = url.removeprefix("sqlite:///")
    holes = ", ".join("?" for _ in EVENT_COLUMNS)
    insert = f"INSERT INTO event_log ({', '.join(EVENT_COLUMNS)}) VALUES ({holes})"  # noqa: S608 - our own columns

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=5000")
        return connection

    kept = connect()

    @app.get("/projects/{project_id}")
    async def read_one(project_id: UUID) -> Response:
        return _encode(_to_json(kept.execute(ONE + "?", (project_id.hex,)).fetchone()))

    @app.get("/projects")
    async def read_list() -> Response:
        return _encode({"items": [_to_json(row) for row in kept.execute(LIST)]})

    @app.patch("/projects/{project_id}")
    async def change(project_id: UUID, body: dict[str, str]) -> Response:
        at = clock.now()
        kept.execute("BEGIN IMMEDIATE")
        row = kept.execute(
            UPDATE.format("?", "?", "?"),
            (body["remark"], at.strftime("%Y-%m-%d %H:%M:%S.%f"), project_id.hex),
        ).fetchone()
        values = _event_values(project_id, row["version"], at)
        kept.execute(
            insert, [str(value) if isinstance(value, UUID | datetime) else value for value in values]
        )
        kept.execute("COMMIT")
        return _encode(_to_json(row))

    return app


async def serve(app: FastAPI, port: int) -> None:
    """Answer on a port until told to end; totals are folded before, as a service does within five seconds of a write."""
    with open_listener(HOST, port) as listener:
        async with app_lifespan(app):
            if hasattr(app.state, "context"):
                await fold_totals(app.state.context)
            await uvicorn.Server(uvicorn_config(app)).serve(sockets=[listener])


def main(setup: str, url: str, port: str, var: str, key: str) -> int:
    """Run one of the two apps as a process of its own."""
    app = create_bare(url) if setup == "bare" else create_service(url, Path(var), key)
    return run_until_stopped(serve(app, int(port)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
