"""Error handlers: every failure (ApiError, invalid input, unknown route, bug) is answered as problem+json."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import ApiError, BadRequest, FieldError, Invalid, NotFound, TooLarge

PROBLEM_MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger("problems")

_MESSAGES: dict[str, str] = {
    "missing": "必填",
    "extra_forbidden": "没有这个字段",
    "string_type": "应为文字",
    "string_too_short": "至少 {min_length} 个字",
    "string_too_long": "最多 {max_length} 个字",
    "string_pattern_mismatch": "格式不符",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "decimal_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不得大于 {le}",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "enum": "只能是 {expected} 之一",
    "literal_error": "只能是 {expected} 之一",
    "date_type": "应为日期, 如 2023-06-09",
    "date_parsing": "应为日期, 如 2023-06-09",
    "date_from_datetime_parsing": "应为日期, 如 2023-06-09",
    "date_from_datetime_inexact": "应为日期, 不带时刻",
    "datetime_type": "应为带时区的时间, 如 2023-06-09T08:30:00+08:00",
    "datetime_parsing": "应为带时区的时间, 如 2023-06-09T08:30:00+08:00",
    "datetime_from_date_parsing": "应为带时区的时间, 如 2023-06-09T08:30:00+08:00",
    "datetime_object_invalid": "时间不存在",
    "timezone_aware": "时间须带时区, 如 +08:00",
    "uuid_type": "应为编号(UUID)",
    "uuid_parsing": "应为编号(UUID)",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "json_invalid": "不是有效的 JSON",
    "union_tag_invalid": "类型只能是 {expected_tags}",
    "union_tag_not_found": "缺少类型字段",
}
_UNION_BRANCH = re.compile(r"[A-Z][a-z]|[a-z-]+\[")
"""A union branch in Pydantic's `loc`: the name of a model or type, which is not part of the JSON document."""
_ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
"""An enum member in Python's notation; messages show its value."""
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


def to_field_errors(errors: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Convert Pydantic errors to FieldErrors with JSON pointer, Chinese text and Pydantic's English text."""
    field_errors = []
    for error in errors:
        kind, context = str(error["type"]), error.get("ctx") or {}
        if kind in {"value_error", "assertion_error"}:
            text = str(context.get("error", error["msg"]))
        else:
            if "expected" in context:
                context = {
                    **context,
                    "expected": str(context["expected"]).replace(" or ", "、").replace(", ", "、"),
                }
            text = _MESSAGES.get(kind, "填写有误: {message}").format_map(
                _MessageContext(context, str(error["msg"]))
            )
            text = _ENUM_MEMBER.sub(r"\1", text)
        location = [str(part) for part in error["loc"]]
        field_errors.append(FieldError(kind, text, str(error["msg"]), _json_pointer(location)))
    return field_errors


class _MessageContext(dict[str, Any]):
    def __init__(self, context: Mapping[str, Any], message: str) -> None:
        super().__init__(context, message=message)

    def __missing__(self, key: str) -> str:
        return key


def _json_pointer(location: list[str]) -> str:
    path = location[1:] if location[:1] == ["body"] else location
    parts = (part for part in path if not _UNION_BRANCH.match(part))
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


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
        problem = kind(detail, str(error.detail), headers=error.headers)
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
