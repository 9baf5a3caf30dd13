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

from shared.auth import Actor, May
from shared.db import execute_core
from shared.errors import (
    ApiError,
    BadRequest,
    Forbidden,
    Invalid,
    PreconditionFailed,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    VersionRequired,
    error_responses,
)
from shared.http.etag import shape_response
from shared.http.idempotency import (
    IdempotencyKey,
    InFlightKeys,
    Replay,
    find_response,
    in_progress_conflict,
    insert_response,
    parse_key,
)
from shared.unit_of_work import ServiceContext, UnitOfWork

MAX_BODY_BYTES = 64 * 1024
"""Body limit in bytes of a route that does not say otherwise."""
STATUS_OK, STATUS_SERVER_ERROR = 200, 500
_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)
_in_flight = InFlightKeys()


def get_service_context(request: Request) -> ServiceContext:
    """The running service that answers this request."""
    found: ServiceContext = request.app.state.context
    return found


async def _current_actor(request: Request, _shown: Annotated[str | None, Security(_bearer)]) -> Actor:
    context = get_service_context(request)
    actor: Actor = await context.verifier.authenticate(request.headers.get("authorization"), context.clock())
    request.state.actor = actor
    return actor


async def _anonymous_actor(request: Request) -> Actor:
    host = request.client.host if request.client else ""
    return Actor(f"public:{host}"[:64], "公众", (), kind="public")


CurrentActor = Annotated[Actor, Depends(_current_actor, scope="function")]
AnonymousActor = Annotated[Actor, Depends(_anonymous_actor, scope="function")]
"""Whoever asks, without login: for routes that stream and must not hold a transaction while they do."""


async def _provide_read_work(request: Request, actor: CurrentActor) -> AsyncGenerator[UnitOfWork]:
    context = get_service_context(request)
    async with context.database.read() as session:
        yield UnitOfWork(session, actor, context.clock(), context)


@asynccontextmanager
async def _open_write_work(request: Request, actor: Actor) -> AsyncGenerator[UnitOfWork]:
    context = get_service_context(request)
    wanted = await parse_key(request, actor) if request.method == "POST" else None
    if wanted is not None and "dry_run=true" not in request.url.query:
        _in_flight.add(wanted)
    else:
        wanted = None
    try:
        if wanted is not None and (answer := await find_response(context.database, wanted)):
            raise Replay(answer)
        async with context.database.write() as session:
            work = UnitOfWork(session, actor, context.clock(), context)
            request.state.writing = (work, wanted)
            yield work
        context.changed.set()
    finally:
        if wanted is not None:
            _in_flight.discard(wanted)


async def _provide_write_work(request: Request, actor: CurrentActor) -> AsyncGenerator[UnitOfWork]:
    async with _open_write_work(request, actor) as work:
        yield work


async def _provide_keyed_write_work(
    request: Request, actor: CurrentActor
) -> AsyncGenerator[UnitOfWork | None]:
    if "idempotency-key" not in request.headers:
        yield None
        return
    async with _open_write_work(request, actor) as work:
        yield work


async def _provide_public_read_work(request: Request) -> AsyncGenerator[UnitOfWork]:
    context = get_service_context(request)
    async with context.database.read() as session:
        yield UnitOfWork(session, await _anonymous_actor(request), context.clock(), context)


async def _provide_public_write_work(request: Request) -> AsyncGenerator[UnitOfWork]:
    async with _open_write_work(request, await _anonymous_actor(request)) as work:
        yield work


ReadWork = Annotated[UnitOfWork, Depends(_provide_read_work, scope="function")]
"""Work that only reads."""
WriteWork = Annotated[UnitOfWork, Depends(_provide_write_work, scope="function")]
"""Work that is committed before the answer leaves, or not at all."""
KeyedWriteWork = Annotated[UnitOfWork | None, Depends(_provide_keyed_write_work, scope="function")]
"""Writing for a request with an Idempotency-Key, whose answer is kept beside its effect; None without a key, for
routes that then write in a transaction they share with others."""
PublicReadWork = Annotated[UnitOfWork, Depends(_provide_public_read_work, scope="function")]
"""Reading without login."""
PublicWriteWork = Annotated[UnitOfWork, Depends(_provide_public_write_work, scope="function")]
"""Writing without login."""


class Versioned(Protocol):
    """Anything that counts its changes."""

    version: int


@dataclass(frozen=True, slots=True)
class VersionMatch:
    """The version the caller says it saw (`If-Match`)."""

    versions: frozenset[int] | None

    def check_version(self, record: Versioned) -> None:
        """Stale when the caller named another version."""
        if self.versions is not None and record.version not in self.versions:
            raise PreconditionFailed(
                f"记录已是第 {record.version} 版, 请刷新后再改",
                f"The record is at version {record.version} now",
            )

    def require_version(self, record: Versioned) -> None:
        """The same, and VersionRequired when none was named."""
        if self.versions is None:
            raise VersionRequired(
                "修改前请先读取, 并用 If-Match 带上读到的 ETag", "Send the ETag you read as If-Match"
            )
        self.check_version(record)


