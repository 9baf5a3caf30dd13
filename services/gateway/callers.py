"""Who is at the door, as far as limits need to know: a person, a machine client, or an address."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from shared.auth import inside_only
from shared.errors import Refusal, Unauthenticated
from shared.work import Context


@dataclass(frozen=True, slots=True)
class Caller:
    """`kind` is user, machine or address; `name` is who within it."""

    kind: str
    name: str


def address(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The caller's IP: the peer's, or what a trusted proxy in front of us says it saw."""
    client = scope.get("client")
    peer = str(client[0]) if client else "unknown"
    if not _within(peer, trusted):
        return peer
    chain = [
        part.strip() for part in Headers(scope=scope).get("x-forwarded-for", "").split(",") if part.strip()
    ]
    for hop in reversed(chain):
        if not _within(hop, trusted):
            return hop[:45] if _is_address(hop) else peer
    return peer


async def caller(scope: Scope, context: Context, seen: str) -> Caller:
    """The signed-in caller, else the address. Unauthenticated for tokens that are only ever used inside."""
    authorization = Headers(scope=scope).get("authorization")
    if authorization is None or not authorization.lower().startswith("bearer "):
        return Caller("address", seen)
    if inside_only(authorization.partition(" ")[2]):
        raise Unauthenticated("这种令牌只能在系统内部使用", "Service tokens are not accepted from outside")
    try:
        actor = await context.verifier.actor(authorization, context.clock())
    except Refusal:
        return Caller("address", seen)  # the service itself says what is wrong with the token
    return Caller("machine" if actor.kind == "machine" else "user", actor.id)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _within(text: str, networks: tuple[str, ...]) -> bool:
    return _is_address(text) and any(ip_address(text) in ip_network(one) for one in networks)
