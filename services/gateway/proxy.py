"""The door itself: limits first, then the request goes to its service, streaming, within its time."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway import client_identity, headers
from services.gateway.errors import GatewayTimeout
from services.gateway.rate_limiter import HEAVY_SUFFIXES, RateLimiter
from services.gateway.routing_table import find_owner
from services.gateway.upstream import Remote, direct
from shared.clients import display_name
from shared.errors import ApiError, TooLarge, Unavailable
from shared.http import problem_response
from shared.unit_of_work import ServiceContext

CEILING = 64 * 1024 * 1024
"""Bytes no body may exceed; each route's own, smaller limit is kept by its service."""
PATIENCE_S, PATIENCE_HEAVY_S = 30.0, 120.0
"""Seconds of silence after which a request is given up: big tables take longer."""
SLOWEST = 4096
"""Bytes a second a phone is given time for when it uploads."""
CROWD = 256
"""Requests on their way to one service at once; more wait here for a place."""
QUEUE = 1024
"""Requests that may wait for a place; a further one is asked to come back."""
QUEUE_S = 3.0
"""Seconds one waits for a place: a pause of the service is waited out, its death is told."""
log = structlog.get_logger("gateway")


class Door:
    """ASGI middleware in front of the gateway's own pages."""

    def __init__(self, app: ASGIApp, *, context: ServiceContext, rates: RateLimiter, remote: Remote) -> None:
        self.app = app
        self.context = context
        self.rates = rates
        self.remote = remote
        self.under_way: Counter[str] = Counter()
        self.places: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(CROWD))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, hand on, or let the gateway's own pages answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = Passage(receive, send)
        try:
            service, seen, body = await self._admit(scope, receive)
            passage.take = body
            if service is None:
                await self.app(scope, passage.receive, send)
            else:
                scope["state"]["handed_to"] = service
                await self._hand_on(service, seen, scope, passage)
        except ApiError as refusal:
            refusal = passage.refusal or refusal
            if passage.started:
                raise
            await problem_response(Request(scope), refusal)(scope, receive, send)
        except Exception as error:
            if not passage.gone:
                raise
            log.info("caller hung up", path=scope["path"], error=repr(error))

    async def _admit(self, scope: Scope, receive: Receive) -> tuple[str | None, str, Receive]:
        """Whose request it is and from where, when it is within all limits."""
        service = find_owner(scope["path"])
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > CEILING:
            raise TooLarge("请求内容超过了上限", "The body is over the limit")
        seen = client_identity.find_client_address(scope, self.context.settings.trusted_proxies)
        if scope["path"] == client_identity.TOKEN_PATH and scope["method"] == "POST":
            account, receive = await client_identity.read_username(scope, receive)
            self.rates.count_sign_in(account, seen)
        else:
            caller = await client_identity.identify_caller(scope, self.context, seen)
            self.rates.count_request(caller, scope["method"], scope["path"])
        return service, seen, receive

    async def _hand_on(self, service: str, seen: str, scope: Scope, passage: "Passage") -> None:
        if self.under_way[service] >= CROWD + QUEUE:
            raise _busy(service)
        self.under_way[service] += 1
        try:
            async with self._place(service):
                await self._within_time(service, self._inner(scope, seen), passage)
        finally:
            self.under_way[service] -= 1

    @asynccontextmanager
    async def _place(self, service: str) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(QUEUE_S):
                await self.places[service].acquire()
        except TimeoutError as error:
            raise _busy(service) from error
        try:
            yield
        finally:
            self.places[service].release()

    def _inner(self, scope: Scope, seen: str) -> Scope:
        """The request as the service sees it."""
        given = Headers(scope=scope)
        length = int(given.get("content-length", "0")) or (CEILING if "transfer-encoding" in given else 0)
        inner = {**scope, "state": {}, "client": (seen, 0), "chunked": "transfer-encoding" in given}
        inner["headers"] = headers.build_upstream_headers(
            scope["headers"],
            address=seen,
            scheme=scope.get("scheme", "http"),
            host=given.get("host", ""),
            request_id=scope["state"]["request_id"],
            seconds=_patience(scope) + length / SLOWEST,
        )
        return inner

    async def _within_time(self, service: str, scope: Scope, passage: "Passage") -> None:
        passage.patience = _patience(scope)
        try:
            async with asyncio.timeout(passage.patience) as passage.clock:
                await self._carry(service, scope, passage)
        except TimeoutError as error:
            if passage.started:
                raise
            raise GatewayTimeout(
                f"{display_name(service)}未在时限内答复; 若是提交, 请用同一 Idempotency-Key 重试",
                f"{service} gave no answer in time; repeat a write with the same Idempotency-Key",
                headers={"Retry-After": "5"},
            ) from error

    async def _carry(self, service: str, scope: Scope, passage: "Passage") -> None:
        app = self.context.clients.apps.get(service)
        if app is not None:
            await direct(app, scope, passage.receive, passage.send)
        elif self.context.clients.is_not_deployed(service):
            raise Unavailable(f"{display_name(service)}没有安装", f"{service} is not part of this process")
        else:
            base = self.context.settings.service_url(service)
            await self.remote.carry(base, service, scope, passage.receive, passage.send)


def _busy(service: str) -> Unavailable:
    return Unavailable(
        f"{display_name(service)}正忙, 请稍后重试", f"{service} is at its limit", retry_after=1
    )


class Passage:
    """One request on its way: counts its body, keeps its clock, knows whether the answer has begun."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.take = receive
        self.give = send
        self.started = False
        self.gone = False
        self.refusal: ApiError | None = None
        self.clock: asyncio.Timeout | None = None
        self.patience = PATIENCE_S
        self.size = 0

    async def receive(self) -> Message:
        """The next part of the body; TooLarge past the ceiling."""
        message = await self.take()
        self._alive()
        self.gone = message["type"] == "http.disconnect"
        self.size += len(message.get("body", b""))
        if self.size > CEILING:
            self.refusal = TooLarge("请求内容超过了上限", "The body is over the limit")
            raise self.refusal
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        self.started = True
        self._alive()
        await self.give(message)

    def _alive(self) -> None:
        if self.clock is not None and not self.clock.expired():
            self.clock.reschedule(asyncio.get_running_loop().time() + self.patience)


def _patience(scope: Scope) -> float:
    return PATIENCE_HEAVY_S if scope["path"].endswith(HEAVY_SUFFIXES) else PATIENCE_S
