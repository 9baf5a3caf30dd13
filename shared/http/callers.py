"""Who is at the door, as far as limits need to know: a person, a machine client, or an address."""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from shared.auth import is_service_token
from shared.errors import ApiError, TooLarge, Unauthenticated
from shared.unit_of_work import ServiceContext


@dataclass(frozen=True, slots=True)
class Caller:
    """`kind` is user, machine or address; `name` is who within it."""

    kind: str
    name: str


def find_client_address(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The caller's IP: the peer's, or what a trusted proxy in front of us says it saw."""
    client = scope.get("client")
    peer = str(client[0]) if client else "unknown"
    if not _is_in_networks(peer, trusted):
        return peer
    chain = [
        part.strip() for part in Headers(scope=scope).get("x-forwarded-for", "").split(",") if part.strip()
    ]
    for hop in reversed(chain):
        if not _is_in_networks(hop, trusted):
            return hop[:45] if _is_ip_address(hop) else peer
    return peer


async def identify_caller(scope: Scope, context: ServiceContext, seen: str) -> Caller:
    """The signed-in caller, else the address. Unauthenticated for tokens that are only ever used inside."""
    authorization = Headers(scope=scope).get("authorization")
    if authorization is None or not authorization.lower().startswith("bearer "):
        return Caller("address", seen)
    if is_service_token(authorization.partition(" ")[2]):
        raise Unauthenticated("这种令牌只能在系统内部使用", "Service tokens are not accepted from outside")
    try:
        actor = await context.verifier.authenticate(authorization, context.clock())
    except ApiError:
        return Caller("address", seen)  # the service itself says what is wrong with the token
    return Caller("machine" if actor.kind == "machine" else "user", actor.id)


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_in_networks(text: str, networks: tuple[str, ...]) -> bool:
    return _is_ip_address(text) and any(ip_address(text) in ip_network(one) for one in networks)


TOKEN_PATH = "/api/v1/auth/token"
MAX_SIGN_IN_BYTES = 8 * 1024
MAX_USERNAME_LENGTH, MAX_FORM_FIELDS = 64, 20


async def read_username(scope: Scope, receive: Receive) -> tuple[str, Receive]:
    """The account tried ("" when none is named), and a `receive` that gives the same body again."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_SIGN_IN_BYTES:
            raise TooLarge("登录请求不应超过 8 KB", "A sign-in is at most 8 KB")
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return _parse_username(scope, body), again


def _parse_username(scope: Scope, body: bytes) -> str:
    scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(secret, validate=True).decode().partition(":")[0][:MAX_USERNAME_LENGTH]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        return ""
    for field in ("username", "client_id"):
        if field in form:
            return form[field][0][:MAX_USERNAME_LENGTH]
    return ""
