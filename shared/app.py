"""The one factory: a service is a name, its tables, its routers and its handlers; everything else is the same for all."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.types import ASGIApp

from shared import clock, feed, inbox, operations, problems
from shared.auth import Verifier
from shared.db import Database
from shared.errors import Problem
from shared.express import Express, ExpressWay
from shared.idempotency import forget_old
from shared.permissions import May
from shared.personal import Keyring
from shared.rounds import forever
from shared.routes import files, health, rules
from shared.rules import RuleBook, load
from shared.seal import BATCH, PAUSE, seal
from shared.settings import Settings
from shared.storage import Storage
from shared.watch import Metrics, Watch
from shared.webhooks import router as webhooks
from shared.webhooks.courier import Courier
from shared.wire import Wire
from shared.work import Context

API = "/api/v1"
ROOT = Path(__file__).parent.parent
STARTING = 620_603
"""Lock of a database: one process of a service at a time brings its rules in."""
DAY = 24 * 3600
log = structlog.get_logger("service")


@dataclass(frozen=True)
class Service:
    """What makes one service different from another."""

    name: str
    title: str
    read: May
    """Permission that opens its feed."""
    routers: Sequence[APIRouter]
    handlers: Mapping[str, inbox.Handler] = field(default_factory=dict)
    background: Sequence[Callable[[Context], Awaitable[None]]] = ()
    open_routers: Sequence[APIRouter] = ()
    """Routers outside /api/v1 (well-known documents)."""
    rule_shapes: Mapping[str, Any] = field(default_factory=dict)
    """Rule key → the type its value must have; a district's own version of another shape is refused."""
    webhooks: May | None = None
    """Permission that manages its webhooks; a service without one has none."""
    express: Sequence[Express] = ()
    """Addresses that are called so often that they have a short way beside their route."""
    start: Callable[[Context], Awaitable[None]] | None = None
    """Runs before the first request: seeds, checks."""


def build(
    service: Service,
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The app of a service. `apps` are the services of this process, `now` is the clock tests replace."""
    settings = settings or Settings.of(service.name)
    context = _context(service, settings, apps, now)
    metrics = Metrics(service.name)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        tasks: list[asyncio.Task[None]] = []
        try:
            await _begin(service, context)
            if settings.relay:
                tasks = [asyncio.create_task(one) for one in _tasks(service, context)]
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await context.wire.close()
            await context.database.close()

    app = FastAPI(title=service.title, version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.context = context
    problems.install(app)
    if service.express:
        app.add_middleware(ExpressWay, context=context, ways=service.express)
    app.add_middleware(Watch, metrics=metrics)
    _mount(app, service, metrics)
    app.openapi = lambda: with_problem_shape(app)  # type: ignore[method-assign]
    return app


def _context(
    service: Service, settings: Settings, apps: Mapping[str, ASGIApp] | None, now: Callable[[], datetime]
) -> Context:
    wire = Wire(settings, apps)

    async def keys() -> dict[str, Any]:
        found: dict[str, Any] = await wire.ask("identity", "GET", "/.well-known/jwks.json")
        return found

    return Context(
        name=service.name,
        settings=settings,
        database=Database(settings.database),
        wire=wire,
        verifier=Verifier(settings, keys),
        keyring=Keyring(settings.data_keys, settings.index_key),
        storage=Storage(settings.storage_url or str(settings.var / "files" / service.name)),
        rules=RuleBook(),
        clock=now,
    )


async def _begin(service: Service, context: Context) -> None:
    async with context.database.alone(STARTING):
        async with context.database.write() as session:
            for folder in (ROOT / "shared" / "notices", ROOT / "services" / service.name / "rules"):
                await load(session, folder, context.clock())
        if service.start is not None:
            await service.start(context)


def _tasks(service: Service, context: Context) -> list[Any]:
    common = (forever("seal", _sealed, PAUSE), forever("tidy", _tidy, DAY))
    running = [inbox.relay_of(context).run(), *(one(context) for one in (*common, *service.background))]
    return [*running, Courier(context).run()] if service.webhooks is not None else running


async def _sealed(context: Context) -> bool:
    return await seal(context) == BATCH


async def _tidy(context: Context) -> None:
    async with context.database.write() as session:
        await (await session.connection()).execute(forget_old(context.clock()))


def _mount(app: FastAPI, service: Service, metrics: Metrics) -> None:
    app.include_router(health.routes(metrics))
    app.include_router(inbox.routes(service.handlers))
    for router in service.open_routers:
        app.include_router(router)
    common = (
        rules.routes(service.name, service.rule_shapes),
        files.routes(service.name),
        feed.routes(service.name, service.read),
        operations.routes(service.name),
    )
    pushed = [webhooks.routes(service.name, service.read, service.webhooks)] if service.webhooks else []
    for router in (*common, *pushed, *service.routers):
        app.include_router(router, prefix=API)


def with_problem_shape(app: FastAPI) -> dict[str, Any]:
    """The app's OpenAPI document, with the shape of every refusal."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        _, shapes = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        schema.setdefault("components", {}).setdefault("schemas", {}).update(shapes["$defs"])
        app.openapi_schema = schema
    return app.openapi_schema
