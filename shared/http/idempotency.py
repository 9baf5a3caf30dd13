"""Idempotency keys: the response of a write is stored in the transaction of its effect and replayed for repeats.

A key is scoped to a principal and a route. A request whose first copy is still running gets Conflict with Retry-After;
a key reused with another body gets Invalid. Responses are kept for `RESPONSE_RETENTION`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from shared.auth import Actor
from shared.db import Database, answer, execute_core
from shared.errors import BadRequest, Conflict, Invalid

RESPONSE_RETENTION = timedelta(days=45)
MAX_KEY_LENGTH = 255
STORED_HEADERS = ("content-type", "etag", "location")


class Replay(Exception):
    """Raised to send a stored response instead of running the handler."""

    def __init__(self, response: Response) -> None:
        super().__init__("replay")
        self.response = response


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Identity of a stored response: principal, route, key, and fingerprint of query and body."""

    principal: str
    route: str
    key: str
    fingerprint: str


class InFlightKeys:
    """Keys of requests that this process is handling now."""

    def __init__(self) -> None:
        self._open: set[tuple[str, str, str]] = set()

    def add(self, key: IdempotencyKey) -> None:
        """Register a request; Conflict when one with the same key is still running."""
        identity = (key.principal, key.route, key.key)
        if identity in self._open:
            raise in_progress_conflict()
        self._open.add(identity)

    def discard(self, key: IdempotencyKey) -> None:
        """Unregister an answered request."""
        self._open.discard((key.principal, key.route, key.key))


def in_progress_conflict() -> Conflict:
    """The error for a request whose first copy is still running."""
    return Conflict(
        "同一请求正在处理, 请稍候再试", "The same request is being answered", headers={"Retry-After": "1"}
    )


def read_key(request: Request) -> str | None:
    """The text of the Idempotency-Key header; BadRequest when it is malformed, also where a route needs none."""
    key = request.headers.get("idempotency-key")
    if key is not None and (not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable()):
        raise BadRequest(f"Idempotency-Key 须为 1 至 {MAX_KEY_LENGTH} 个可见字符", "Bad Idempotency-Key")
    return key


async def parse_key(request: Request, actor: Actor) -> IdempotencyKey | None:
    """The key of a request with an Idempotency-Key header; None without one, BadRequest when it is malformed."""
    key = read_key(request)
    if key is None:
        return None
    digest = hashlib.sha256(request.url.query.encode() + b"\n" + await request.body()).hexdigest()
    return IdempotencyKey(actor.id, f"{request.method} {request.url.path}"[:200], key, digest)


async def find_response(database: Database, key: IdempotencyKey) -> Response | None:
    """The stored response, or None; Invalid when the key was used with another body."""
    columns = answer.c
    query = sa.select(answer).where(
        columns.principal == key.principal, columns.route == key.route, columns.key == key.key
    )
    async with database.read() as session:
        row = (await execute_core(session, query)).first()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise Invalid(
            "这个 Idempotency-Key 已用于内容不同的请求", "This Idempotency-Key was used with another content"
        )
    return Response(row.body, row.status, headers={**row.headers, "Idempotent-Replayed": "true"})


async def store_response(
    session: AsyncSession, key: IdempotencyKey, response: Response, at: datetime
) -> None:
    """Keep a response for repeats, in the transaction of its effect; Conflict when its first copy is still running.

    One that is streamed is not kept.
    """
    if not hasattr(response, "body"):
        return
    row = answer.insert().values(
        principal=key.principal,
        route=key.route,
        key=key.key,
        fingerprint=key.fingerprint,
        status=response.status_code,
        headers={name: response.headers[name] for name in STORED_HEADERS if name in response.headers},
        body=response.body,
        created_at=at,
    )
    try:
        await execute_core(session, row)
    except IntegrityError as error:
        raise in_progress_conflict() from error


def delete_expired_responses(at: datetime) -> sa.Delete:
    """The statement that deletes responses older than `RESPONSE_RETENTION`."""
    return answer.delete().where(answer.c.created_at < at - RESPONSE_RETENTION)
