"""Application factory: builds the FastAPI app of a service from its declaration (`Service`)."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from pydantic.json_schema import models_json_schema
from starlette.types import ASGIApp

from shared import clock
from shared.app import admin_routes, composed_part, fsck_routes, health, proof_routes
from shared.app.background import run_periodically
from shared.app.batch_routes import batch_route_router
from shared.app.observability import Metrics, RequestLogMiddleware
from shared.auth import Keyring, May, Mergers, TokenVerifier, check_service_key
from shared.auth.tokens import KnownRevocations
from shared.china import LabelledEnum, format_yuan
from shared.clients import REQUEST_TIMEOUT_S, ServiceClients
from shared.clients.composition import Composition
from shared.db import Database
from shared.errors import Problem
from shared.events import feed, inbox
from shared.events.audit_log import SEAL_BATCH_ROWS, SEAL_INTERVAL_S, seal_rows
from shared.events.epoch import settle_epoch
from shared.events.fsck import Fsck, write_baseline
from shared.events.webhooks import router as webhooks
from shared.events.webhooks.delivery import WebhookDispatcher
from shared.files import Storage
from shared.files import router as files
from shared.files.holders import list_file_columns, note_holders_of_old_files
from shared.http import (
    API_PREFIX,
    AdmissionMiddleware,
    DeclaredRoutes,
    declare_routes,
    delete_expired_responses,
    index_routes,
    problems,
)
from shared.records import RecordKind, bind_kinds, list_get_addresses
from shared.records.description import CodeSets, Switches
from shared.records.file_readers import build_file_readers, build_photo_readers
from shared.records.own_data import internal_own_data_router
from shared.records.router import (
    internal_changes_router,
    internal_description_router,
    internal_worklist_router,
    record_router,
    worklist_router,
)
from shared.reminders.router import reminder_router
from shared.reminders.rules import REMINDER
from shared.reminders.scan import SCAN_INTERVAL_S, list_reminded_kinds, remind_due
from shared.retention.erasure import ExpiringColumns, erase_expired
from shared.retention.rules import RETENTION
from shared.rules import (
    RuleCache,
    RuleKey,
    RuleRegistry,
    check_rule_files,
    insert_new_entries,
    read_rule_files,
)
from shared.rules.router import rule_router
from shared.settings import Settings
from shared.unit_of_work import ServiceClient, ServiceContext

ROOT = Path(__file__).parents[2]
STARTUP_LOCK_ID = 620_603
"""Advisory lock id: one process of a service at a time loads rules and runs the startup function."""
DAY_S = 24 * 3600
_NO_WORD = re.compile(r"\W")
REVOCATION_INTERVAL_S, REVOCATION_WAIT_S = 3, 45
"""Seconds between questions to identity for ended sessions, and the longest time an answer waits for one."""
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own telemetry is off: requests are logged and counted in observability.py."""
log = structlog.get_logger("service")


