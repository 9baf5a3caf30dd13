"""A route asks another address of its service, as its caller: for a repeated action, what stands now."""

import json
from typing import Any

from starlette.requests import Request
from starlette.types import Message

STATUS_OK = 200
_KEPT_SCOPE = ("type", "asgi", "http_version", "scheme", "root_path", "server")
_DROPPED_HEADERS = frozenset({b"content-length", b"content-type", b"if-match", b"idempotency-key"})


async def ask_own_address(request: Request, path: str) -> dict[str, Any] | None:
    """What a GET of another address of this service answers to the same caller; None unless 200."""
    headers = [one for one in request.scope["headers"] if one[0] not in _DROPPED_HEADERS]
    scope = {name: request.scope[name] for name in _KEPT_SCOPE if name in request.scope} | {
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "state": {},
    }
    status, body = 0, bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        body.extend(message.get("body", b""))

    await request.app(scope, receive, send)
    if status != STATUS_OK:
        return None
    found = json.loads(body)
    return found if isinstance(found, dict) else None
