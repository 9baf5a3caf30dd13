"""Error handlers: every failure (ApiError, invalid input, unknown route, bug) is answered as problem+json."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import ApiError, BadRequest, FieldError, Invalid, NotFound, TooLarge, to_field_errors
from shared.http.methods import METHOD_NOT_ALLOWED, list_allowed_methods

PROBLEM_MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger("problems")

_HTTP_MESSAGES = {404: "没有这个地址", 405: "这个地址不支持该操作", 413: "内容过大"}

_DETAIL_MESSAGES = {"There was an error parsing the body": "请求内容无法读取, 应为 UTF-8 的 JSON"}


def prefers_english(request: Request) -> bool:
    """Whether Accept-Language prefers English to Chinese."""
    languages = request.headers.get("accept-language", "").lower()
    english_at, chinese_at = languages.find("en"), languages.find("zh")
    return english_at >= 0 and (chinese_at < 0 or english_at < chinese_at)


def problem_response(request: Request, error: ApiError) -> Response:
    """The error as problem+json in the language of Accept-Language."""
    request_id = getattr(request.state, "request_id", "")
    content = error.to_problem(
        english=prefers_english(request), instance=request.url.path, request_id=request_id
    )
    return JSONResponse(content, error.status, headers=error.headers, media_type=PROBLEM_MEDIA_TYPE)


class PayloadTooLargeMiddleware:
    """ASGI middleware that replaces the framework's plain 413, sent before any handler runs, with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the next app and replace only a 413 that is not problem+json."""
        replaced = False

        async def send_or_replace(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == TooLarge.status:
                if MutableHeaders(scope=message).get("content-type") != PROBLEM_MEDIA_TYPE:
                    replaced = True
                    error = TooLarge("请求内容超过了这个地址的上限", "The body is over this route's limit")
                    await problem_response(Request(scope), error)(scope, receive, send)
            if not replaced:
                await send(message)

        await self.app(scope, receive, send_or_replace)


def install_error_handlers(app: FastAPI) -> None:
    """Register the handlers that answer every exception as problem+json."""
    app.add_middleware(PayloadTooLargeMiddleware)

    @app.exception_handler(ApiError)
    async def handle_api_error(request: Request, error: ApiError) -> Response:
        return problem_response(request, error)

    @app.exception_handler(ClientDisconnect)
    async def handle_cut(request: Request, _error: ClientDisconnect) -> Response:
        """The caller hung up before the body was here: nobody reads the answer, and nothing is wrong with the service."""
        log.info("caller hung up", path=request.url.path)
        return problem_response(request, BadRequest("请求内容没有传完", "The body was cut off"))

    @app.exception_handler(RequestValidationError)
    async def handle_validation_error(request: Request, error: RequestValidationError) -> Response:
        field_errors = to_field_errors(error.errors())
        first = field_errors[0] if field_errors else FieldError("invalid", "内容无法读取")
        prefix = f"{first.pointer}: " if first.pointer else ""
        kind = (
            BadRequest if any(field_error.code == "json_invalid" for field_error in field_errors) else Invalid
        )
        return problem_response(
            request,
            kind(
                f"{prefix}{first.detail}", f"{prefix}{first.detail_en or first.detail}", errors=field_errors
            ),
        )

    @app.exception_handler(HTTPException)
    async def handle_http_exception(request: Request, error: HTTPException) -> Response:
        kind: type[ApiError] = {404: NotFound, 413: TooLarge}.get(error.status_code, BadRequest)
        detail = _HTTP_MESSAGES.get(
            error.status_code, _DETAIL_MESSAGES.get(str(error.detail), str(error.detail))
        )
        headers = dict(error.headers or {})
        if error.status_code == METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(list_allowed_methods(request.app, request.scope["path"]))
        problem = kind(detail, str(error.detail), headers=headers)
        content = problem.to_problem(
            english=prefers_english(request),
            instance=request.url.path,
            request_id=getattr(request.state, "request_id", ""),
        )
        content["status"] = error.status_code
        return JSONResponse(
            content, error.status_code, headers=problem.headers, media_type=PROBLEM_MEDIA_TYPE
        )

    @app.exception_handler(Exception)
    async def handle_unexpected_error(request: Request, error: Exception) -> Response:
        request_id = getattr(request.state, "request_id", "")
        log.error("unforeseen", path=request.url.path, request_id=request_id, exc_info=error)
        content = {
            "type": "/problems/internal",
            "title": "Internal error" if prefers_english(request) else "系统内部错误",
            "status": 500,
            "detail": f"请将请求编号 {request_id} 告知管理员",
            "instance": request.url.path,
            "request_id": request_id,
        }
        return JSONResponse(content, 500, media_type=PROBLEM_MEDIA_TYPE)
