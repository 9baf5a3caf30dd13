"""Route declarations: permission, errors, body limit, transaction, ETag and idempotency key.

@router.post("", status_code=201, response_model=ProjectRead, **requires(May.PROJECT_DECLARE, refuses=(Invalid,)))
async def create_project(work: WriteWork, body: ProjectCreate) -> Project: ...
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Protocol, get_args

from fastapi import Depends, Header, Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import OAuth2PasswordBearer

from shared.auth import Actor, May
from shared.errors import (
    AlreadyStands,
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NoSuchMove,
    PreconditionFailed,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    VersionRequired,
    error_responses,
)
from shared.http import strict_input
from shared.http.answer_forms import list_form_contents
from shared.http.callers import find_subscriber
from shared.http.etag import NEVER_STORED, NO_STORE, shape_response
from shared.http.idempotency import (
    IdempotencyKey,
    InFlightKeys,
    Replay,
    find_response,
    parse_key,
    read_key,
    store_response,
)
from shared.http.methods import refuse_shadowed_path
from shared.http.own_address import ask_own_address
from shared.http.personal_numbers import FreeTextCheck, StrictRequest
from shared.http.rate_limits import READ_METHODS
from shared.settings import STATELESS_SERVICES
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

MAX_FIELDS_LENGTH = 500
DEFAULT_BODY_BYTES = 64 * 1024
"""Default limit of a request body in bytes."""
KEYED_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods whose repetition with the same Idempotency-Key gets the first answer again."""
STATUS_OK, STATUS_BAD_REQUEST, STATUS_SERVER_ERROR = 200, 400, 500
RECORDED_AT_HEADER = "X-Recorded-At"
"""When a phone recorded the request; read only when services/sync plays it in a person's name."""
FUNCTION_STACK_KEY = "fastapi_function_astack"
"""Where FastAPI keeps, in the scope, what ends with the route's function and before the answer is sent."""
_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)
_in_flight = InFlightKeys()


def get_service_context(request: Request) -> ServiceContext:
    """The context of the service that handles this request."""
    context: ServiceContext = request.app.state.context
    return context


def client_address(request: Request) -> str:
    """The network address of the sender as the door saw it; empty when it is not known."""
    return request.client.host if request.client else ""


async def _current_actor(request: Request, _documented: Annotated[str | None, Security(_bearer)]) -> Actor:
    context = get_service_context(request)
    actor: Actor = await context.verifier.authenticate(request.headers.get("authorization"), context.clock())
    request.state.actor = actor
    return actor


async def _anonymous_actor(request: Request) -> Actor:
    return Actor(f"public:{find_subscriber(client_address(request))}"[:64], "公众", (), kind="public")


async def _count_anonymous_write(request: Request) -> None:
    """Count a write without login for its sender, in identity's database; RateLimited over the limit."""
    if request.method in READ_METHODS:
        return
    context = get_service_context(request)
    if context.name in STATELESS_SERVICES:
        return  # it hands the write on in its sender's name, and the service that takes it counts
    sender = find_subscriber(client_address(request))
    counter = ServiceClient(context, "identity", context.service_actor(), context.clock())
    await counter.request(
        "POST",
        "/internal/rate-windows",
        json={"rate": "anonymous_write", "name": sender},
    )


CurrentActor = Annotated[Actor, Depends(_current_actor, scope="function")]
AnonymousActor = Annotated[Actor, Depends(_anonymous_actor, scope="function")]
"""Actor of a request without sign-in, for routes that stream and must not hold a transaction meanwhile."""


def _recorded_at(request: Request, actor: Actor) -> datetime | None:
    """The instant that services/sync vouches for; None for a request that its sender makes directly."""
    text = request.headers.get(RECORDED_AT_HEADER) if actor.sent_by else None
    return None if text is None else datetime.fromisoformat(text)


async def _open_read_work(request: Request, actor: Actor) -> UnitOfWork:
    """A unit of work that ends with the route; a dependency that yields would cost twice as much."""
    context, stack = get_service_context(request), request.scope[FUNCTION_STACK_KEY]
    session = await stack.enter_async_context(context.database.read())
    return UnitOfWork(session, actor, context.clock(), context, _recorded_at(request, actor))


async def _provide_read_work(request: Request, actor: CurrentActor) -> UnitOfWork:
    return await _open_read_work(request, actor)