async def _parse_if_match(
    if_match: Annotated[str | None, Header(description="ETag of the version this edit starts from")] = None,
) -> VersionMatch:
    if if_match is None:
        return VersionMatch(None)
    if if_match.strip() == "*":
        return VersionMatch(None)
    versions = {_parse_version(tag) for tag in if_match.split(",")}
    return VersionMatch(frozenset(version for version in versions if version is not None))


def _parse_version(tag: str) -> int | None:
    head = tag.strip().removeprefix("W/").strip('"').partition("-")[0]
    return int(head) if head.isdecimal() else None


IfMatch = Annotated[VersionMatch, Depends(_parse_if_match)]
"""`match.require(record)` for edits, `match.check(record)` for moves."""


def _permission_check(mays: tuple[May, ...]) -> Callable[[Actor], Awaitable[None]]:
    async def permit(actor: CurrentActor) -> None:
        if not actor.can(*mays):
            words = "、".join(f"“{may.label}”" for may in mays)
            raise Forbidden(f"您的角色没有{words}权限", f"Your roles have none of {', '.join(mays)}")

    return permit


_COMMON_ERRORS: tuple[type[ApiError], ...] = (BadRequest, Invalid, TooLarge, RateLimited, Unavailable)
_FIELDS_PARAMETER = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "comma-separated names of the fields to answer, for less traffic",
    "schema": {"type": "string", "maxLength": 500},
}
_IDEMPOTENCY_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a repeated request with the same key gets the first answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def requires(
    *mays: May, refuses: tuple[type[ApiError], ...] = (), body: int = MAX_BODY_BYTES
) -> dict[str, Any]:
    """Keyword arguments of a route for callers with any of these permissions: errors, permission, body limit."""
    return {
        "responses": error_responses(*{*_COMMON_ERRORS, Unauthenticated, Forbidden, *refuses}),
        "dependencies": [Depends(_permission_check(mays), scope="function")],
        "max_body_size": body,
        "openapi_extra": {"x-permission": [str(may) for may in mays], "x-body-limit": body},
    }


def allows_anonymous(
    *, refuses: tuple[type[ApiError], ...] = (), body: int = MAX_BODY_BYTES
) -> dict[str, Any]:
    """Keyword arguments of a route anybody may call."""
    return {
        "responses": error_responses(*{*_COMMON_ERRORS, *refuses}),
        "max_body_size": body,
        "openapi_extra": {"x-permission": ["public"], "x-body-limit": body, "security": []},
    }


def requires_sign_in(
    *, refuses: tuple[type[ApiError], ...] = (), body: int = MAX_BODY_BYTES
) -> dict[str, Any]:
    """Keyword arguments of a route for everybody with a valid token, about themselves only."""
    return {
        "responses": error_responses(*{*_COMMON_ERRORS, Unauthenticated, *refuses}),
        "dependencies": [Depends(_current_actor, scope="function")],
        "max_body_size": body,
        "openapi_extra": {"x-permission": ["signed-in"], "x-body-limit": body},
    }


class Route(APIRoute):
    """A route that remembers answers by key, tags them with an ETag and gives only the fields asked for."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:  # noqa: ANN401 - FastAPI's own
        methods = set(given.get("methods") or ())
        extra = dict(given.get("openapi_extra") or {})
        more = (
            [_FIELDS_PARAMETER]
            if "GET" in methods
            else [_IDEMPOTENCY_KEY_PARAMETER]
            if "POST" in methods
            else []
        )
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
            if written and response.status_code < STATUS_SERVER_ERROR:
                response = shape_response(request, response)
            writing: tuple[UnitOfWork, IdempotencyKey | None] | None = getattr(request.state, "writing", None)
            if writing is not None and writing[1] is not None:
                await _store_response(*writing, response)
            return response

        return handle


async def _store_response(work: UnitOfWork, wanted: IdempotencyKey | None, response: Response) -> None:
    secret = response.headers.get("cache-control") == "no-store"
    if wanted is None or secret or not hasattr(response, "body"):
        return
    if "no-store" in response.headers.get("cache-control", ""):
        return  # personal data in clear is not kept a second time
    try:
        await execute_core(work.session, insert_response(wanted, response, work.at))
    except IntegrityError as error:
        raise in_progress_conflict() from error


__all__ = [
    "MAX_BODY_BYTES",
    "AnonymousActor",
    "CurrentActor",
    "IfMatch",
    "KeyedWriteWork",
    "PublicReadWork",
    "PublicWriteWork",
    "ReadWork",
    "Route",
    "VersionMatch",
    "WriteWork",
    "allows_anonymous",
    "get_service_context",
    "requires",
    "requires_sign_in",
]
