"""How services reach one another: httpx over TCP, or the other app itself when it lives in this process.

The only place that imports the HTTP client, so that changing it is one line.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.types import ASGIApp

from shared.china import LabelledEnum
from shared.clients import propagation
from shared.clients.outbound_policy import AddressNotAllowed, HostNotFound, parse_target, resolve_target
from shared.errors import (
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    VersionRequired,
)
from shared.settings import Settings

REQUEST_TIMEOUT_S, CONNECT_TIMEOUT_S = 10.0, 2.0
"""Seconds for an answer and for a connection."""
_ERROR_CLASSES: dict[str, type[ApiError]] = {
    kind.problem_type(): kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        PreconditionMissing,
        PreconditionFailed,
        TooLarge,
        Invalid,
        VersionRequired,
        RateLimited,
    )
}
STATUS_SERVER_ERROR = 500
STATUS_CLIENT_ERROR = 400


class ServiceName(LabelledEnum):
    """What people call a service in a message."""

    IDENTITY = "identity", "账号服务"
    PROJECTS = "projects", "项目库"
    FUNDS = "funds", "资金服务"
    ASSETS = "assets", "资产服务"
    ATTENDANCE = "attendance", "驻村服务"


class ExternalSystem(LabelledEnum):
    """Systems of others that are asked like a peer."""

    DINGTALK = "dingtalk", "钉钉"
    WECOM = "wecom", "企业微信"


EXTERNAL_BASE_URLS: dict[str, str] = {
    ExternalSystem.DINGTALK: "https://oapi.dingtalk.com",
    ExternalSystem.WECOM: "https://qyapi.weixin.qq.com",
}
"""Where they live unless XIANJIE_PEERS says otherwise."""


def display_name(service: str) -> str:
    """The Chinese name of a service or a system of others, its own name when it has none."""
    return (ServiceName.labels() | ExternalSystem.labels()).get(service, service)


class ServiceClients:
    """Clients of all peers of one service; `apps` holds those that live in this process."""

    def __init__(self, settings: Settings, apps: Mapping[str, ASGIApp] | None = None) -> None:
        self.settings = settings
        self.apps = apps if apps is not None else {}
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._external_cache: dict[str, tuple[datetime, Any]] = {}

    def is_not_deployed(self, service: str) -> bool:
        """Whether this is the one process of everything and has no such service: then nobody is there to ask."""
        known = service in self.apps or service in self.settings.peers or service in EXTERNAL_BASE_URLS
        return self.settings.embedded and not known

    def get_client(self, service: str) -> httpx.AsyncClient:
        """One pooled client per peer."""
        if service not in self._clients:
            app = self.apps.get(service)
            transport = None if app is None else httpx.ASGITransport(app, raise_app_exceptions=False)
            self._clients[service] = httpx.AsyncClient(
                transport=transport,
                base_url=self._base_url(service) if app is None else f"http://{service}",
                timeout=REQUEST_TIMEOUT_S,
            )
        return self._clients[service]

    def _base_url(self, service: str) -> str:
        if service in EXTERNAL_BASE_URLS and service not in self.settings.peers:
            return EXTERNAL_BASE_URLS[service]
        return self.settings.service_url(service)

    async def request(
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
        sent = {**propagation.outgoing_headers(), **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if self.is_not_deployed(service):
            raise Unavailable(f"{display_name(service)}没有安装", f"{service} is not part of this process")
        left = propagation.seconds_left(REQUEST_TIMEOUT_S)
        if not left:
            raise Unavailable("等待时间已到, 请稍后重试", "Whoever asked has stopped waiting")
        try:
            answer = await self.get_client(service).request(
                method,
                path,
                params=params,
                json=json,
                headers=sent,
                timeout=httpx.Timeout(left, connect=min(left, CONNECT_TIMEOUT_S)),
            )
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{display_name(service)}暂时联系不上, 请稍后重试", f"{service} does not answer"
            ) from error
        if answer.status_code >= STATUS_SERVER_ERROR:
            raise Unavailable(
                f"{display_name(service)}暂时无法处理, 请稍后重试", f"{service} answered {answer.status_code}"
            )
        if answer.status_code >= STATUS_CLIENT_ERROR:
            raise _to_api_error(service, answer)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise Unavailable(
                f"{display_name(service)}的答复无法识别", f"{service} answered no JSON"
            ) from error

    async def get_external(self, url: str, at: datetime, *, fresh: timedelta) -> Any:  # noqa: ANN401 - any JSON
        """JSON from an address outside this system, such as an issuer's keys, asked anew when it is not `fresh` any more.

        An address that does not answer is Unavailable, unless an earlier answer is there. `apps` may hold it, by origin.
        """
        kept = self._external_cache.get(url)
        if kept is not None and at - kept[0] < fresh:
            return kept[1]
        target = httpx.URL(url)
        origin = f"{target.scheme}://{target.netloc.decode()}"
        app = self.apps.get(origin)
        transport = None if app is None else httpx.ASGITransport(app, raise_app_exceptions=False)
        try:
            async with httpx.AsyncClient(transport=transport, timeout=REQUEST_TIMEOUT_S) as client:
                found = (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            if kept is not None:
                return kept[1]
            raise Unavailable(f"{origin} 暂时联系不上, 请稍后重试", f"{origin} does not answer") from error
        self._external_cache[url] = (at, found)
        return found

    def clear_external_cache(self) -> None:
        """Ask outside addresses anew."""
        self._external_cache.clear()

    async def close(self) -> None:
        """Let every connection go."""
        for client in self._clients.values():
            await client.aclose()


class Unreachable(Exception):
    """A server outside gave no answer; the message says why."""


class OutboundHttp:
    """One conversation with a server that is not ours: no proxies, no redirects, no body read, nothing kept alive."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client = httpx.AsyncClient(timeout=settings.webhook_timeout, trust_env=False)

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer; Unreached without one, or when the address may not be called."""
        try:
            target = parse_target(url, self.settings)
            async with asyncio.timeout(self.settings.webhook_timeout):
                address = (await resolve_target(target, self.settings))[0]
                # By number, so that the name cannot change its meaning; TLS still checks the certificate of the name.
                request = self._client.build_request(
                    "POST",
                    target.with_address(address),
                    content=content,
                    headers={**headers, "Host": target.authority},
                    extensions={"sni_hostname": target.host},
                )
                answer = await self._client.send(request, stream=True)
                await answer.aclose()
        except (AddressNotAllowed, HostNotFound) as error:
            raise Unreachable(str(error)) from error
        except TimeoutError as error:
            raise Unreachable(f"{self.settings.webhook_timeout:g} 秒内没有答复") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"连接失败: {type(error).__name__}") from error
        return answer.status_code

    async def close(self) -> None:
        """End the conversation."""
        await self._client.aclose()


def _to_api_error(service: str, answer: httpx.Response) -> ApiError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    kind = _ERROR_CLASSES.get(problem.get("type", ""), Conflict)
    detail = problem.get("detail") or f"{display_name(service)}答复 {answer.status_code}"
    return kind(detail, f"{service}: {detail}")
