"""Apps compared by benchmarks/check_ins.py: the attendance service, and a minimal app that inserts a row."""

import json
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI

from services.attendance.check_ins.repository import CHECK_IN_TABLE
from services.attendance.check_ins.schemas import CheckInPost
from services.attendance.main import create_app
from shared import clock
from shared.app import configure_logging
from shared.auth import tokens
from shared.settings import Settings

SIGNING_KEY_VARIABLE = "BENCH_KEY"
TOKEN_CACHE_SIZE_VARIABLE = "BENCH_REMEMBERED"  # noqa: S105 - name of a variable
"""Environment variable that overrides the number of cached verified tokens."""


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def service() -> FastAPI:
    """The deployed attendance service, with the benchmark's signing key in place of identity's."""
    configure_logging("WARNING")
    return _install_key(create_app(Settings.load("attendance", embedded=True)))


def _install_key(app: FastAPI) -> FastAPI:
    async def fetch_jwks() -> dict[str, Any]:
        return {"keys": [json.loads(os.environ[SIGNING_KEY_VARIABLE])]}

    app.state.context.verifier.fetch_jwks = fetch_jwks
    tokens.TOKEN_CACHE_SIZE = int(os.environ.get(TOKEN_CACHE_SIZE_VARIABLE, tokens.TOKEN_CACHE_SIZE))
    return app


def bare() -> FastAPI:
    """Minimal app: FastAPI, a request model, a connection pool, and one INSERT per request."""
    names = [column.name for column in CHECK_IN_TABLE.columns]
    placeholders = ", ".join(f"${at}" for at in range(1, len(names) + 1))
    statement = f"INSERT INTO check_in ({', '.join(names)}) VALUES ({placeholders})"  # noqa: S608 - our own columns

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        url = os.environ["ATTENDANCE_DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
        app.state.pool = await asyncpg.create_pool(url, min_size=8, max_size=16)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.post("/check-ins", status_code=201)
    async def insert(body: CheckInPost) -> dict[str, str]:
        at, fix = clock.now(), body.fix
        row: dict[str, Any] = {
            "id": body.id, "region": "620602100201", "version": 1, "created_at": at, "created_by": "p0",
            "updated_at": at, "created_digest": "", "person": "p0", "sent_by": "p0", "kind": body.kind.value,
            "source": "USER", "work_date": at.date(), "taken_at": body.taken_at, "received_at": at,
            "lon": fix.lon if fix else None, "lat": fix.lat if fix else None,
            "fix": fix.model_dump_json() if fix else "{}", "accuracy_m": fix.accuracy_m if fix else None,
            "coarse": False, "mock": body.mock, "device": body.device, "verdict": "inside", "distance_m": 0.0,
            "margin_m": 100.0, "flags": "[]", "result": "applied", "rule_version": "check_in.limits@1",
            "remark": body.remark, "photo": body.photo,
        }  # fmt: skip
        await app.state.pool.execute(statement, *(row.get(name) for name in names))
        return {"id": str(body.id), "result": "applied"}

    return app