@asynccontextmanager
async def _open_write_work(request: Request, actor: Actor) -> AsyncGenerator[UnitOfWork]:
    context = get_service_context(request)
    key = await parse_key(request, actor)
    if key is not None and "dry_run=true" not in request.url.query:
        _in_flight.add(key)
    else:
        key = None
    try:
        if key is not None and (answer := await find_response(context.database, key)):
            raise Replay(answer)
        async with context.database.write() as session:
            work = UnitOfWork(session, actor, context.clock(), context, _recorded_at(request, actor))
            request.state.writing = (work, key)
            yield work
        context.changed.set()
    finally:
        if key is not None:
            _in_flight.discard(key)


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


async def _provide_public_read_work(request: Request) -> UnitOfWork:
    return await _open_read_work(request, await _anonymous_actor(request))


async def _provide_public_write_work(request: Request) -> AsyncGenerator[UnitOfWork]:
    async with _open_write_work(request, await _anonymous_actor(request)) as work:
        yield work


async def _keep_answer(request: Request, actor: CurrentActor) -> AsyncGenerator[None]:
    context = get_service_context(request)
    key = await parse_key(request, actor)
    if key is None:
        yield
        return
    _in_flight.add(key)
    try:
        if answer := await find_response(context.database, key):
            raise Replay(answer)
        request.state.kept_key = key
        yield
    finally:
        _in_flight.discard(key)


AnswerKeeper = Depends(_keep_answer, scope="function")
"""Dependency of a POST route that opens its own transactions: its answer to an Idempotency-Key is stored after them, so that a
repeat gets it again and another content under the same key is refused. What it did must itself be idempotent."""
ReadWork = Annotated[UnitOfWork, Depends(_provide_read_work, scope="function")]
"""Unit of work in a session that only reads; each statement sees what is committed when it begins."""
WriteWork = Annotated[UnitOfWork, Depends(_provide_write_work, scope="function")]
"""Unit of work in a transaction that is committed before the response is sent, or rolled back."""
KeyedWriteWork = Annotated[UnitOfWork | None, Depends(_provide_keyed_write_work, scope="function")]
"""`WriteWork` for a request with an Idempotency-Key; None without one, for routes that then write in a transaction
shared with other requests (group commit)."""
PublicReadWork = Annotated[UnitOfWork, Depends(_provide_public_read_work, scope="function")]
"""`ReadWork` without sign-in."""
PublicWriteWork = Annotated[UnitOfWork, Depends(_provide_public_write_work, scope="function")]
"""`WriteWork` without sign-in."""


class VersionedRecord(Protocol):
    """A record with a version number."""

    version: int


@dataclass(frozen=True, slots=True)
class VersionMatch:
    """The versions named in `If-Match`; None when the header is absent or `*`."""

    versions: frozenset[int] | None

    def check_version(self, record: VersionedRecord) -> None:
        """Raise PreconditionFailed unless the record has a named version or none was named."""
        if self.versions is not None and record.version not in self.versions:
            raise PreconditionFailed(
                f"记录已是第 {record.version} 版, 请刷新后再改",
                f"The record is at version {record.version} now",
            )

    def require_version(self, record: VersionedRecord) -> None:
        """`check_version`, and VersionRequired when no version was named."""
        if self.versions is None:
            raise VersionRequired(
                "修改前请先读取, 并用 If-Match 带上读到的 ETag", "Send the ETag you read as If-Match"
            )
        self.check_version(record)


async def _parse_if_match(
    if_match: Annotated[str | None, Header(description="ETag of the version this edit starts from")] = None,
) -> VersionMatch:
    if if_match is None or if_match.strip() == "*":
        return VersionMatch(None)
    versions = {_parse_version(tag) for tag in if_match.split(",")}
    return VersionMatch(frozenset(version for version in versions if version is not None))


VERSION_NUMBER = re.compile("[0-9]{1,18}")


def _parse_version(tag: str) -> int | None:
    head = tag.strip().removeprefix("W/").strip('"').partition("-")[0]
    return int(head) if VERSION_NUMBER.fullmatch(head) else None


IfMatch = Annotated[VersionMatch, Depends(_parse_if_match)]
"""Use `match.require_version(record)` for edits, `match.check_version(record)` for transitions."""


