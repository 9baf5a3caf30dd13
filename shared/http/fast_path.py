"""The short way for the few addresses a whole nation calls in the same minute: the same promises, less ceremony.

A route stays declared as any other, with its permission, limits, errors and document. What is well-formed and allowed
is answered here, before the framework looks at it; whatever is not (no or a bad token, a missing permission, a body
that does not fit, an Idempotency-Key, a query) goes the ordinary way, untouched, and gets the ordinary answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth import Actor, May
from shared.errors import ApiError
from shared.http.problems import problem_response
from shared.unit_of_work import ServiceContext

FastPathHandler = Callable[[ServiceContext, Actor, bytes], Awaitable[bytes | None]]
"""The JSON answer to a body; None for a body whose answer the ordinary way knows. A Refusal is answered as any."""
STATUS_CREATED = 201


@dataclass(frozen=True, slots=True)
class FastPath:
    """An address with a short way: a POST with a JSON body up to its limit in bytes, answered 201."""

    path: str
    may: May
    body: int
    handler: FastPathHandler


class FastPathMiddleware:
    """ASGI middleware in front of the framework."""

    def __init__(self, app: ASGIApp, *, context: ServiceContext, ways: Sequence[FastPath]) -> None:
        self.app = app
        self.context = context
        self.ways = {one.path: one for one in ways}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is well-formed and allowed; hand on the rest as it came."""
        way = self.ways.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        actor = await self._authenticate(scope, way) if way is not None else None
        if way is None or actor is None:
            await self.app(scope, receive, send)
            return
        messages, body = await _read_body(receive)
        try:
            said = None if body is None else await way.handler(self.context, actor, body)
        except ApiError as refusal:
            scope["endpoint"] = way
            await problem_response(Request(scope), refusal)(scope, receive, send)
            return
        if said is None:
            await self.app(scope, _replay_messages(messages, receive), send)
            return
        scope["endpoint"] = way
        scope["state"]["actor"] = actor
        headers = [(b"content-length", b"%d" % len(said)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": STATUS_CREATED, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    async def _authenticate(self, scope: Scope, way: FastPath) -> Actor | None:
        """Who asks, when the request is one for the short way."""
        token = ""
        length = kind = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = value.decode("latin-1")
            elif name == b"content-length":
                length = value
            elif name == b"content-type":
                kind = value
            elif name == b"idempotency-key":
                return None
        short = kind.startswith(b"application/json") and length.isdigit() and int(length) <= way.body
        if scope["query_string"] or not short:
            return None
        try:
            actor = await self.context.verifier.authenticate(token, self.context.clock())
        except ApiError:
            return None
        return actor if actor.can(way.may) else None


async def _read_body(receive: Receive) -> tuple[list[Message], bytes | None]:
    """What was received and the whole body in it; None when the caller left before its end."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    if messages[-1]["type"] != "http.request":
        return messages, None
    return messages, b"".join(one.get("body", b"") for one in messages)


def _replay_messages(messages: Sequence[Message], receive: Receive) -> Receive:
    """The same once more, then what follows."""
    left = iter(messages)

    async def receiving() -> Message:
        for message in left:
            return message
        return await receive()

    return receiving
