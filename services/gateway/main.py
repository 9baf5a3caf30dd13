"""Gateway: the single public address; forwards requests to the services and stores no business data."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from services.gateway.board.router import router as board
from services.gateway.home.router import router as home
from services.gateway.notices.router import router as notices
from services.gateway.overview.router import router as overview
from services.gateway.pages.router import router as pages
from services.gateway.proxy import Door
from services.gateway.rate_limiter import RateLimiter
from services.gateway.system.router import build_router as system
from services.gateway.threads.router import router as threads
from services.gateway.upstream import Remote
from shared import clock
from shared.app import API_PREFIX, Metrics, RequestLogMiddleware, openapi_with_problems
from shared.auth import Keyring, TokenVerifier
from shared.clients import ServiceClients
from shared.db import Database
from shared.files import Storage
from shared.http import problems
from shared.rules import RuleCache
from shared.settings import Settings
from shared.unit_of_work import ServiceContext

SERVICE_NAME = "gateway"
PAGE_ROUTERS: tuple[APIRouter, ...] = (home, threads, overview, notices)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the gateway app; `apps` are the services of this process, looked up again at every request."""
    settings = settings or Settings.load(SERVICE_NAME)
    context = _build_context(settings, apps, now)
    metrics, remote = Metrics(SERVICE_NAME), Remote()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await remote.close()
            await context.clients.close()

    app = FastAPI(
        title="衔接", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.context = context
    app.openapi = lambda: openapi_with_problems(app)  # type: ignore[method-assign]
    problems.install_error_handlers(app)
    app.add_middleware(Door, context=context, rates=RateLimiter(settings.rates, now), remote=remote)
    app.add_middleware(RequestLogMiddleware, metrics=metrics)
    for router in (system(metrics), board, pages):
        app.include_router(router)
    for router in PAGE_ROUTERS:
        app.include_router(router, prefix=API_PREFIX)
    return app


def _build_context(
    settings: Settings, apps: Mapping[str, ASGIApp] | None, now: Callable[[], datetime]
) -> ServiceContext:
    clients = ServiceClients(settings, apps)

    async def fetch_jwks() -> dict[str, Any]:
        jwks: dict[str, Any] = await clients.request("identity", "GET", "/.well-known/jwks.json")
        return jwks

    return ServiceContext(
        name=SERVICE_NAME,
        settings=settings,
        database=Database("sqlite://"),  # never opened: the gateway stores nothing
        clients=clients,
        verifier=TokenVerifier(settings, fetch_jwks),
        keyring=Keyring.random(),
        storage=Storage(str(settings.var / "files" / SERVICE_NAME)),
        rules=RuleCache(),
        clock=now,
    )
