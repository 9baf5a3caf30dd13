"""What a route is made of: who may call it, what it refuses, how large a body, one transaction, one ETag.

@router.post("", status_code=201, response_model=ProjectRead, **allows(May.PROJECT_DECLARE, refuses=(Invalid,)))
async def create(work: Writing, body: ProjectCreate) -> Project: ...
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Header, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.exc import IntegrityError

from shared.access import Actor
from shared.db import run
from shared.errors import (
    BadRequest,
    Forbidden,
    Invalid,
    Refusal,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    VersionRequired,
    responses,
)
from shared.idempotency import Asked, InFlight, Replay, asked, remembered, stored, twin
from shared.permissions import May
from shared.shapes import shaped
from shared.work import Context, Work

BODY = 64 * 1024
"""Body limit in bytes of a route that does not say otherwise."""
OK, SERVER_ERROR = 200, 500
_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)
_in_flight = InFlight()


def context_of(request: Request) -> Context:
    """The running service that answers this request."""
    found: Context = request.app.state.context
    return found


async def _actor(request: Request, _shown: Annotated[str | None, Security(_bearer)]) -> Actor:
    context = context_of(request)
    actor: Actor = await context.verifier.actor(request.headers.get("authorization"), context.clock())
    request.state.actor = actor
    return actor


async def _anyone(request: Request) -> Actor:
    host = request.client.host if request.client else ""
    return Actor(f"public:{host}"[:64], "公众", (), kind="public")


CurrentActor = Annotated[Actor, Depends(_actor, scope="function")]
Anyone = Annotated[Actor, Depends(_anyone, scope="function")]
"""Whoever asks, without login: for routes that stream and must not hold a transaction while they do."""


async def _reading(request: Request, actor: CurrentActor) -> AsyncGenerator[Work]:
    context = context_of(request)
    async with context.database.read() as session:
        yield Work(session, actor, context.clock(), context)


@asynccontextmanager
async def _write(request: Request, actor: Actor) -> AsyncGenerator[Work]:
    context = context_of(request)
    wanted = await asked(request, actor) if request.method == "POST" else None
    if wanted is not None and "dry_run=true" not in request.url.query:
        _in_flight.enter(wanted)
    else:
        wanted = None
    try:
        if wanted is not None and (answer := await stored(context.database, wanted)):
            raise Replay(answer)
        async with context.database.write() as session:
            work = Work(session, actor, context.clock(), context)
            request.state.writing = (work, wanted)
            yield work
        context.changed.set()
    finally:
        if wanted is not None:
            _in_flight.leave(wanted)


async def _writing(request: Request, actor: CurrentActor) -> AsyncGenerator[Work]:
    async with _write(request, actor) as work:
        yield work


async def _keyed_writing(request: Request, actor: CurrentActor) -> AsyncGenerator[Work | None]:
    if "idempotency-key" not in request.headers:
        yield None
        return
    async with _write(request, actor) as work:
        yield work


async def _public_reading(request: Request) -> AsyncGenerator[Work]:
    context = context_of(request)
    async with context.database.read() as session:
        yield Work(session, await _anyone(request), context.clock(), context)


async def _public_writing(request: Request) -> AsyncGenerator[Work]:
    async with _write(request, await _anyone(request)) as work:
        yield work


Reading = Annotated[Work, Depends(_reading, scope="function")]
"""Work that only reads."""
Writing = Annotated[Work, Depends(_writing, scope="function")]
"""Work that is committed before the answer leaves, or not at all."""
KeyedWriting = Annotated[Work | None, Depends(_keyed_writing, scope="function")]
"""Writing for a request with an Idempotency-Key, whose answer is kept beside its effect; None without a key, for
routes that then write in a transaction they share with others."""
PublicReading = Annotated[Work, Depends(_public_reading, scope="function")]
"""Reading without login."""
PublicWriting = Annotated[Work, Depends(_public_writing, scope="function")]
"""Writing without login."""


class Versioned(Protocol):
    """Anything that counts its changes."""

    version: int


@dataclass(frozen=True, slots=True)
class Match:
    """The version the caller says it saw (`If-Match`)."""

    versions: frozenset[int] | None

    def check(self, record: Versioned) -> None:
        """Stale when the caller named another version."""
        if self.versions is not None and record.version not in self.versions:
            raise Stale(
                f"记录已是第 {record.version} 版, 请刷新后再改",
                f"The record is at version {record.version} now",
            )

    def require(self, record: Versioned) -> None:
        """The same, and VersionRequired when none was named."""
        if self.versions is None:
            raise VersionRequired(
                "修改前请先读取, 并用 If-Match 带上读到的 ETag", "Send the ETag you read as If-Match"
            )
        self.check(record)


async def _if_match(
    if_match: Annotated[str | None, Header(description="ETag of the version this edit starts from")] = None,
) -> Match:
    if if_match is None:
        return Match(None)
    if if_match.strip() == "*":
        return Match(None)
    versions = {_version(tag) for tag in if_match.split(",")}
    return Match(frozenset(version for version in versions if version is not None))


def _version(tag: str) -> int | None:
    head = tag.strip().removeprefix("W/").strip('"').partition("-")[0]
    return int(head) if head.isdecimal() else None


IfMatch = Annotated[Match, Depends(_if_match)]
"""`match.require(record)` for edits, `match.check(record)` for moves."""


def _permit(mays: tuple[May, ...]) -> Callable[[Actor], Awaitable[None]]:
    async def permit(actor: CurrentActor) -> None:
        if not actor.can(*mays):
            words = "、".join(f"“{may.label}”" for may in mays)
            raise Forbidden(f"您的角色没有{words}权限", f"Your roles have none of {', '.join(mays)}")

    return permit


_ALWAYS: tuple[type[Refusal], ...] = (BadRequest, Invalid, TooLarge, TooMany, Unavailable)
_FIELDS = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "comma-separated names of the fields to answer, for less traffic",
    "schema": {"type": "string", "maxLength": 500},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a repeated request with the same key gets the first answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def allows(*mays: May, refuses: tuple[type[Refusal], ...] = (), body: int = BODY) -> dict[str, Any]:
    """Keyword arguments of a route for callers with any of these permissions: errors, permission, body limit."""
    return {
        "responses": responses(*{*_ALWAYS, Unauthenticated, Forbidden, *refuses}),
        "dependencies": [Depends(_permit(mays), scope="function")],
        "max_body_size": body,
        "openapi_extra": {"x-permission": [str(may) for may in mays], "x-body-limit": body},
    }


def public(*, refuses: tuple[type[Refusal], ...] = (), body: int = BODY) -> dict[str, Any]:
    """Keyword arguments of a route anybody may call."""
    return {
        "responses": responses(*{*_ALWAYS, *refuses}),
        "max_body_size": body,
        "openapi_extra": {"x-permission": ["public"], "x-body-limit": body, "security": []},
    }


def signed_in(*, refuses: tuple[type[Refusal], ...] = (), body: int = BODY) -> dict[str, Any]:
    """Keyword arguments of a route for everybody with a valid token, about themselves only."""
    return {
        "responses": responses(*{*_ALWAYS, Unauthenticated, *refuses}),
        "dependencies": [Depends(_actor, scope="function")],
        "max_body_size": body,
        "openapi_extra": {"x-permission": ["signed-in"], "x-body-limit": body},
    }


class Route(APIRoute):
    """A route that remembers answers by key, tags them with an ETag and gives only the fields asked for."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:  # noqa: ANN401 - FastAPI's own
        methods = set(given.get("methods") or ())
        extra = dict(given.get("openapi_extra") or {})
        more = [_FIELDS] if "GET" in methods else [_KEY] if "POST" in methods else []
        extra["parameters"] = [*extra.get("parameters", []), *more]
        given["openapi_extra"] = extra
        super().__init__(path, endpoint, **given)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, before function-scoped dependencies (the transaction) end."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await handler(request)
            except Replay as replay:
                return replay.response
            written = response.media_type == "application/json" and bool(response.body)
            if written and response.status_code < SERVER_ERROR:
                response = shaped(request, response)
            writing: tuple[Work, Asked | None] | None = getattr(request.state, "writing", None)
            if writing is not None and writing[1] is not None:
                await _remember(*writing, response)
            return response

        return handle


async def _remember(work: Work, wanted: Asked | None, response: Response) -> None:
    secret = response.headers.get("cache-control") == "no-store"
    if wanted is None or secret or not hasattr(response, "body"):
        return
    if "no-store" in response.headers.get("cache-control", ""):
        return  # personal data in clear is not kept a second time
    try:
        await run(work.session, remembered(wanted, response, work.at))
    except IntegrityError as error:
        raise twin() from error


__all__ = [
    "BODY",
    "Anyone",
    "CurrentActor",
    "IfMatch",
    "KeyedWriting",
    "Match",
    "PublicReading",
    "PublicWriting",
    "Reading",
    "Route",
    "Writing",
    "allows",
    "context_of",
    "public",
    "signed_in",
]
