"""HTTP clients: `ServiceClients` for other services (over TCP or in this process), `OutboundHttp` for webhooks.

Only this module imports httpx.
"""

import asyncio
import json as json_text
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.types import ASGIApp

from shared.china import LabelledEnum
from shared.clients import propagation
from shared.clients.in_process import call_app
from shared.clients.outbound_policy import AddressNotAllowed, HostNotFound, parse_target, resolve_target
from shared.clients.service_names import ServiceName
from shared.errors import (
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
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

ServiceAnswer = httpx.Response
"""A service's answer with its status, headers and content."""
REQUEST_TIMEOUT_S, CONNECT_TIMEOUT_S = 10.0, 2.0
"""Timeouts in seconds of a response and of a connection."""
_ERROR_CLASSES: dict[str, type[ApiError]] = {
    kind.problem_type(): kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        PreconditionMissing,
        Gone,
        PreconditionFailed,
        TooLarge,
        Invalid,
        VersionRequired,
        RateLimited,
    )
}
STATUS_SERVER_ERROR = 500
STATUS_CLIENT_ERROR = 400


class ExternalSystem(LabelledEnum):
    """External systems that are called like a service."""

    DINGTALK = "dingtalk", "钉钉"
    WECOM = "wecom", "企业微信"


EXTERNAL_BASE_URLS: dict[str, str] = {
    ExternalSystem.DINGTALK: "https://oapi.dingtalk.com",
    ExternalSystem.WECOM: "https://qyapi.weixin.qq.com",
}
"""Base URLs of external systems; XIANJIE_PEERS overrides them."""


def display_name(service: str) -> str:
    """The Chinese name of a service or external system, else its code."""
    return (ServiceName.labels() | ExternalSystem.labels()).get(service, service)


def is_service_name(name: str) -> bool:
    """Whether this names one of our services and neither the gateway nor an address outside."""
    return name != "gateway" and "/" not in name


class ServiceClients:
    """Pooled clients of the other services; `apps` are services in the same process, called without network."""

    def __init__(self, settings: Settings, apps: Mapping[str, ASGIApp] | None = None) -> None:
        self.settings = settings
        self.apps = apps if apps is not None else {}
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._external_cache: dict[str, tuple[datetime, Any]] = {}

    def is_not_deployed(self, service: str) -> bool:
        """Whether all services run in this process and this one is not among them."""
        exists = service in self.apps or service in self.settings.peers or service in EXTERNAL_BASE_URLS
        return self.settings.embedded and not exists

    def list_services(self) -> list[str]:
        """Every service with a database of its own that there is: known by name, in this process, or told from outside."""
        found = {str(name) for name in ServiceName} | set(self.apps) | set(self.settings.peers)
        return sorted(
            name for name in found - {str(name) for name in ExternalSystem} if is_service_name(name)
        )

    def get_client(self, service: str) -> httpx.AsyncClient:
        """The pooled client of one service that is reached over the network."""
        if service not in self._clients:
            self._clients[service] = httpx.AsyncClient(
                base_url=self._base_url(service), timeout=REQUEST_TIMEOUT_S
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
        seconds: float = REQUEST_TIMEOUT_S,
    ) -> Any:  # noqa: ANN401 - any JSON
        """Send a request and return the JSON answer, within so many seconds.

        A problem answer is raised as the same ApiError class; Unavailable when the service is down or out of time.
        """
        answer = await self.send(
            service, method, path, token=token, params=params, json=json, headers=headers, seconds=seconds
        )
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

    async def send(
        self,
        service: str,
        method: str,
        path: str,
        *,
        token: str = "",
        params: Mapping[str, Any] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_TIMEOUT_S,
    ) -> ServiceAnswer:
        """Send a request and return the answer whatever its status; Unavailable when none comes in time."""
        request_headers = {**propagation.outgoing_headers(), **(headers or {})}
        if token:
            request_headers["Authorization"] = f"Bearer {token}"
        if self.is_not_deployed(service):
            raise Unavailable(f"{display_name(service)}没有安装", f"{service} is not part of this process")
        left = propagation.seconds_left(seconds)
        if not left:
            raise Unavailable("等待时间已到, 请稍后重试", "The deadline of the request has passed")
        app = self.apps.get(service)
        if app is not None:
            return await _call_in_process(app, service, method, path, params, json, request_headers)
        try:
            return await self.get_client(service).request(
                method,
                path,
                params=params,
                json=json,
                headers=request_headers,
                timeout=httpx.Timeout(left, connect=min(left, CONNECT_TIMEOUT_S)),
            )
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{display_name(service)}暂时联系不上, 请稍后重试", f"{service} does not answer"
            ) from error

    async def get_external(self, url: str, at: datetime, *, fresh: timedelta) -> Any:  # noqa: ANN401 - any JSON
        """JSON from an external URL such as an issuer's keys, cached for `fresh`.

        When the URL fails, an expired answer is returned if there is one, else Unavailable is raised. `apps` may contain
        the server by its origin.
        """
        cached = self._external_cache.get(url)
        if cached is not None and at - cached[0] < fresh:
            return cached[1]
        target = httpx.URL(url)
        origin = f"{target.scheme}://{target.netloc.decode()}"
        app = self.apps.get(origin)
        transport = None if app is None else httpx.ASGITransport(app, raise_app_exceptions=False)
        try:
            async with httpx.AsyncClient(transport=transport, timeout=REQUEST_TIMEOUT_S) as client:
                document = (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            if cached is not None:
                return cached[1]
            raise Unavailable(f"{origin} 暂时联系不上, 请稍后重试", f"{origin} does not answer") from error
        self._external_cache[url] = (at, document)
        return document

    def clear_external_cache(self) -> None:
        """Drop all cached external documents."""
        self._external_cache.clear()

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()


async def _call_in_process(
    app: ASGIApp,
    service: str,
    method: str,
    path: str,
    params: Mapping[str, Any] | None,
    json: Any,  # noqa: ANN401 - any JSON
    headers: Mapping[str, str],
) -> ServiceAnswer:
    if params:
        path = f"{path}{'&' if '?' in path else '?'}{httpx.QueryParams(params)}"
    body = b""
    if json is not None:
        body = json_text.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        headers = {"Content-Type": "application/json", **headers}
    found = await call_app(app, service, method, path, headers, body)
    return httpx.Response(found.status, headers=found.headers, content=b"".join(found.parts))


class Unreachable(Exception):
    """An external server gave no response; the message gives the reason in Chinese."""


class OutboundHttp:
    """Client for POSTs to external servers: no proxies, no redirects, response bodies are not read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client = httpx.AsyncClient(timeout=settings.webhook_timeout, trust_env=False)

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """Send a POST and return the response status; Unreachable without a response or for a forbidden URL."""
        try:
            target = parse_target(url, self.settings)
            async with asyncio.timeout(self.settings.webhook_timeout):
                address = (await resolve_target(target, self.settings))[0]
                # Call the checked IP address, so that DNS cannot change it; TLS still verifies the host name.
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
        """Close the connections."""
        await self._client.aclose()


def _to_api_error(service: str, answer: httpx.Response) -> ApiError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    kind = _ERROR_CLASSES.get(problem.get("type", ""), Conflict)
    detail = problem.get("detail") or f"{display_name(service)}答复 {answer.status_code}"
    return kind(detail, f"{service}: {detail}")
