"""ASGI fast path for `POST /attendance/check-ins`, which every cadre calls around eight o'clock.

The route is declared in router.py like any other, with its permission, limits, errors and documentation. A request
that is authenticated, permitted and well formed is answered here, before FastAPI routing and validation. Every other
request (bad token, missing permission, invalid body, Idempotency-Key, query string) falls through unchanged.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.attendance.check_ins import group_commit
from services.attendance.check_ins.schemas import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ITEMS,
    CheckInAnswer,
    CheckInBatch,
    CheckInPost,
)
from shared.auth import Actor, May
from shared.errors import ApiError
from shared.http import problem_response
from shared.unit_of_work import ServiceContext

STATUS_CREATED = 201
PATH = "/api/v1/attendance/check-ins"


class _ValidBatch(BaseModel):
    """A batch whose items are all well formed."""

    items: list[CheckInPost] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)


CHECK_IN_ADAPTER = TypeAdapter(CheckInPost)
VALID_BATCH_ADAPTER = TypeAdapter(_ValidBatch)
BATCH_ADAPTER = TypeAdapter(CheckInBatch)


class FastPathMiddleware:
    """Answer well-formed check-in requests before the framework; pass everything else on."""

    def __init__(self, app: ASGIApp, *, context: ServiceContext) -> None:
        self.app = app
        self.context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 201 with the results, an ApiError as a problem, or call the next app with the request unchanged."""
        actor = await self._authenticate(scope) if _is_check_in_request(scope) else None
        if actor is None:
            await self.app(scope, receive, send)
            return
        messages, body = await _read_body(receive)
        try:
            content = None if body is None else await _handle_check_ins(self.context, actor, body)
        except ApiError as error:
            scope["endpoint"] = self  # the request log reads it as: matched a route
            await problem_response(Request(scope), error)(scope, receive, send)
            return
        if content is None:
            await self.app(scope, _replay_messages(messages, receive), send)
            return
        scope["endpoint"] = self
        scope["state"]["actor"] = actor
        headers = [(b"content-length", b"%d" % len(content)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": STATUS_CREATED, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _authenticate(self, scope: Scope) -> Actor | None:
        """The actor of a short JSON request without query and Idempotency-Key; None when the fast path does not apply."""
        token = ""
        length = media_type = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = value.decode("latin-1")
            elif name == b"content-length":
                length = value
            elif name == b"content-type":
                media_type = value
            elif name == b"idempotency-key":
                return None
        is_json = media_type.startswith(b"application/json")
        if scope["query_string"] or not (is_json and length.isdigit() and int(length) <= MAX_BATCH_BYTES):
            return None
        try:
            actor = await self.context.verifier.authenticate(token, self.context.clock())
        except ApiError:
            return None
        return actor if actor.can(May.CHECK_IN) else None


def _is_check_in_request(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == PATH)


async def _read_body(receive: Receive) -> tuple[list[Message], bytes | None]:
    """All received messages and the body they carry; None when the client disconnected before its end."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    if messages[-1]["type"] != "http.request":
        return messages, None
    return messages, b"".join(message.get("body", b"") for message in messages)


def _replay_messages(messages: Sequence[Message], receive: Receive) -> Receive:
    """A `receive` that yields these messages again, then what follows."""
    remaining = iter(messages)

    async def replay() -> Message:
        for message in remaining:
            return message
        return await receive()

    return replay


async def _handle_check_ins(context: ServiceContext, actor: Actor, body: bytes) -> bytes | None:
    """The JSON answer to a body; None for a body that FastAPI must validate and refuse."""
    items = _parse_items(body)
    if items is None:
        return None
    answer = CheckInAnswer.model_construct(items=await group_commit.ingest_check_ins(context, actor, items))
    return CheckInAnswer.__pydantic_serializer__.to_json(answer)


def _parse_items(body: bytes) -> Sequence[CheckInPost | dict[str, Any]] | None:
    """One check-in or the items of a batch; None for any other body."""
    if b'"items"' not in body[:20]:
        return _parse_body(CHECK_IN_ADAPTER, body, lambda check_in: [check_in])
    # When some items are invalid, the second adapter lets each be judged separately.
    return _parse_body(VALID_BATCH_ADAPTER, body, _list_items) or _parse_body(
        BATCH_ADAPTER, body, _list_items
    )


def _parse_body(
    adapter: TypeAdapter[Any], body: bytes, list_items: Callable[[Any], list[Any]]
) -> list[Any] | None:
    try:
        return list_items(adapter.validate_json(body))
    except ValidationError:
        return None


def _list_items(batch: CheckInBatch | _ValidBatch) -> list[Any]:
    return list(batch.items)
