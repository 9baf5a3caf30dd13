"""How services reach one another: httpx over TCP, or the other app itself when it lives in this process.

The only place that imports the HTTP client, so that changing it is one line.
"""

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp

from shared.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotReady,
    Refusal,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    VersionRequired,
)
from shared.labels import Labelled
from shared.settings import Settings

TIMEOUT = httpx.Timeout(10, connect=2)
_KINDS: dict[str, type[Refusal]] = {
    kind.kind(): kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        NotReady,
        Stale,
        TooLarge,
        Invalid,
        VersionRequired,
        TooMany,
    )
}
SERVER_ERROR = 500
CLIENT_ERROR = 400


class ServiceName(Labelled):
    """What people call a service in a message."""

    IDENTITY = "identity", "账号服务"
    PROJECTS = "projects", "项目库"
    FUNDS = "funds", "资金服务"
    ASSETS = "assets", "资产服务"
    ATTENDANCE = "attendance", "驻村服务"


def spoken(service: str) -> str:
    """The Chinese name of a service, its own name when it has none."""
    return ServiceName(service).label if service in ServiceName.labels() else service


class Wire:
    """Clients of all peers of one service; `apps` holds those that live in this process."""

    def __init__(self, settings: Settings, apps: Mapping[str, ASGIApp] | None = None) -> None:
        self.settings = settings
        self.apps = apps if apps is not None else {}
        self._clients: dict[str, httpx.AsyncClient] = {}

    def client(self, service: str) -> httpx.AsyncClient:
        """One pooled client per peer."""
        if service not in self._clients:
            app = self.apps.get(service)
            transport = None if app is None else httpx.ASGITransport(app, raise_app_exceptions=False)
            self._clients[service] = httpx.AsyncClient(
                transport=transport,
                base_url=self.settings.peer(service) if app is None else f"http://{service}",
                timeout=TIMEOUT,
            )
        return self._clients[service]

    async def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        token: str = "",
        params: Mapping[str, Any] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - any JSON
        """The peer's JSON answer; its refusal raised here as the same refusal; Unavailable when it is down."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            answer = await self.client(service).request(method, path, params=params, json=json, headers=sent)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{spoken(service)}暂时联系不上, 请稍后重试", f"{service} does not answer"
            ) from error
        if answer.status_code >= SERVER_ERROR:
            raise Unavailable(
                f"{spoken(service)}暂时无法处理, 请稍后重试", f"{service} answered {answer.status_code}"
            )
        if answer.status_code >= CLIENT_ERROR:
            raise _refusal(service, answer)
        return answer.json() if answer.content else None

    async def close(self) -> None:
        """Let every connection go."""
        for client in self._clients.values():
            await client.aclose()


def _refusal(service: str, answer: httpx.Response) -> Refusal:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    kind = _KINDS.get(problem.get("type", ""), Conflict)
    detail = problem.get("detail") or f"{spoken(service)}答复 {answer.status_code}"
    return kind(detail, f"{service}: {detail}")
