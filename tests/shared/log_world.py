"""A service's log and its receivers in miniature, for the tests of log, relay, inbox, feed and seal."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import httpx
from fastapi import APIRouter, FastAPI

from shared import problems
from shared.access import NATION, Actor, Grant
from shared.db import Database, run
from shared.errors import Unauthenticated, Unavailable
from shared.events import Envelope, Event
from shared.inbox import first_time
from shared.log import publish
from shared.permissions import Role
from shared.relay import Outcome
from shared.settings import Settings
from shared.tables import event_log, inbox
from shared.wire import Wire
from shared.work import Context

START_OF_TIME = datetime(2023, 6, 9, 1, 0, tzinfo=UTC)
CLERK = Actor("clerk", "文书", (Grant(Role.VILLAGE_CLERK, "620602100201"),))
TOWN = Actor("town", "镇专干", (Grant(Role.TOWN_OFFICER, "620602100000"),))
CADRE = Actor("cadre", "驻村干部", (Grant(Role.CADRE, "620602100201"),))
ADMIN = Actor("admin", "管理员", (Grant(Role.ADMIN, "620602000000"),))
AUDITOR = Actor("auditor", "审计", (Grant(Role.AUDITOR, "620602000000"),))
SERVICE = Actor("service:test", "test", (Grant(Role.SERVICE, NATION),), kind="service")
EVERYBODY = (CLERK, TOWN, CADRE, ADMIN, AUDITOR, SERVICE)


class Built(Event):
    """A wall was built."""

    topic: ClassVar[str] = "wall.built"
    height: int = 1


class Painted(Event):
    """A wall was painted."""

    topic: ClassVar[str] = "wall.painted"


class Clock:
    """The time as a test wants it."""

    def __init__(self) -> None:
        self.at = START_OF_TIME

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **parts: float) -> None:
        self.at += timedelta(**parts)


async def write(
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
            event or Built(),
            actor=actor,
            subject=subject,
            version=version,
            region=region,
            at=START_OF_TIME,
        )


class Receiver:
    """A subscriber with an inbox: what took effect, every copy that came, and what it does not like."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.effects: list[tuple[str, int]] = []
        self.copies: list[tuple[str, int]] = []
        self.refuses: set[str] = set()
        self.down = False
        self.dies_after_effect = False
        self.got_something = asyncio.Event()

    async def __call__(self, _subscriber: str, envelopes: list[Envelope]) -> Outcome:
        if self.down:
            return Outcome(0, "connection refused")
        for place, envelope in enumerate(envelopes):
            mark = (envelope.subject, envelope.subject_version)
            self.copies.append(mark)
            if envelope.subject in self.refuses:
                return Outcome(place, "no such wall", refused=True)
            async with self.database.write() as session:
                if await first_time(session, envelope, START_OF_TIME):
                    self.effects.append(mark)
            self.got_something.set()
        if self.dies_after_effect:
            message = "the process is gone"
            raise Unavailable(message)
        return Outcome(len(envelopes))

    async def received(self) -> int:
        async with self.database.read() as session:
            return len((await run(session, inbox.select())).all())


def context_of(database: Database, clock: Clock, name: str = "walls") -> Context:
    """A running service with a log, and nothing that only its own domain needs."""
    settings = Settings.of(name, embedded=True)
    unused: Any = None
    return Context(
        name=name,
        settings=settings,
        database=database,
        wire=Wire(settings),
        verifier=unused,
        keyring=unused,
        storage=unused,
        rules=unused,
        clock=clock,
    )


async def rows_of(database: Database) -> list[Any]:
    """The whole log as it is stored."""
    async with database.read() as session:
        return list(await run(session, event_log.select().order_by(event_log.c.seq)))


class Anybody:
    """Tokens are names of actors."""

    def __init__(self) -> None:
        self.actors = {actor.id: actor for actor in EVERYBODY}

    async def actor(self, header: str | None, _at: datetime) -> Actor:
        found = self.actors.get((header or "").removeprefix("Bearer "))
        if found is None:
            message = "请先登录"
            raise Unauthenticated(message)
        return found


def app_of(context: Context, *routers: APIRouter) -> FastAPI:
    """An app with these routers only."""
    app = FastAPI()
    context.verifier = cast(Any, Anybody())
    app.state.context = context
    problems.install(app)
    for router in routers:
        app.include_router(router)
    return app


def client_of(app: FastAPI, name: str) -> httpx.AsyncClient:
    """A client signed in as an actor."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {name}"}
    )
