"""What a service function is handed: the transaction, who asks, when, and the running service around it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import NATION_CODE, Actor, Grant, Keyring, Role, TokenVerifier, issue_service_token
from shared.clients import ServiceClients
from shared.db import Database, Record
from shared.events import Event, EventRecord, publish, publish_many
from shared.files import Storage
from shared.rules import Rule, RuleCache
from shared.settings import Settings

CHINA_TIME_ZONE = ZoneInfo("Asia/Shanghai")


@runtime_checkable
class Closeable(Protocol):
    """A value in a service's memory that holds a connection or another resource."""

    async def close(self) -> None:
        """Release the resource."""


@dataclass
class ServiceContext:
    """One running service: what outlives a request."""

    name: str
    settings: Settings
    database: Database
    clients: ServiceClients
    verifier: TokenVerifier
    keyring: Keyring
    storage: Storage
    rules: RuleCache
    clock: Callable[[], datetime]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    memory: dict[str, Any] = field(default_factory=dict)
    """What a service keeps in memory while it runs (caches, the group commit of check-ins), by name."""

    def service_actor(self) -> Actor:
        """The service as an actor of its own: relays, reconcilers, timers."""
        return Actor(f"service:{self.name}", self.name, (Grant(Role.SERVICE, NATION_CODE),), kind="service")

    async def clear_memory(self) -> None:
        """Drop what the service keeps in memory; values with a `close` method are closed."""
        values = list(self.memory.values())
        self.memory.clear()
        for value in values:
            if isinstance(value, Closeable):
                await value.close()

    def unit_of_work(self, session: AsyncSession, actor: Actor | None = None) -> "UnitOfWork":
        """Work outside a request (background tasks, consumers), by the service itself unless told otherwise."""
        return UnitOfWork(session, actor or self.service_actor(), self.clock(), self)


@dataclass
class ServiceClient:
    """Another service, asked in the name of this work's actor."""

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
    ) -> Any:  # noqa: ANN401 - any JSON
        """The JSON answer; the peer's refusal as our refusal; Unavailable (503) when it is down."""
        token = issue_service_token(self.context.settings, self.context.name, self.actor, self.at)
        return await self.context.clients.request(
            self.service, method, path, token=token, params=params, json=json, headers=headers
        )

    def __post_init__(self) -> None:
        """`get`, `post`, `put` and `delete` are `ask` with the method filled in."""
        self.get = partial(self.request, "GET")
        self.post = partial(self.request, "POST")
        self.put = partial(self.request, "PUT")
        self.delete = partial(self.request, "DELETE")


@dataclass
class UnitOfWork:
    """One piece of work: everything a service function may use, and nothing it could reach behind its back."""

    session: AsyncSession
    actor: Actor
    at: datetime
    context: ServiceContext

    @property
    def today(self) -> date:
        """The working date, Asia/Shanghai."""
        return self.at.astimezone(CHINA_TIME_ZONE).date()

    async def publish(
        self,
        event: Event,
        record: Record,
        *,
        before: dict[str, Any] | None = None,
        reason: str = "",
        happened_at: datetime | None = None,
    ) -> None:
        """Write the event beside the change; subject, version and region are the record's."""
        await publish(
            self.session,
            event,
            actor=self.actor,
            subject=str(record.id),
            version=record.version,
            region=record.region,
            at=self.at,
            recorded_at=happened_at,
            before=before,
            reason=reason,
        )

    async def publish_all(self, records: Sequence[EventRecord]) -> None:
        """Write many events beside their changes, in one statement."""
        await publish_many(self.session, records, actor=self.actor, at=self.at)

    async def get_rule(self, key: str, *, on: date | None = None, region: str | None = None) -> Rule:
        """The rule in force on a day in a region (today, in this district unless told otherwise)."""
        return await self.context.rules.get_rule(
            self.session, key, on or self.today, region or self.context.settings.district, self.at
        )

    def service_client(self, service: str) -> ServiceClient:
        """Another service; ask it before the first statement of a writing request, or locks wait on the network."""
        return ServiceClient(self.context, service, self.actor, self.at)


def to_json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON holds them, for `before` of an event."""
    return {
        key: value if value is None or isinstance(value, bool | int | float | str) else str(value)
        for key, value in values.items()
    }
