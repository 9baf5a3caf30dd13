"""Concurrent reads from several services with the caller's token; failed parts are listed, the rest is served.

Each service checks the caller's token, so a composed page never contains more than the services' own addresses answer.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, Field

from shared.clients import display_name
from shared.clients.composition import COMPOSITION_PATH, Composition
from shared.errors import Forbidden, NotFound, Unavailable
from shared.http import get_service_context
from shared.unit_of_work import ServiceContext

MAX_CONCURRENT_REQUESTS = 8
"""Requests of one composed page that run at the same time."""
T = TypeVar("T")


class MissingPart(BaseModel):
    """缺的部分和原因."""

    service: str
    label: str = Field(description="服务名称")
    reason: str


class CompositionCache:
    """What the services declare for composed pages; asked again after MAX_AGE, kept while a service is away."""

    MAX_AGE = timedelta(minutes=1)

    def __init__(self) -> None:
        self._found: dict[str, tuple[datetime, Composition]] = {}

    async def get(self, fan_out: "FanOut", service: str) -> Composition | None:
        """The declaration of a service; None when it is unavailable and was never seen."""
        cached, now = self._found.get(service), fan_out.context.clock()
        if cached is not None and timedelta() <= now - cached[0] < self.MAX_AGE:
            return cached[1]
        answer = await fan_out.get_internal_or_none(service, COMPOSITION_PATH)
        if answer is None:
            return cached[1] if cached is not None else None
        found = Composition.model_validate(answer)
        self._found[service] = (now, found)
        return found


@dataclass
class FanOut:
    """Requests of one composed page. Collects services that are `unavailable` (503) and parts that are `forbidden` (403)."""

    context: ServiceContext
    compositions: CompositionCache
    authorization: str = ""
    unavailable: dict[str, MissingPart] = field(default_factory=dict)
    forbidden: dict[str, MissingPart] = field(default_factory=dict)
    semaphore: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT_REQUESTS))

    @classmethod
    def from_request(cls, request: Request, *, anonymous: bool = False) -> "FanOut":
        """Create a fan-out that forwards the request's Authorization header, unless the page is the same for everybody."""
        token = "" if anonymous else request.headers.get("authorization", "")
        return cls(get_service_context(request), request.app.state.compositions, token)

    async def list_compositions(self) -> dict[str, Composition]:
        """What each service that is known declares; one that is away and was never seen is `unavailable`."""
        names = self.context.clients.list_services()
        found = await gather(self.compositions.get(self, name) for name in names)
        return {name: one for name, one in zip(names, found, strict=True) if one is not None}

    async def get(self, service: str, path: str, params: Mapping[str, Any] | None = None) -> Any | None:  # noqa: ANN401 - any JSON
        """Read JSON from a service; None when it is unavailable or forbidden. Raises NotFound."""
        return await self.get_internal(service, f"/api/v1{path}", params)

    async def get_internal(
        self, service: str, path: str, params: Mapping[str, Any] | None = None
    ) -> Any | None:  # noqa: ANN401 - any JSON
        """Like `get`, at an address as the service itself has it."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        query = {name: value for name, value in (params or {}).items() if value not in {None, ""}}
        async with self.semaphore:
            try:
                return await self.context.clients.request(service, "GET", path, params=query, headers=headers)
            except Unavailable as error:
                self.unavailable[service] = MissingPart(
                    service=service, label=display_name(service), reason=error.detail
                )
            except Forbidden as error:
                self.forbidden[service] = MissingPart(
                    service=service, label=display_name(service), reason=error.detail
                )
            return None

    async def get_internal_or_none(self, service: str, path: str) -> Any | None:  # noqa: ANN401 - any JSON
        """Like `get_internal`, but also None when the service knows nothing of it."""
        try:
            return await self.get_internal(service, path)
        except NotFound:
            return None

    async def get_or_none(
        self, service: str, path: str, params: Mapping[str, Any] | None = None
    ) -> Any | None:  # noqa: ANN401 - any JSON
        """Like `get`, but also None when the record is not found."""
        try:
            return await self.get(service, path, params)
        except NotFound:
            return None


async def gather(requests: Iterable[Awaitable[T]]) -> list[T]:
    """Await all requests concurrently; results in the order of the requests."""
    return list(await asyncio.gather(*requests))
