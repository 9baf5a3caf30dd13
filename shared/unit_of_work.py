"""Unit of work of one request or task: transaction, actor, timestamp, and the context of the running service."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import (
    NATION_CODE,
    NO_MERGERS,
    Actor,
    Grant,
    Keyring,
    Mergers,
    Role,
    TokenVerifier,
    issue_service_token,
)
from shared.clients import REQUEST_TIMEOUT_S, ServiceClients
from shared.db import Database
from shared.files import Storage
from shared.rules import Rule, RuleCache, RuleKey
from shared.settings import Settings

CHINA_TIME_ZONE = ZoneInfo("Asia/Shanghai")
ValueT = TypeVar("ValueT")


@runtime_checkable
class Closeable(Protocol):
    """A value in a service's memory that holds a connection or another resource."""

    async def close(self) -> None:
        """Release the resource."""


@dataclass
class ServiceContext:
    """Everything of a running service that outlives a request."""

    name: str
    settings: Settings
    database: Database
    clients: ServiceClients
    verifier: TokenVerifier
    keyring: Keyring
    storage: Storage
    rules: RuleCache
    clock: Callable[[], datetime]
    file_readers: Mapping[str, Sequence["RecordReader"]] = field(default_factory=dict)
    """Table → what answers the ids of its records, of those given, that the caller may read."""
    photo_readers: Sequence["RecordReader"] = ()
    """The same by the file's id in a column, for tables that are written in bulk."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    memory: dict[str, Any] = field(default_factory=dict)
    """Values kept in memory while the service runs (caches, the group commit of check-ins), by name."""
    draining: bool = False
    """Told to end: /readyz answers 503, requests are still served."""

    @property
    def mergers(self) -> Mergers:
        """The merged regions that the service knows of."""
        return self.verifier.mergers

    def service_actor(self) -> Actor:
        """The service itself as actor, for background tasks."""
        return Actor(f"service:{self.name}", self.name, (Grant(Role.SERVICE, NATION_CODE),), kind="service")

    async def clear_memory(self) -> None:
        """Drop what the service keeps in memory; values with a `close` method are closed."""
        self.verifier.learn_mergers(NO_MERGERS)
        values = list(self.memory.values())
        self.memory.clear()
        for value in values:
            if isinstance(value, Closeable):
                await value.close()

    def unit_of_work(self, session: AsyncSession, actor: Actor | None = None) -> "UnitOfWork":
        """A unit of work outside a request; the actor defaults to the service itself."""
        return UnitOfWork(session, actor or self.service_actor(), self.clock(), self)


@dataclass
class ServiceClient:
    """Client of another service that acts on behalf of the unit of work's actor."""

    context: ServiceContext
    service: str
    actor: Actor
    at: datetime

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_TIMEOUT_S,
    ) -> Any:  # noqa: ANN401 - any JSON
        """Send a request and return the JSON answer within so many seconds.

        Raises the ApiError the service answered, Unavailable when it is down.
        """
        token = issue_service_token(
            self.context.settings, self.context.name, self.actor, self.at, receiver=self.service
        )
        return await self.context.clients.request(
            self.service,
            method,
            path,
            token=token,
            params=params,
            json=json,
            headers=headers,
            seconds=seconds,
        )

    def __post_init__(self) -> None:
        """Define `get`, `post`, `put` and `delete` as `request` with the method filled in."""
        self.get = partial(self.request, "GET")
        self.post = partial(self.request, "POST")
        self.put = partial(self.request, "PUT")
        self.delete = partial(self.request, "DELETE")


@dataclass
class UnitOfWork:
    """Unit of work: session, actor, timestamp and service context, passed to every service function."""

    session: AsyncSession
    actor: Actor
    at: datetime
    context: ServiceContext
    recorded_at: datetime | None = None
    """When a phone recorded the request, where services/sync plays it later than that."""

    @property
    def rule_day(self) -> date:
        """The day by whose rules the request is judged: the day it was recorded, in Asia/Shanghai."""
        return (self.recorded_at or self.at).astimezone(CHINA_TIME_ZONE).date()

    @property
    def today(self) -> date:
        """The current date in Asia/Shanghai."""
        return self.at.astimezone(CHINA_TIME_ZONE).date()

    @property
    def home_region(self) -> str:
        """What a request means when it names no region: the caller's own; the installation's for who has none."""
        return self.actor.home_region or self.context.settings.district

    def within_region(self, column: Any, region: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
        """The condition that a record is of a region today: its code lies within it, or was merged into it."""
        return self.context.mergers.condition(column, region)

    def is_same_region(self, column: Any, region: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
        """The condition that a record is of exactly this region today, not of one within it."""
        return self.context.mergers.same_place(column, region)

    def is_within_region(self, code: str, region: str) -> bool:
        """`within_region` of one code."""
        return self.context.mergers.is_within(code, region)

    async def get_rule(
        self, key: RuleKey[ValueT], *, on: date | None = None, region: str | None = None
    ) -> Rule[ValueT]:
        """The rule in force on a day in a region (default: `rule_day`, `home_region`), typed; NotFound if none is."""
        return await self.context.rules.get_rule(
            self.session, key, on or self.rule_day, region or self.home_region, self.at
        )

    async def get_rules(
        self, keys: Iterable[RuleKey[Any]], *, on: date | None = None, region: str | None = None
    ) -> dict[str, Rule[Any]]:
        """Those of these rules that are in force, by key."""
        return await self.context.rules.get_rules(
            self.session, keys, on or self.rule_day, region or self.home_region, self.at
        )

    def service_client(self, service: str) -> ServiceClient:
        """Client of another service. Call it before the first statement of a transaction, or locks wait for the network."""
        return ServiceClient(self.context, service, self.actor, self.at)


RecordReader = Callable[[UnitOfWork, set[str]], sa.Select[Any]]
"""Answers which of the given records the caller may read."""
