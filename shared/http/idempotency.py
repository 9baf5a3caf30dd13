"""A repeated POST has one effect: the first answer is stored in the transaction of its effect and replayed.

The caller's key counts per person and address. A twin in flight is refused for a moment, the same key with other
content for good. Answers are kept for `KEPT_FOR` at least.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from shared.auth import Actor
from shared.db import Database, answer, execute_core
from shared.errors import BadRequest, Conflict, Invalid

RESPONSE_RETENTION = timedelta(days=45)
MAX_KEY_LENGTH = 255
STORED_HEADERS = ("content-type", "etag", "location")


class Replay(Exception):
    """The stored first answer, to be sent again."""

    def __init__(self, response: Response) -> None:
        super().__init__("replay")
        self.response = response


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Which answer this is: whose, to which address, under which key, for which content."""

    principal: str
    route: str
    key: str
    fingerprint: str


class InFlightKeys:
    """Requests with a key that this process is answering now."""

    def __init__(self) -> None:
        self._open: set[tuple[str, str, str]] = set()

    def add(self, asked: IdempotencyKey) -> None:
        """Refuse the twin of a request that is still being answered."""
        mark = (asked.principal, asked.route, asked.key)
        if mark in self._open:
            raise in_progress_conflict()
        self._open.add(mark)

    def discard(self, asked: IdempotencyKey) -> None:
        """The request was answered."""
        self._open.discard((asked.principal, asked.route, asked.key))


def in_progress_conflict() -> Conflict:
    """The refusal for a request whose first copy is still on its way."""
    return Conflict(
        "同一请求正在处理, 请稍候再试", "The same request is being answered", headers={"Retry-After": "1"}
    )


async def parse_key(request: Request, actor: Actor) -> IdempotencyKey | None:
    """What the request asks for under its Idempotency-Key; None without one."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise BadRequest(f"Idempotency-Key 须为 1 至 {MAX_KEY_LENGTH} 个可见字符", "Bad Idempotency-Key")
    digest = hashlib.sha256(request.url.query.encode() + b"\n" + await request.body()).hexdigest()
    return IdempotencyKey(actor.id, f"{request.method} {request.url.path}"[:200], key, digest)


async def find_response(database: Database, wanted: IdempotencyKey) -> Response | None:
    """The first answer, if it was given; Invalid when the key was used for other content."""
    columns = answer.c
    query = sa.select(answer).where(
        columns.principal == wanted.principal, columns.route == wanted.route, columns.key == wanted.key
    )
    async with database.read() as session:
        row = (await execute_core(session, query)).first()
    if row is None:
        return None
    if row.fingerprint != wanted.fingerprint:
        raise Invalid(
            "这个 Idempotency-Key 已用于内容不同的请求", "This Idempotency-Key was used with another content"
        )
    return Response(row.body, row.status, headers={**row.headers, "Idempotent-Replayed": "true"})


def insert_response(wanted: IdempotencyKey, response: Response, at: datetime) -> sa.Insert:
    """The statement that keeps the answer, to run beside its effect."""
    return answer.insert().values(
        principal=wanted.principal,
        route=wanted.route,
        key=wanted.key,
        fingerprint=wanted.fingerprint,
        status=response.status_code,
        headers={name: response.headers[name] for name in STORED_HEADERS if name in response.headers},
        body=response.body,
        created_at=at,
    )


def delete_expired_responses(at: datetime) -> sa.Delete:
    """The statement that drops answers nobody may ask for again."""
    return answer.delete().where(answer.c.created_at < at - RESPONSE_RETENTION)
