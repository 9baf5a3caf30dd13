"""Asking several services at once in the caller's own name; what could not be had is named, the rest is served.

Each service checks the caller's token again, so a page made of pieces never shows more than the pieces' own addresses.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, Field

from shared.clients import display_name
from shared.errors import Forbidden, NotFound, Unavailable
from shared.http import get_service_context
from shared.unit_of_work import ServiceContext

MAX_CONCURRENT_REQUESTS = 8
"""Questions of one page under way at the same time."""
T = TypeVar("T")


class MissingPart(BaseModel):
    """缺的部分和原因."""

    service: str
    label: str = Field(description="服务名称")
    reason: str


@dataclass
class FanOut:
    """The questions of one page: what was missing (a service is down), what was withheld (the role may not)."""

    context: ServiceContext
    authorization: str = ""
    unavailable: dict[str, MissingPart] = field(default_factory=dict)
    forbidden: dict[str, MissingPart] = field(default_factory=dict)
    semaphore: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT_REQUESTS))

    @classmethod
    def from_request(cls, request: Request) -> "FanOut":
        """Questions in the name of whoever sent this request."""
        return cls(get_service_context(request), request.headers.get("authorization", ""))

    async def get(self, service: str, path: str, params: Mapping[str, Any] | None = None) -> Any | None:  # noqa: ANN401 - any JSON
        """The answer to a read, or None when it is missing or withheld. NotFound passes through."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        given = {name: value for name, value in (params or {}).items() if value not in {None, ""}}
        async with self.semaphore:
            try:
                return await self.context.clients.request(
                    service, "GET", f"/api/v1{path}", params=given, headers=headers
                )
            except Unavailable as refusal:
                self.unavailable[service] = MissingPart(
                    service=service, label=display_name(service), reason=refusal.detail
                )
            except Forbidden as refusal:
                self.forbidden[service] = MissingPart(
                    service=service, label=display_name(service), reason=refusal.detail
                )
            return None

    async def get_or_none(
        self, service: str, path: str, params: Mapping[str, Any] | None = None
    ) -> Any | None:  # noqa: ANN401 - any JSON
        """`ask`, with None for a record the caller does not have."""
        try:
            return await self.get(service, path, params)
        except NotFound:
            return None


async def gather(questions: Iterable[Awaitable[T]]) -> list[T]:
    """All answers, in order."""
    return list(await asyncio.gather(*questions))
