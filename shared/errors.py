"""Errors a service raises on purpose, one class per HTTP status.

    ApiError
    ├── BadRequest 400
    ├── Unauthenticated 401
    ├── Forbidden 403        the region matches, the role lacks the permission
    ├── NotFound 404         no such record, or outside the caller's regions
    ├── Conflict 409         the record's state does not allow this
    │   ├── NoSuchMove            a move that the lifecycle does not have from here
    │   ├── AlreadyStands         a repeat of what the caller did: answered 200 with the record as it stands
    │   └── PreconditionMissing   a transition's guards are not met; `errors` lists them
    ├── Gone 410             a cursor of another epoch, or ahead of the event log
    ├── PreconditionFailed 412    If-Match names an older version
    ├── TooLarge 413
    ├── UnsupportedMediaType 415
    ├── RangeNotSatisfiable 416
    ├── Invalid 422          the content is wrong; `errors` points at the fields
    ├── VersionRequired 428
    ├── RateLimited 429
    ├── ChecksumMismatch 460  the bytes are not those that their digest was made of (tus 1.0)
    └── Unavailable 503      a dependency is down; retry after `Retry-After` seconds

`slug` is the last segment of the problem's `type` and part of the API. Any other exception is a bug and becomes 500.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid or missing field: code, Chinese and English text, JSON pointer (empty for the whole record)."""

    code: str
    detail: str
    detail_en: str = ""
    pointer: str = ""


class FieldErrorRead(BaseModel):
    """一处问题: JSON pointer, code and text."""

    pointer: str = Field("", description="JSON pointer to the field (RFC 6901), empty for the whole record")
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details, in Chinese or, by Accept-Language, in English."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/conflict"])
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    request_id: str = ""
    next: str = Field("", description="what to do now, where there is something to do")
    errors: list[FieldErrorRead] = []


