"""Whose secret is being tried: the account name in a sign-in request, read without taking the body away."""

import base64
import binascii
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from shared.errors import TooLarge

PATH = "/api/v1/auth/token"
LARGEST = 8 * 1024
NAME, FIELDS = 64, 20


async def peek(scope: Scope, receive: Receive) -> tuple[str, Receive]:
    """The account tried ("" when none is named), and a `receive` that gives the same body again."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST:
            raise TooLarge("登录请求不应超过 8 KB", "A sign-in is at most 8 KB")
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return _account(scope, body), again


def _account(scope: Scope, body: bytes) -> str:
    scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(secret, validate=True).decode().partition(":")[0][:NAME]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FIELDS)
    except ValueError:
        return ""
    for field in ("username", "client_id"):
        if field in form:
            return form[field][0][:NAME]
    return ""
