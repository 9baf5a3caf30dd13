"""The gateway: pages composed of several services' answers; in one process also the door to them all."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp

from services.gateway.board.router import router as board
from services.gateway.dispatcher import Dispatcher
from services.gateway.fan_out import CompositionCache
from services.gateway.home.router import router as home
from services.gateway.meta.router import router as meta
from services.gateway.notices.router import router as notices
from services.gateway.overview.router import router as overview
from services.gateway.pages.router import router as pages
from services.gateway.system.router import build_router as system
from services.gateway.threads.router import router as threads
from shared import clock
from shared.app import Metrics, RequestLogMiddleware, openapi_with_problems
from shared.auth import Keyring, TokenVerifier
from shared.clients import ServiceClients
from shared.db import Database
from shared.files import Storage
from shared.http import API_PREFIX, AdmissionMiddleware, DeclaredRoutes, declare_routes, door_rules, problems
from shared.rules import RuleCache
from shared.settings import Settings
from shared.unit_of_work import ServiceContext

SERVICE_NAME = "gateway"
COMPRESSION_LEVEL = 5
UNCOMPRESSED_TYPES = (
    "application/octet-stream",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
"""Content that is compressed already."""
PAGE_ROUTERS: tuple[APIRouter, ...] = (home, meta, threads, overview, notices)


class GatewayService:
    """The gateway as the door sees it: no database, no events, only routes."""

    name = SERVICE_NAME
    handlers: Mapping[str, Any] = {}

    def declared_routes(self) -> DeclaredRoutes:
        """What the door hands to the gateway; its metrics stay inside."""
        found = declare_routes(PAGE_ROUTERS, [system(Metrics(SERVICE_NAME)), board, pages])
        return DeclaredRoutes(tuple(one for one in found.prefixes if one != "/metrics"))


SERVICE = GatewayService()


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the gateway app; `apps` are the services of this process, looked up again at every request."""
    settings = settings or Settings.load(SERVICE_NAME)
    context = _build_context(settings, apps, now)
    metrics, own = Metrics(SERVICE_NAME), SERVICE.declared_routes()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await context.clients.close()

    app = FastAPI(
        title="衔接",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.declared_routes = own
    app.state.compositions = CompositionCache()
    app.openapi = lambda: openapi_with_problems(app)  # type: ignore[method-assign]
    problems.install_error_handlers(app)
    app.add_middleware(AdmissionMiddleware, context=context)
    if apps is not None:
        app.add_middleware(Dispatcher, context=context, own=own)
        app.add_middleware(
            GZipMiddleware,
            minimum_size=door_rules.MIN_COMPRESSED_BYTES,
            compresslevel=COMPRESSION_LEVEL,
            exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *UNCOMPRESSED_TYPES),
        )
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
        storage=Storage(str(settings.var / "files")),
        rules=RuleCache(),
        clock=now,
    )
