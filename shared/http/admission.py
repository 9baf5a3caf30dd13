"""The first thing a service does with a request: refuse what an outsider may not send, learn who asks, count.

Caddy and the one-process dispatcher remove claims before they hand a request on; a service refuses them all the same,
since its port may be reached by another way. The token is verified here once and remembered by the verifier.
"""

from collections import Counter

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth import is_service_token
from shared.errors import ApiError, BadRequest, NotFound, RateLimited, Unauthenticated
from shared.http.callers import (
    LOOPBACK_NETWORKS,
    Caller,
    find_client_address,
    find_subscriber,
    is_in_networks,
    peer_address,
)
from shared.http.door_rules import MAX_BODY_BYTES, claims_identity, is_plain_target
from shared.http.overload import PROCESS_LOAD, START_QUEUE
from shared.http.problems import problem_response
from shared.http.rate_limits import HEAVY_SUFFIXES, READ_METHODS, RateLimiter
from shared.unit_of_work import ServiceContext

UNCOUNTED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
INTERNAL_PREFIX = "/internal/"
MAX_UPLOADS_PER_CALLER = 8
"""Large bodies of one caller on their way to this process at the same time."""
_READ_HEADERS = frozenset({b"authorization", b"x-forwarded-for", b"x-forwarded-proto", b"content-length"})


class AdmissionMiddleware:
    """ASGI middleware in front of everything a service answers."""

    def __init__(self, app: ASGIApp, *, context: ServiceContext) -> None:
        self.app = app
        self.context = context
        self.limiter = RateLimiter(context.settings.rates, context.clock)
        self.trusted = (*context.settings.trusted_proxies, *LOOPBACK_NETWORKS)
        self.uploads: Counter[Caller] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass the request on with the caller's address in `client`."""
        if scope["type"] != "http" or scope["path"] in UNCOUNTED_PATHS:
            await self.app(scope, receive, send)
            return
        counts = _counts_as_load(scope)
        try:
            if counts:
                PROCESS_LOAD.check(self.context.settings.queue_seconds)
            caller, size = await self._admit(scope)
            self._take_upload_place(caller, size)
        except ApiError as refusal:
            await problem_response(Request(scope), refusal)(scope, receive, send)
            return
        if counts and size <= MAX_BODY_BYTES:
            PROCESS_LOAD.begin()
            try:
                await START_QUEUE.wait_for_turn()
                await self.app(scope, receive, send)
            finally:
                PROCESS_LOAD.end()
            return
        await self._pass_large(caller, size, scope, receive, send)

    async def _pass_large(
        self, caller: Caller, size: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            if size > MAX_BODY_BYTES:
                self.uploads[caller] -= 1
                if not self.uploads[caller]:
                    del self.uploads[caller]

    async def _admit(self, scope: Scope) -> tuple[Caller, int]:
        """Identify the caller and the announced size of the body; a chunked body counts as large."""
        headers = _read_headers(scope)
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        forwarded = headers.get(b"x-forwarded-for")
        peer = peer_address(scope)
        trusted = is_in_networks(peer, self.trusted)
        if forwarded is not None:
            if not trusted:
                raise BadRequest("请求头不被接受: x-forwarded-for", "Only the door says whom it saw")
            if scope["path"].startswith(INTERNAL_PREFIX):
                raise NotFound("没有这个地址", "No such address")
            address = find_client_address(peer, forwarded.decode("latin-1"), self.trusted)
            scope["client"] = (address, 0)
            if headers.get(b"x-forwarded-proto") in {b"http", b"https"}:
                scope["scheme"] = headers[b"x-forwarded-proto"].decode("latin-1")
            peer = address
        inside = forwarded is None and trusted
        caller = await self._identify(authorization, peer, inside=inside)
        if not inside:
            self.limiter.count_request(caller, scope["method"], scope["path"])
        length = headers.get(b"content-length", b"")
        return caller, 0 if inside or scope["method"] in READ_METHODS else _announced_size(length, scope)

    async def _identify(self, authorization: str, address: str, *, inside: bool) -> Caller:
        """Return the signed-in caller, else the address. Unauthenticated for a service's token from outside."""
        scheme, _, token = authorization.partition(" ")
        if inside or scheme.lower() != "bearer":
            return Caller("address", find_subscriber(address))
        if is_service_token(token):
            raise Unauthenticated(
                "这种令牌只能在系统内部使用", "Service tokens are not accepted from outside"
            )
        try:
            actor = await self.context.verifier.authenticate(authorization, self.context.clock())
        except ApiError:
            return Caller("address", find_subscriber(address))  # the route says what is wrong with the token
        return Caller("machine" if actor.kind == "machine" else "user", actor.id)

    def _take_upload_place(self, caller: Caller, size: int) -> None:
        if size <= MAX_BODY_BYTES:
            return
        if self.uploads[caller] >= MAX_UPLOADS_PER_CALLER:
            raise RateLimited(
                f"同时上传的文件不能超过 {MAX_UPLOADS_PER_CALLER} 个, 请稍候再传",
                f"More than {MAX_UPLOADS_PER_CALLER} uploads at the same time",
                headers={"Retry-After": "2"},
            )
        self.uploads[caller] += 1


def _counts_as_load(scope: Scope) -> bool:
    """Whether a request came through the door and is one that is answered soon; one of another service waits there."""
    from_door = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
    return from_door and not scope["path"].endswith(HEAVY_SUFFIXES)


def _read_headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers that say who asks; BadRequest for a claim or a target that is read in two ways."""
    target = scope.get("raw_path") or scope["path"].encode()
    if not is_plain_target(target):
        raise BadRequest("地址里不能有 .、.. 或空的一段", "The path must be in its plain form")
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if claims_identity(name):
            raise BadRequest(f"请求头不被接受: {name.decode('latin-1')}", "Nobody is named by a header here")
        if name in _READ_HEADERS:
            if name in found:
                raise BadRequest(f"请求头重复: {name.decode('latin-1')}", "A header that counts comes twice")
            found[name] = value
    return found


def _announced_size(length: bytes, scope: Scope) -> int:
    if length.isdigit():
        return int(length)
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    return MAX_BODY_BYTES + 1 if chunked else 0