@dataclass(frozen=True)
class Service:
    """Declaration of one service."""

    name: str
    title: str
    read: May
    """Permission for its event feed."""
    routers: Sequence[APIRouter]
    composition: Composition = field(default_factory=Composition)
    """Its key figures and its part of threads, for pages composed of several services."""
    fsck: Fsck | None = None
    """What its event log proves of its tables; None for a service without a database."""
    kinds: Sequence[RecordKind] = ()
    """Its kinds of record: their worklist, their place in `/meta`, and the addresses their features leave out."""
    expiring: Sequence[ExpiringColumns] = ()
    """Columns that are emptied when their record has been closed for as long as rule `retention.contact` says."""
    switches: Switches | None = None
    """Limits and switches that hold today for the caller, for `/meta`."""
    code_sets: Mapping[str, CodeSets] = field(default_factory=dict)
    """Code sets that are dated data and no enumeration, by name."""
    handlers: Mapping[str, inbox.EventHandler] = field(default_factory=dict)
    background: Sequence[Callable[[ServiceContext], Awaitable[None]]] = ()
    open_routers: Sequence[APIRouter] = ()
    """Routers outside /api/v1 (well-known documents)."""
    internal_routers: Sequence[APIRouter] = ()
    """Routers for other services, under /internal: the door hands nothing to them."""
    rules: Sequence[RuleKey[Any]] = ()
    """Every dated rule it reads, with the shape of its value and who may change it."""
    rule_permission: May | None = None
    """Who may set the district's own versions of its rules, unless a rule names another permission."""
    webhooks: May | None = None
    """Permission to manage its webhooks; None for a service without webhooks."""
    middleware: Sequence[tuple[Callable[..., ASGIApp], Callable[[ServiceContext], dict[str, Any]]]] = ()
    """ASGI middleware classes, each with a function that builds its keyword arguments."""
    start: Callable[[ServiceContext], Awaitable[None]] | None = None
    """Called before the first request, e.g. to create initial data."""

    def list_rules(self) -> tuple[RuleKey[Any], ...]:
        """Its own rules, those of reminders where records have deadlines and of retention where columns expire."""
        reminded = (REMINDER,) if list_reminded_kinds(self.kinds) else ()
        return (*self.rules, *reminded, *((RETENTION,) if self.expiring else ()))

    @cached_property
    def all_routers(self) -> list[APIRouter]:
        """All routers under /api/v1: those every service has, then its own."""
        common = (
            rule_router(self.name, self.rule_registry()),
            feed.event_feed_router(self.name, self.read),
            admin_routes.admin_router(self.name),
            worklist_router(self.name, self.kinds),
        )
        audited = [proof_routes.head_router(self.name)] if self.fsck is not None else []
        if self.fsck is not None:
            audited += [
                fsck_routes.fsck_router(self.name),
                proof_routes.evidence_router(self.name, self.fsck),
            ]
        reminded = [reminder_router(self.name, self.read)] if list_reminded_kinds(self.kinds) else []
        pushed = [webhooks.webhook_router(self.name, self.read, self.webhooks)] if self.webhooks else []
        stored = files.file_router(self.name)  # after what stands beside a file's id in the files service
        return [*common, *audited, *pushed, *reminded, stored, *self.routers]

    def rule_registry(self) -> RuleRegistry:
        """Its rules by name, with who may change them."""
        return RuleRegistry(self.list_rules(), self.rule_permission)

    def composed_part(self) -> Composition:
        """Its part in composed pages; whether it has public notices follows from its routes."""
        addresses = {
            route.path for one in self.routers for route in one.routes if isinstance(route, APIRoute)
        }
        return self.composition.model_copy(update={"notices": f"/{self.name}/public-notices" in addresses})

    def declared_routes(self) -> DeclaredRoutes:
        """What the door hands to this service."""
        return declare_routes(self.all_routers, self.open_routers)


