"""The door of the one-process run: hands the ASGI call to its service, by the rules Caddy follows over TCP.

No bytes are moved here. Over TCP this module is not used: Caddy (embedded/door.py) hands requests to the services.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import cache

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.clients import ServiceName, display_name
from shared.errors import ApiError, BadRequest, NotFound, TooLarge, Unavailable
from shared.http import DeclaredRoutes, door_rules, problem_response
from shared.http.callers import LOOPBACK_NETWORKS, find_client_address, is_in_networks, peer_address
from shared.http.door_errors import GatewayTimeout, MethodNotAllowed, RequestTimeout, UnsupportedEncoding
from shared.http.rate_limits import HEAVY_SUFFIXES
from shared.unit_of_work import ServiceContext

METRICS_PATH = "/metrics"
log = structlog.get_logger("gateway")


class Dispatcher:
    """ASGI middleware in front of the gateway's own pages; `own` are their addresses."""

    def __init__(self, app: ASGIApp, *, context: ServiceContext, own: DeclaredRoutes) -> None:
        self.app = app
        self.context = context
        self.own = own
        self._known: tuple[str, ...] = ()
        self._owners: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, hand on, or let the gateway's own pages answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(receive, send)
        try:
            headers = Headers(scope=scope)
            seen = find_client_address(
                peer_address(scope), headers.get("x-forwarded-for", ""), self.context.settings.door_proxies
            )
            owner = self._find_owner(scope, seen)
            exchange.size_limit = self._size_limit(owner, scope["path"])
            _check_request(scope, headers, exchange.size_limit)
            await self._hand_on(owner, scope, seen, exchange)
        except ApiError as refusal:
            if exchange.started:
                raise
            await problem_response(Request(scope), exchange.refusal or refusal)(scope, receive, exchange.send)
        except Exception as error:
            if not exchange.gone:
                raise
            log.info("caller hung up", path=scope["path"], error=repr(error))

    def _find_owner(self, scope: Scope, seen: str) -> str:
        """The service of a path; "" for the gateway's own pages. NotFound when nobody declares it."""
        path = scope["path"]
        if not door_rules.is_plain_target(scope["raw_path"]):
            raise BadRequest("地址里不能有 .、.. 或空的一段", "The path must be in its plain form")
        if self.own.owns(path) or (path == METRICS_PATH and is_in_networks(seen, LOOPBACK_NETWORKS)):
            return ""
        parts = path.split("/")
        versioned = parts[1:3] == ["api", "v1"]
        found = self._list_owners().get("/".join(parts[: 4 if versioned else 2]))
        if found is None and versioned and "".join(parts[3:4]) in ServiceName.labels():
            found = parts[3]
        if found is None:
            raise NotFound("没有这个地址", "No such address")
        return found

    def _list_owners(self) -> dict[str, str]:
        """Prefix → service, from what the services of this process declare."""
        apps = self.context.clients.apps
        if (names := tuple(apps)) != self._known:
            self._owners = {
                prefix: name
                for name, app in apps.items()
                if name != self.context.name and hasattr(app, "state")
                for prefix in app.state.declared_routes.prefixes
            }
            self._known = names
        return self._owners

    def _size_limit(self, owner: str, path: str) -> int:
        state = getattr(self.context.clients.apps.get(owner), "state", None)
        if state is not None and _matches_any(path, state.declared_routes.large):
            return door_rules.MAX_LARGE_BODY_BYTES
        return door_rules.MAX_BODY_BYTES

    async def _hand_on(self, owner: str, scope: Scope, seen: str, exchange: "Exchange") -> None:
        app = self.context.clients.apps.get(owner) if owner else self.app
        if app is None:
            raise Unavailable(f"{display_name(owner)}没有安装", f"{owner} is not part of this process")
        if owner:
            scope["state"]["handed_to"] = owner
        exchange.timeout = _answer_timeout(scope["path"], exchange.size_limit)
        inner = _inner_scope(scope, seen, exchange.timeout)
        try:
            async with asyncio.timeout(exchange.timeout) as exchange.clock:
                await app(inner, exchange.receive, exchange.send)
        except TimeoutError as error:
            if exchange.started:
                raise
            if exchange.waits_for_body:
                raise RequestTimeout("请求内容没有在时限内到齐, 请重试", "The body did not arrive") from error
            raise GatewayTimeout(
                "服务未在时限内答复; 若是提交, 请用同一 Idempotency-Key 重试",
                "No answer in time; repeat a write with the same Idempotency-Key",
                headers={"Retry-After": "5"},
            ) from error
        finally:
            exchange.clock = None
            if not owner:
                scope.update({name: inner[name] for name in ("endpoint", "path_params") if name in inner})


