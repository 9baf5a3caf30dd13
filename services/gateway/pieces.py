"""Asking several services at once in the caller's own name; what could not be had is named, the rest is served.

Each service checks the caller's token again, so a page made of pieces never shows more than the pieces' own addresses.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, Field

from shared.errors import Forbidden, NotFound, Unavailable
from shared.http import context_of
from shared.wire import spoken
from shared.work import Context

AT_ONCE = 8
"""Questions of one page under way at the same time."""
T = TypeVar("T")


class Missing(BaseModel):
    """缺的部分和原因."""

    service: str
    label: str = Field(description="服务名称")
    reason: str


@dataclass
class Pieces:
    """The questions of one page: what was missing (a service is down), what was withheld (the role may not)."""

    context: Context
    authorization: str = ""
    missing: dict[str, Missing] = field(default_factory=dict)
    withheld: dict[str, Missing] = field(default_factory=dict)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @classmethod
    def of(cls, request: Request) -> "Pieces":
        """Questions in the name of whoever sent this request."""
        return cls(context_of(request), request.headers.get("authorization", ""))

    async def ask(self, service: str, path: str, params: Mapping[str, Any] | None = None) -> Any | None:  # noqa: ANN401 - any JSON
        """The answer to a read, or None when it is missing or withheld. NotFound passes through."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        given = {name: value for name, value in (params or {}).items() if value not in {None, ""}}
        async with self.gate:
            try:
                return await self.context.wire.ask(
                    service, "GET", f"/api/v1{path}", params=given, headers=headers
                )
            except Unavailable as refusal:
                self.missing[service] = Missing(service=service, label=spoken(service), reason=refusal.detail)
            except Forbidden as refusal:
                self.withheld[service] = Missing(
                    service=service, label=spoken(service), reason=refusal.detail
                )
            return None

    async def seek(self, service: str, path: str, params: Mapping[str, Any] | None = None) -> Any | None:  # noqa: ANN401 - any JSON
        """`ask`, with None for a record the caller does not have."""
        try:
            return await self.ask(service, path, params)
        except NotFound:
            return None


async def together(questions: Iterable[Awaitable[T]]) -> list[T]:
    """All answers, in order."""
    return list(await asyncio.gather(*questions))