def _permission_check(mays: tuple[May, ...]) -> Callable[[Actor], Awaitable[None]]:
    async def check_permission(actor: CurrentActor) -> None:
        if not actor.can(*mays):
            labels = "、".join(f"“{may.label}”" for may in mays)
            raise Forbidden(f"您的角色没有{labels}权限", f"Your roles have none of {', '.join(mays)}")

    return check_permission


_COMMON_ERRORS: tuple[type[ApiError], ...] = (BadRequest, Invalid, TooLarge, RateLimited, Unavailable)
_FIELDS_PARAMETER = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "comma-separated names of the fields to answer, for less traffic",
    "schema": {"type": "string", "maxLength": MAX_FIELDS_LENGTH},
}
_IDEMPOTENCY_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a repeated request with the same key gets the first answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def requires(
    *mays: May,
    refuses: tuple[type[ApiError], ...] = (),
    body: int = DEFAULT_BODY_BYTES,
    statements: int | None = None,
) -> dict[str, Any]:
    """Keyword arguments of a route that needs any of these permissions.

    `refuses` are the errors it raises besides the common ones, `body` is the limit of the request body in bytes,
    `statements` the SQL statements it may send where 2 for a read or 5 for a write are too few (a comment says why).
    """
    return {
        "responses": error_responses(*{*_COMMON_ERRORS, Unauthenticated, Forbidden, *refuses}),
        "dependencies": [Depends(_permission_check(mays), scope="function")],
        "max_body_size": body,
        "openapi_extra": {
            "x-permission": [str(may) for may in mays],
            "x-body-limit": body,
            **_budget_entry(statements),
        },
    }


def _budget_entry(statements: int | None) -> dict[str, int]:
    """The budget as `Route` takes it out of its options again: it is no part of the document."""
    return {} if statements is None else {"statement_budget": statements}


def allows_anonymous(
    *,
    refuses: tuple[type[ApiError], ...] = (),
    body: int = DEFAULT_BODY_BYTES,
    counted: bool = True,
    statements: int | None = None,
) -> dict[str, Any]:
    """Keyword arguments of a route without sign-in; writes are counted per sender in identity unless `counted` is False."""
    return {
        "responses": error_responses(*{*_COMMON_ERRORS, *refuses}),
        "dependencies": [Depends(_count_anonymous_write, scope="function")] if counted else [],
        "max_body_size": body,
        "openapi_extra": {
            "x-permission": ["public"],
            "x-body-limit": body,
            "security": [],
            **_budget_entry(statements),
        },
    }


def requires_sign_in(
    *,
    refuses: tuple[type[ApiError], ...] = (),
    body: int = DEFAULT_BODY_BYTES,
    statements: int | None = None,
) -> dict[str, Any]:
    """Keyword arguments of a route for every signed-in caller about their own data; parameters as in `requires`."""
    return {
        "responses": error_responses(*{*_COMMON_ERRORS, Unauthenticated, *refuses}),
        "dependencies": [Depends(_current_actor, scope="function")],
        "max_body_size": body,
        "openapi_extra": {
            "x-permission": ["signed-in"],
            "x-body-limit": body,
            **_budget_entry(statements),
        },
    }