class Exchange:
    """One request on its way: counts its body, keeps its clock, knows whether the answer has begun."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.started = False
        self.gone = False
        self.whole = False
        self.waits_for_body = False
        self.refusal: ApiError | None = None
        self.clock: asyncio.Timeout | None = None
        self.timeout = 0.0
        self.size = 0
        self.size_limit = door_rules.MAX_BODY_BYTES

    async def receive(self) -> Message:
        """The next part of the body; TooLarge past the limit."""
        self.waits_for_body = not self.whole
        message = await self._receive()
        self.waits_for_body = False
        self.whole = not message.get("more_body", False)
        self._restart_clock()
        self.gone = message["type"] == "http.disconnect"
        self.size += len(message.get("body", b""))
        if self.size > self.size_limit:
            self.refusal = _too_large()
            raise self.refusal
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer, its headers by the door's rules."""
        if message["type"] == "http.response.start":
            message = {**message, "headers": door_rules.clean_response_headers(message.get("headers", ()))}
        self.started = True
        self._restart_clock()
        await self._send(message)

    def _restart_clock(self) -> None:
        if self.clock is not None and not self.clock.expired():
            self.clock.reschedule(asyncio.get_running_loop().time() + self.timeout)


def _check_request(scope: Scope, headers: Headers, size_limit: int) -> None:
    if scope["method"] not in door_rules.METHODS:
        raise MethodNotAllowed("这个地址不支持该操作", "Method not allowed")
    if len(headers.getlist("host")) != 1 and scope["http_version"] != "1.0":
        raise BadRequest("请求须有一个 Host", "Exactly one Host is required")
    if headers.get("content-encoding"):
        raise UnsupportedEncoding("请求内容不能压缩后上传", "Send the body uncompressed")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > size_limit:
        raise _too_large()


def _too_large() -> TooLarge:
    return TooLarge("请求内容超过了上限", "The body is over the limit")


def _inner_scope(scope: Scope, seen: str, seconds: float) -> Scope:
    """The request as the service sees it: from the door, saying whom the door saw."""
    forwarded = {
        "x-forwarded-for": seen,
        "x-forwarded-proto": scope.get("scheme", "http"),
        "x-forwarded-host": Headers(scope=scope).get("host", ""),
        "x-request-id": scope["state"]["request_id"],
        "x-time-left": f"{seconds:g}",
    }
    headers = [
        *door_rules.clean_request_headers(scope["headers"]),
        *((name.encode(), value.encode("latin-1")) for name, value in forwarded.items()),
    ]
    return {**scope, "state": {**scope["state"]}, "client": ("127.0.0.1", 0), "headers": headers}


def _answer_timeout(path: str, size_limit: int) -> float:
    if size_limit > door_rules.MAX_BODY_BYTES or path.endswith(HEAVY_SUFFIXES):
        return door_rules.HEAVY_ANSWER_TIMEOUT_S
    return door_rules.ANSWER_TIMEOUT_S


@cache
def _compile_patterns(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(one).replace(r"\*", "[^/]+") for one in patterns) or "(?!)")


def _matches_any(path: str, patterns: tuple[str, ...]) -> bool:
    return _compile_patterns(patterns).fullmatch(path) is not None
