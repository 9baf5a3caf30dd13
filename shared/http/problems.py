"""Every failure as problem+json a person can act on: refusals, unreadable input, unknown addresses, our own bugs."""

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
"""A branch of a union in a finding's place: the name of a model or type, which is no part of the document."""
_ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
"""A member of an enumeration as Python writes it; people are shown its value."""
_HTTP_MESSAGES = {404: "没有这个地址", 405: "这个地址不支持该操作", 413: "内容过大"}

_DETAIL_MESSAGES = {"There was an error parsing the body": "请求内容无法读取, 应为 UTF-8 的 JSON"}


def prefers_english(request: Request) -> bool:
    """Whether the reader asked for English before Chinese."""
    wanted = request.headers.get("accept-language", "").lower()
    at_en, at_zh = wanted.find("en"), wanted.find("zh")
    return at_en >= 0 and (at_zh < 0 or at_en < at_zh)


def problem_response(request: Request, refusal: ApiError) -> Response:
    """The refusal as problem+json in the reader's language."""
    request_id = getattr(request.state, "request_id", "")
    content = refusal.to_problem(
        english=prefers_english(request), instance=request.url.path, request_id=request_id
    )
    return JSONResponse(content, refusal.status, headers=refusal.headers, media_type=PROBLEM_MEDIA_TYPE)


def to_field_errors(errors: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's findings as faults: a pointer to the field and Chinese words, English beside."""
    found = []
    for error in errors:
        kind, context = str(error["type"]), error.get("ctx") or {}
        if kind in {"value_error", "assertion_error"}:
            words = str(context.get("error", error["msg"]))
        else:
            if "expected" in context:
                context = {
                    **context,
                    "expected": str(context["expected"]).replace(" or ", "、").replace(", ", "、"),
                }
            words = _MESSAGES.get(kind, "填写有误: {message}").format_map(
                _MessageContext(context, str(error["msg"]))
            )
            words = _ENUM_MEMBER.sub(r"\1", words)
        place = [str(part) for part in error["loc"]]
        found.append(FieldError(kind, words, str(error["msg"]), _json_pointer(place)))
    return found


class _MessageContext(dict[str, Any]):
    def __init__(self, context: Mapping[str, Any], message: str) -> None:
        super().__init__(context, message=message)

    def __missing__(self, key: str) -> str:
        return key


def _json_pointer(place: list[str]) -> str:
    where = [part for part in place[place[:1] == ["body"] :] if not _UNION_BRANCH.match(part)]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in where)


class PayloadTooLargeMiddleware:
    """ASGI middleware: the framework's plain 413, sent before any handler runs, becomes a problem like the others."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything else on as it is."""
        replaced = False

        async def sending(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == TooLarge.status:
                if MutableHeaders(scope=message).get("content-type") != PROBLEM_MEDIA_TYPE:
                    replaced = True
                    words = TooLarge("请求内容超过了这个地址的上限", "The body is over this route's limit")
                    await problem_response(Request(scope), words)(scope, receive, send)
            if not replaced:
                await send(message)

        await self.app(scope, receive, sending)


def install_error_handlers(app: FastAPI) -> None:
    """Give an app the one way of saying no."""
    app.add_middleware(PayloadTooLargeMiddleware)

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return problem_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = to_field_errors(error.errors())
        first = found[0] if found else FieldError("invalid", "内容无法读取")
        place = f"{first.pointer}: " if first.pointer else ""
        kind = BadRequest if any(fault.code == "json_invalid" for fault in found) else Invalid
        return problem_response(
            request, kind(f"{place}{first.detail}", f"{place}{first.detail_en or first.detail}", errors=found)
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        kind: type[ApiError] = {404: NotFound, 413: TooLarge}.get(error.status_code, BadRequest)
        words = _HTTP_MESSAGES.get(
            error.status_code, _DETAIL_MESSAGES.get(str(error.detail), str(error.detail))
        )
        refusal = kind(words, str(error.detail), headers=error.headers)
        content = refusal.to_problem(
            english=prefers_english(request),
            instance=request.url.path,
            request_id=getattr(request.state, "request_id", ""),
        )
        content["status"] = error.status_code
        return JSONResponse(
            content, error.status_code, headers=refusal.headers, media_type=PROBLEM_MEDIA_TYPE
        )

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
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