class ApiError(Exception):
    """Base of all errors a service answers: Chinese and English detail, field errors, what the user can do next."""

    slug: ClassVar[str] = "bad-request"
    """Last segment of the problem type; part of the API."""
    status: ClassVar[int] = 400
    title: ClassVar[str] = "请求有误"
    title_en: ClassVar[str] = "Bad request"

    def __init__(
        self,
        detail: str,
        detail_en: str = "",
        *,
        errors: Sequence[FieldError] = (),
        next_step: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.detail_en = detail_en or detail
        self.errors = tuple(errors)
        self.next_step = next_step
        self.headers = dict(headers or {})

    @classmethod
    def problem_type(cls) -> str:
        """The problem type, such as /problems/not-ready."""
        return f"/problems/{cls.slug}"

    def to_problem(
        self, *, english: bool = False, instance: str = "", request_id: str = ""
    ) -> dict[str, Any]:
        """The problem+json body."""
        return Problem(
            type=self.problem_type(),
            title=self.title_en if english else self.title,
            status=self.status,
            detail=self.detail_en if english else self.detail,
            instance=instance,
            request_id=request_id,
            next=self.next_step,
            errors=[
                FieldErrorRead(
                    pointer=error.pointer,
                    code=error.code,
                    detail=(error.detail_en or error.detail) if english else error.detail,
                )
                for error in self.errors
            ],
        ).model_dump(exclude_defaults=True) | {"status": self.status}


class BadRequest(ApiError):
    """400: the request is malformed."""

    slug = "bad-request"


class Unauthenticated(ApiError):
    """401: the request has no valid token."""

    slug = "unauthenticated"
    status, title, title_en = 401, "请先登录", "Not signed in"


class Forbidden(ApiError):
    """403: the record is in the caller's regions, but no role has the permission."""

    slug = "forbidden"
    status, title, title_en = 403, "没有权限", "Not permitted"


class NotFound(ApiError):
    """404: the record does not exist or is outside the caller's regions."""

    slug = "not-found"
    status, title, title_en = 404, "没有找到", "Not found"


class Conflict(ApiError):
    """409: the record's current state does not allow the operation."""

    slug = "conflict"
    status, title, title_en = 409, "当前状态不允许", "The record does not allow this now"


class NoSuchMove(Conflict):
    """409: the lifecycle has no such move from the record's state.

    `is_repeat` asks in a session of its own whether the caller's own last move is repeated: then the answer is what stands.
    """

    is_repeat: Callable[[Any], Awaitable[bool]] | None = None


class AlreadyStands(Conflict):
    """409 that becomes 200: the caller did this before and the answer was lost; the route answers with what stands."""


class PreconditionMissing(Conflict):
    """409: the transition exists, but guards are not met; `errors` lists all of them."""

    slug = "not-ready"
    title, title_en = "条件尚不具备", "Something is still missing"


class Gone(ApiError):
    """410: the cursor names a position that this log never had or lost; `next` says how to start again."""

    slug = "gone"
    status, title, title_en = 410, "位置已失效", "Gone"


class PreconditionFailed(ApiError):
    """412: If-Match names an older version of the record."""

    slug = "stale"
    status, title, title_en = 412, "记录已被他人修改", "Somebody else changed this record"


class TooLarge(ApiError):
    """413: the body exceeds the route's limit."""

    slug = "too-large"
    status, title, title_en = 413, "内容过大", "Too large"


class UnsupportedMediaType(ApiError):
    """415: the body is not of the type that this address takes."""

    slug = "unsupported-media-type"
    status, title, title_en = 415, "内容类型不符", "Unsupported media type"


class RangeNotSatisfiable(ApiError):
    """416: the file has no such bytes; `Content-Range` says how many it has."""

    slug = "range"
    status, title, title_en = 416, "没有这一段内容", "Range not satisfiable"


class Invalid(ApiError):
    """422: the content is invalid; `errors` points at the fields."""

    slug = "invalid"
    status, title, title_en = 422, "填写有误", "Invalid content"


def invalid_field(code: str, detail: str, pointer: str = "", english: str = "") -> Invalid:
    """Invalid with one field error; `pointer` is the JSON pointer of the field, empty for the whole record."""
    return Invalid(detail, english or code, errors=[FieldError(code, detail, english or code, pointer)])


class VersionRequired(ApiError):
    """428: an edit needs If-Match with the version it starts from."""

    slug = "version-required"
    status, title, title_en = 428, "缺少版本号", "If-Match is required"


class RateLimited(ApiError):
    """429: the rate limit is exceeded; `Retry-After` says when to retry."""

    slug = "too-many"
    status, title, title_en = 429, "请求过于频繁", "Too many requests"


class ChecksumMismatch(ApiError):
    """460 (tus 1.0): the bytes that arrived are not those that their digest was made of."""

    slug = "checksum"
    status, title, title_en = 460, "校验值不符", "Checksum mismatch"


class Unavailable(ApiError):
    """503: a dependency is down and nothing was changed; `Retry-After` says when to retry."""

    slug = "unavailable"
    status, title, title_en = 503, "服务暂不可用", "Temporarily unavailable"

    def __init__(self, detail: str, detail_en: str = "", *, retry_after: int = 5, **options: Any) -> None:  # noqa: ANN401 - ApiError's own
        super().__init__(detail, detail_en, **options)
        self.headers.setdefault("Retry-After", str(retry_after))


def error_responses(*kinds: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of a route that raises these errors."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in sorted(kinds, key=lambda kind: kind.status):
        names = {kind.title_en, *str(responses.get(kind.status, {}).get("description", "")).split(" / ")} - {
            ""
        }
        responses[kind.status] = {
            "description": " / ".join(sorted(names)),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return responses


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
    "decimal_type": "应为数字",
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
    "bytes_type": "应为文件内容",
    "decimal_max_digits": "最多 {max_digits} 位数字",
    "decimal_max_places": "最多 {decimal_places} 位小数",
    "decimal_whole_digits": "整数部分最多 {whole_digits} 位",
    "frozen_set_type": "应为列表",
    "int_parsing_size": "数字过大",
    "multiple_of": "应为 {multiple_of} 的倍数",
    "none_required": "应为空(null)",
    "set_type": "应为列表",
    "string_unicode": "含有无法编码的字符",
    "time_parsing": "应为时刻, 如 08:30",
    "time_type": "应为时刻, 如 08:30",
    "tuple_type": "应为列表",
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
        is_position = kind == "json_invalid"  # its location is a position in the text, which no pointer names
        location = [] if is_position else [str(part) for part in error["loc"]]
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