def build_app(
    service: Service,
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the app of a service. `apps` are services in this process, called without network; `now` is the clock."""
    settings = settings or Settings.load(service.name)
    context = _create_context(service, settings, apps, now)
    metrics = Metrics(service.name)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        tasks: list[asyncio.Task[None]] = []
        try:
            await _on_startup(service, context)
            if settings.relay:
                tasks = [asyncio.create_task(task) for task in _background_tasks(service, context)]
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await context.clear_memory()
            await context.clients.close()
            await context.database.close()

    app = FastAPI(
        title=service.title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name the address behind the door
        telemetry=NO_TELEMETRY,
    )
    app.state.context = context
    app.state.fsck = service.fsck
    app.state.expiring = service.expiring
    app.state.declared_routes = service.declared_routes()
    problems.install_error_handlers(app)
    for middleware, build_arguments in service.middleware:
        app.add_middleware(middleware, **build_arguments(context))
    app.add_middleware(AdmissionMiddleware, context=context)
    app.add_middleware(RequestLogMiddleware, metrics=metrics)
    _mount_routers(app, service, metrics)
    app.openapi = lambda: openapi_with_problems(app)  # type: ignore[method-assign]
    return app


def _create_context(
    service: Service, settings: Settings, apps: Mapping[str, ASGIApp] | None, now: Callable[[], datetime]
) -> ServiceContext:
    if settings.service_key:
        check_service_key(settings)
    clients = ServiceClients(settings, apps)

    async def fetch_jwks() -> dict[str, Any]:
        jwks: dict[str, Any] = await clients.request("identity", "GET", "/.well-known/jwks.json")
        return jwks

    return ServiceContext(
        name=service.name,
        settings=settings,
        database=Database(settings.resolved_database_url),
        clients=clients,
        verifier=TokenVerifier(settings, fetch_jwks),
        keyring=Keyring(settings.data_keys, settings.index_key),
        storage=Storage(
            settings.storage_url or str(settings.var / "files"),
            earlier=str(settings.var / "files" / service.name),
        ),
        rules=RuleCache(service.rule_registry()),
        clock=now,
        file_readers=build_file_readers(service.kinds),
        photo_readers=build_photo_readers(service.kinds),
    )


async def _on_startup(service: Service, context: ServiceContext) -> None:
    async with context.database.advisory_lock(STARTUP_LOCK_ID):
        async with context.database.write() as session:
            await settle_epoch(session, context.clock())
            await note_holders_of_old_files(session, _list_file_tables(service))
        if service.fsck is not None:
            await write_baseline(context, service.fsck)
        await _load_rules(service, context)
        if service.start is not None:
            await service.start(context)
    await inbox.ask_subscribers(context)


def _list_file_tables(service: Service) -> list[sa.Table]:
    tables = {table for kind in service.kinds for table in kind.table.metadata.tables.values()}
    return [table for table in tables if list_file_columns(table)]


async def _load_rules(service: Service, context: ServiceContext) -> None:
    registry = context.rules.registry
    folders = registry.list_folders(ROOT / "services" / service.name / "rules")
    files = [one for folder in folders for one in read_rule_files(folder)]
    check_rule_files(registry, files)
    async with context.database.write() as session:
        await insert_new_entries(session, [one.entry for one in files], context.clock())


def _background_tasks(service: Service, context: ServiceContext) -> list[Any]:
    common = (
        run_periodically("seal", _seal_log, SEAL_INTERVAL_S, follows_writes=True),
        run_periodically("revocations", follow_revocations, REVOCATION_INTERVAL_S),
        run_periodically("tidy", _purge_idempotency, DAY_S),
        run_periodically("retention", partial(erase_expired, every=service.expiring), DAY_S),
    )
    checks = []
    if service.fsck is not None:
        checks = [
            run_periodically(
                "fsck", partial(fsck_routes.run_waiting_fsck, fsck=service.fsck), 5, follows_writes=True
            )
        ]
    tasks = [
        inbox.create_relay(context).run(),
        *(start_task(context) for start_task in (*common, *checks, *service.background)),
    ]
    if list_reminded_kinds(service.kinds):
        remind = run_periodically("reminders", partial(remind_due, kinds=service.kinds), SCAN_INTERVAL_S)
        tasks.append(remind(context))
    elif service.webhooks is None:
        return tasks
    return [*tasks, WebhookDispatcher(context).run()]


async def follow_revocations(context: ServiceContext) -> None:
    """Ask identity which sessions ended or changed of late, so that their access tokens are refused, and which regions were merged.

    Identity answers when others changed than this service knows, at the latest after `REVOCATION_WAIT_S`.

    While identity does not answer, the last answer holds; an access token ends by itself after ten minutes.
    """
    identity = ServiceClient(context, "identity", context.service_actor(), context.clock())
    params = {"known": context.verifier.revocations.tag, "wait": REVOCATION_WAIT_S}
    answer = await identity.request(
        "GET", "/internal/revocations", params=params, seconds=REVOCATION_WAIT_S + REQUEST_TIMEOUT_S
    )
    if answer["mergers"] != context.mergers.today:
        context.verifier.learn_mergers(Mergers(answer["mergers"]))
    context.verifier.revocations = KnownRevocations(
        answer["tag"], {str(name): int(least) for name, least in answer["sessions"].items()}
    )


async def _seal_log(context: ServiceContext) -> bool:
    return await seal_rows(context) == SEAL_BATCH_ROWS


async def _purge_idempotency(context: ServiceContext) -> None:
    async with context.database.write() as session:
        await (await session.connection()).execute(delete_expired_responses(context.clock()))


def _mount_routers(app: FastAPI, service: Service, metrics: Metrics) -> None:
    app.include_router(health.health_router(metrics))
    app.include_router(inbox.inbox_router(service.handlers))
    app.include_router(internal_worklist_router(service.kinds))
    app.include_router(internal_own_data_router(service.kinds))
    app.include_router(batch_route_router())
    app.include_router(internal_changes_router(service.kinds))
    app.include_router(
        internal_description_router(
            service.name, service.title, switches=service.switches, code_sets=service.code_sets
        )
    )
    app.include_router(composed_part.composition_router(service.composed_part()))
    for other in (*service.open_routers, *service.internal_routers):
        app.include_router(other)
    for router in service.all_routers:
        app.include_router(router, prefix=API_PREFIX)
    taken = list_get_addresses(app.routes, API_PREFIX)
    app.include_router(record_router(service.kinds, taken), prefix=API_PREFIX)
    app.state.kinds = bind_kinds(service.kinds, app.routes, API_PREFIX)
    index_routes(app)


def _complete_schema(name: str, component: dict[str, Any]) -> None:
    """Give a schema the title of its key, and amounts of money a default as they are written: "0.00"."""
    component["title"] = name
    for part in component.get("properties", {}).values():
        default = part.get("default")
        if part.get("type") == "string" and isinstance(default, int) and not isinstance(default, bool):
            part["default"] = format_yuan(default)


def _label_enums(schemas: dict[str, Any]) -> None:
    """Beside the codes of an enum their Chinese labels, in the same order, where generators look for them."""
    labels = {kind.__name__: kind.labels() for kind in LabelledEnum.__subclasses__()}
    for name, component in schemas.items():
        codes, known = component.get("enum"), labels.get(name.split("__")[-1], {})
        if codes and set(codes) <= set(known):
            component["x-enum-descriptions"] = [known[code] for code in codes]


def _name_operations(service: str, paths: dict[str, Any]) -> None:
    """Operation ids: service and function, between them what differs in the paths where one function answers at several."""
    by_function: dict[str, list[tuple[list[str], dict[str, Any]]]] = {}
    for path, methods in paths.items():
        plain = path.removeprefix(f"{API_PREFIX}/").removeprefix(f"{service}/")
        words = [part.replace("-", "_") for part in plain.split("/") if part and "{" not in part]
        for method, operation in methods.items():
            suffix = f"{re.sub(_NO_WORD, '_', path)}_{method}"
            function = operation["operationId"].removesuffix(suffix).replace(f"{service}_", "", 1)
            by_function.setdefault(function, []).append((words, operation))
    for function, found in by_function.items():
        common = set.intersection(*(set(words) for words, _ in found))
        for words, operation in found:
            own = [word for word in words if word not in common] if len(found) > 1 else []
            operation["operationId"] = "_".join((service, *own, function))


def openapi_with_problems(app: FastAPI) -> dict[str, Any]:
    """The app's OpenAPI document with the Problem schema, labels of enums and short operation ids."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        _, shapes = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        schema.setdefault("components", {}).setdefault("schemas", {}).update(shapes["$defs"])
        for name, component in schema["components"]["schemas"].items():
            _complete_schema(name, component)
        _label_enums(schema["components"]["schemas"])
        _name_operations(app.state.context.name, schema["paths"])
        app.openapi_schema = schema
    return app.openapi_schema
