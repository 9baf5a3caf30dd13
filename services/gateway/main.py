"""The gateway: one address for everything; owns no business data."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from services.gateway.home.router import router as home
from services.gateway.legs import Remote
from services.gateway.notices.router import router as notices
from services.gateway.overview.router import router as overview
from services.gateway.proxy import Door
from services.gateway.rates import Rates
from services.gateway.system.router import routes as system
from services.gateway.threads.router import router as threads
from shared import clock, problems
from shared.app import API, with_problem_shape
from shared.auth import Verifier
from shared.db import Database
from shared.personal import Keyring
from shared.rules import RuleBook
from shared.settings import Settings
from shared.storage import Storage
from shared.watch import Metrics, Watch
from shared.wire import Wire
from shared.work import Context

NAME = "gateway"
PAGES: tuple[APIRouter, ...] = (home, threads, overview, notices)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The gateway; `apps` are the services of this process, asked for anew at every request."""
    settings = settings or Settings.of(NAME)
    context = _context(settings, apps, now)
    metrics, remote = Metrics(NAME), Remote()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await remote.close()
            await context.wire.close()

    app = FastAPI(
        title="衔接", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.context = context
    app.openapi = lambda: with_problem_shape(app)  # type: ignore[method-assign]
    problems.install(app)
    app.add_middleware(Door, context=context, rates=Rates(settings.rates, now), remote=remote)
    app.add_middleware(Watch, metrics=metrics)
    app.include_router(system(metrics))
    for router in PAGES:
        app.include_router(router, prefix=API)
    return app


def _context(settings: Settings, apps: Mapping[str, ASGIApp] | None, now: Callable[[], datetime]) -> Context:
    wire = Wire(settings, apps)

    async def keys() -> dict[str, Any]:
        found: dict[str, Any] = await wire.ask("identity", "GET", "/.well-known/jwks.json")
        return found

    return Context(
        name=NAME,
        settings=settings,
        database=Database("sqlite://"),  # never opened: the gateway keeps nothing
        wire=wire,
        verifier=Verifier(settings, keys),
        keyring=Keyring.made_up(),
        storage=Storage(str(settings.var / "files" / NAME)),
        rules=RuleBook(),
        clock=now,
    )
