"""A service's log and its receivers in miniature, for the tests of log, relay, inbox, feed and seal."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import httpx
from fastapi import APIRouter, FastAPI

from shared.auth import NATION_CODE, Actor, Grant, Role
from shared.clients import ServiceClients
from shared.db import Database, event_log, execute_core, inbox
from shared.errors import Unauthenticated, Unavailable
from shared.events import DeliveryOutcome, Envelope, Event, format_cursor, get_epoch, publish
from shared.events.inbox import mark_received
from shared.http import problems
from shared.settings import Settings
from shared.unit_of_work import ServiceContext

START_OF_TIME = datetime(2023, 6, 9, 1, 0, tzinfo=UTC)
CLERK = Actor("clerk", "文书", (Grant(Role.VILLAGE_CLERK, "620602100201"),))
TOWN = Actor("town", "镇专干", (Grant(Role.TOWN_OFFICER, "620602100000"),))
CADRE = Actor("cadre", "驻村干部", (Grant(Role.CADRE, "620602100201"),))
ADMIN = Actor("admin", "管理员", (Grant(Role.ADMIN, "620602000000"),))
AUDITOR = Actor("auditor", "审计", (Grant(Role.AUDITOR, "620602000000"),))
SERVICE = Actor("service:test", "test", (Grant(Role.SERVICE, NATION_CODE),), kind="service")
ALL_ACTORS = (CLERK, TOWN, CADRE, ADMIN, AUDITOR, SERVICE)


class WallBuilt(Event):
    """A wall was built."""

    topic: ClassVar[str] = "wall.built"
    height: int = 1


class WallPainted(Event):
    """A wall was painted."""

    topic: ClassVar[str] = "wall.painted"


class CallableClock:
    """The time as a test wants it."""

    def __init__(self) -> None:
        self.now = START_OF_TIME

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


async def publish_wall_event(
    database: Database,
    subject: str,
    version: int = 1,
    event: Event | None = None,
    *,
    region: str = "620602100201",
    actor: Actor = CLERK,
) -> None:
    """One row in a transaction of its own."""
    async with database.write() as session:
        await publish(
            session,
            event or WallBuilt(),
            actor=actor,
            subject=subject,
            version=version,
            region=region,
            at=START_OF_TIME,
        )


class WallReceiver:
    """A subscriber with an inbox: what took effect, every copy that came, and what it does not like."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.effects: list[tuple[str, int]] = []
        self.copies: list[tuple[str, int]] = []
        self.refused_subjects: set[str] = set()
        self.is_down = False
        self.dies_after_effect = False
        self.event_arrived = asyncio.Event()

    async def __call__(self, _subscriber: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        if self.is_down:
            return DeliveryOutcome(0, "connection refused")
        for place, envelope in enumerate(envelopes):
            mark = (envelope.subject, envelope.subject_version)
            self.copies.append(mark)
            if envelope.subject in self.refused_subjects:
                return DeliveryOutcome(place, "no such wall", refused=True)
            async with self.database.write() as session:
                if await mark_received(session, envelope, START_OF_TIME):
                    self.effects.append(mark)
            self.event_arrived.set()
        if self.dies_after_effect:
            message = "the process is gone"
            raise Unavailable(message)
        return DeliveryOutcome(len(envelopes))

    async def count_received(self) -> int:
        async with self.database.read() as session:
            return len((await execute_core(session, inbox.select())).all())


def build_context(database: Database, clock: CallableClock, name: str = "walls") -> ServiceContext:
    """A running service with a log, and nothing that only its own domain needs."""
    settings = Settings.load(name, embedded=True)
    unused: Any = None
    return ServiceContext(
        name=name,
        settings=settings,
        database=database,
        clients=ServiceClients(settings),
        verifier=unused,
        keyring=unused,
        storage=unused,
        rules=unused,
        clock=clock,
    )


async def list_log_rows(database: Database) -> list[Any]:
    """The whole log as it is stored."""
    async with database.read() as session:
        return list(await execute_core(session, event_log.select().order_by(event_log.c.seq)))


async def format_position(database: Database, row: Any) -> str:
    """A row's position as a cursor of the current epoch."""
    async with database.read() as session:
        epoch = await get_epoch(session)
    return format_cursor(epoch.name, (row.tx, row.seq))


class NameTokenVerifier:
    """Tokens are names of actors."""

    def __init__(self) -> None:
        self.actors = {actor.id: actor for actor in ALL_ACTORS}

    async def authenticate(self, header: str | None, _at: datetime) -> Actor:
        found = self.actors.get((header or "").removeprefix("Bearer "))
        if found is None:
            message = "请先登录"
            raise Unauthenticated(message)
        return found


def build_app(context: ServiceContext, *routers: APIRouter) -> FastAPI:
    """An app with these routers only."""
    app = FastAPI()
    context.verifier = cast(Any, NameTokenVerifier())
    app.state.context = context
    problems.install_error_handlers(app)
    for router in routers:
        app.include_router(router)
    return app


def create_client(app: FastAPI, name: str) -> httpx.AsyncClient:
    """A client signed in as an actor."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {name}"}
    )