class Route(APIRoute):
    """APIRoute with idempotency keys, ETags, selection of fields and refusal of what it does not know."""

    undeclared_parameters: ClassVar[frozenset[str]] = frozenset()
    """Query parameters it takes that are not in the document."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's own
        methods = set(options.get("methods") or ())
        extra = dict(options.get("openapi_extra") or {})
        self.statement_budget: int | None = extra.pop("statement_budget", None)
        self.is_never_stored: bool = extra.get(NEVER_STORED, False)
        parameters = (
            [_FIELDS_PARAMETER]
            if "GET" in methods
            else [_IDEMPOTENCY_KEY_PARAMETER]
            if methods & KEYED_METHODS
            else []
        )
        extra["parameters"] = [*extra.get("parameters", []), *parameters]
        options["openapi_extra"] = extra
        if contents := list_form_contents(endpoint):
            status = options.get("status_code") or STATUS_OK
            given = dict(options.get("responses") or {})
            options["responses"] = {**given, status: {**given.get(status, {}), "content": contents}}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler; the wrapper runs before function-scoped dependencies (the transaction) end."""
        handler = super().get_route_handler()
        free_text = self._free_text_check()
        declared = [one["name"] for one in (self.openapi_extra or {})["parameters"] if one["in"] == "query"]
        declared += self.undeclared_parameters
        parameters = strict_input.list_query_parameters(self.dependant, declared)
        forms = strict_input.list_parameter_forms(self.dependant)
        shape = self.body_field.field_info.annotation if self.body_field else None
        open_lists = strict_input.list_open_lists(shape)

        async def handle(request: Request) -> Response:
            refuse_shadowed_path(request, self)
            if len(request.query_params.get("fields", "")) > MAX_FIELDS_LENGTH:
                raise BadRequest(f"fields 最多 {MAX_FIELDS_LENGTH} 个字符", "fields is too long")
            request = StrictRequest(request.scope, request.receive)
            strict_input.check_query(request, parameters)
            read_key(request)
            await strict_input.check_forms(request, forms, self._is_admitted)
            if free_text is not None and await self._is_admitted(request):
                await strict_input.check_visible_text(request, open_lists)
                request = await free_text.apply(request)
            try:
                response = await self._call(handler, request)
            except Replay as replay:
                return replay.response
            if self.is_never_stored:
                response.headers["Cache-Control"] = NO_STORE
            is_json = response.media_type == "application/json" and bool(response.body)
            if is_json and response.status_code < STATUS_SERVER_ERROR:
                response = shape_response(request, response)
            if NO_STORE not in response.headers.get("cache-control", ""):
                await _store_for_repeats(request, response)
            return response

        return handle

    async def _call(
        self, handler: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
    ) -> Response:
        """The handler's answer; for an action that the caller did before, what stands."""
        try:
            return await handler(request)
        except (AlreadyStands, NoSuchMove) as refusal:
            if isinstance(refusal, NoSuchMove):
                if refusal.is_repeat is None:
                    raise
                async with get_service_context(request).database.read() as session:
                    if not await refusal.is_repeat(session):
                        raise
            request.state.writing = None  # rolled back: an answer to a key is not stored in it
            return await self._show_what_stands(request, refusal)

    async def _show_what_stands(self, request: Request, refusal: Conflict) -> Response:
        """The record of a repeated action, as its own address answers now, or a part of that, in this route's shape; else the refusal."""
        answer = await ask_own_address(request, request.scope["path"].rpartition("/")[0]) or {}
        parts = [answer, *(one for one in answer.values() if isinstance(one, dict))]
        for shape in get_args(self.response_model) or (self.response_model,):
            fields = getattr(shape, "model_fields", {})
            names = {one.serialization_alias or name: one.is_required() for name, one in fields.items()}
            for part in parts:
                shown = {name: part[name] for name in names if name in part}
                if shown and all(name in shown for name, required in names.items() if required):
                    return JSONResponse(shown, headers={"Idempotent-Replayed": "true"})
        raise refusal

    def _free_text_check(self) -> FreeTextCheck | None:
        """The check of this route's body for numbers of people; None for a route without a body of words."""
        if self.body_field is None or self.methods == {"GET"}:
            return None
        return FreeTextCheck(self.body_field.field_info.annotation)

    async def _is_admitted(self, request: Request) -> bool:
        """Whether the caller may be told about the content: on a route with login only who is signed in."""
        if self.openapi_extra is not None and "security" in self.openapi_extra:
            return True
        context = get_service_context(request)
        try:
            await context.verifier.authenticate(request.headers.get("authorization"), context.clock())
        except ApiError:
            return False  # the route refuses with the reason
        return True


async def _store_for_repeats(request: Request, response: Response) -> None:
    writing: tuple[UnitOfWork, IdempotencyKey | None] | None = getattr(request.state, "writing", None)
    if writing is not None and writing[1] is not None:
        await store_response(writing[0].session, writing[1], response, writing[0].at)
    kept_key: IdempotencyKey | None = getattr(request.state, "kept_key", None)
    if kept_key is not None and response.status_code < STATUS_BAD_REQUEST:
        context = get_service_context(request)
        async with context.database.write() as session:
            await store_response(session, kept_key, response, context.clock())


__all__ = [
    "DEFAULT_BODY_BYTES",
    "KEYED_METHODS",
    "RECORDED_AT_HEADER",
    "AnonymousActor",
    "AnswerKeeper",
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
    "client_address",
    "get_service_context",
    "requires",
    "requires_sign_in",
]
