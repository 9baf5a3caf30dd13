"""What a service function is handed: the transaction, who asks, when, and the running service around it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.access import NATION, Actor, Grant
from shared.auth import Verifier, service_token
from shared.db import Database, Record
from shared.events import Event
from shared.log import Told, publish, publish_many
from shared.permissions import Role
from shared.personal import Keyring
from shared.rules import Rule, RuleBook
from shared.settings import Settings
from shared.storage import Storage
from shared.wire import Wire

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass
class Context:
    """One running service: what outlives a request."""

    name: str
    settings: Settings
    database: Database
    wire: Wire
    verifier: Verifier
    keyring: Keyring
    storage: Storage
    rules: RuleBook
    clock: Callable[[], datetime]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    kept: dict[str, Any] = field(default_factory=dict)
    """What a service keeps in memory while it runs (gatherers, caches), by name."""

    def itself(self) -> Actor:
        """The service as an actor of its own: relays, reconcilers, timers."""
        return Actor(f"service:{self.name}", self.name, (Grant(Role.SERVICE, NATION),), kind="service")

    def work(self, session: AsyncSession, actor: Actor | None = None) -> "Work":
        """Work outside a request (background tasks, consumers), by the service itself unless told otherwise."""
        return Work(session, actor or self.itself(), self.clock(), self)


@dataclass
class Peer:
    """Another service, asked in the name of this work's actor."""

    context: Context
    service: str
    actor: Actor
    at: datetime

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - any JSON
        """The JSON answer; the peer's refusal as our refusal; Unavailable (503) when it is down."""
        token = service_token(self.context.settings, self.context.name, self.actor, self.at)
        return await self.context.wire.ask(
            self.service, method, path, token=token, params=params, json=json, headers=headers
        )

    def __post_init__(self) -> None:
        """`get`, `post`, `put` and `delete` are `ask` with the method filled in."""
        self.get = partial(self.ask, "GET")
        self.post = partial(self.ask, "POST")
        self.put = partial(self.ask, "PUT")
        self.delete = partial(self.ask, "DELETE")


@dataclass
class Work:
    """One piece of work: everything a service function may use, and nothing it could reach behind its back."""

    session: AsyncSession
    actor: Actor
    at: datetime
    context: Context

    @property
    def today(self) -> date:
        """The working date, Asia/Shanghai."""
        return self.at.astimezone(CHINA).date()

    async def tell(
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

    async def tell_all(self, told: Sequence[Told]) -> None:
        """Write many events beside their changes, in one statement."""
        await publish_many(self.session, told, actor=self.actor, at=self.at)

    async def rule(self, key: str, *, on: date | None = None, region: str | None = None) -> Rule:
        """The rule in force on a day in a region (today, in this district unless told otherwise)."""
        return await self.context.rules.find(
            self.session, key, on or self.today, region or self.context.settings.district, self.at
        )

    def peer(self, service: str) -> Peer:
        """Another service; ask it before the first statement of a writing request, or locks wait on the network."""
        return Peer(self.context, service, self.actor, self.at)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON holds them, for `before` of an event."""
    return {
        key: value if value is None or isinstance(value, bool | int | float | str) else str(value)
        for key, value in values.items()
    }
