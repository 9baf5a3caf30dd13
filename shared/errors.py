"""Errors that a service answers on purpose, one class per HTTP status.

    ApiError
    ├── BadRequest 400
    ├── Unauthenticated 401
    ├── Forbidden 403        in scope, the role lacks it
    ├── NotFound 404         absent, or out of the caller's regions
    ├── Conflict 409         the record does not allow this now
    │   └── PreconditionMissing   a lifecycle transition lacks something; `errors` says what
    ├── PreconditionFailed 412    somebody else changed the record first
    ├── TooLarge 413
    ├── Invalid 422          the content is wrong; `errors` points at the fields
    ├── VersionRequired 428
    ├── RateLimited 429
    └── Unavailable 503      a part is down; try again after `Retry-After`

The `slug` is the problem's `type` and a contract with clients. Anything else that is raised is a bug and a 500.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong or missing, with a JSON pointer to the field when there is one."""

    code: str
    detail: str
    detail_en: str = ""
    pointer: str = ""


class FieldErrorRead(BaseModel):
    """一处问题: where it is and what it is."""

    pointer: str = Field("", description="JSON pointer to the field (RFC 6901), empty for the whole record")
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details, Chinese by default, English by Accept-Language."""

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
    """An error answered on purpose: detail in Chinese, then in English; `next_step` tells the reader what to do."""

    slug: ClassVar[str] = "bad-request"
    """Last segment of the problem type: a contract with clients."""
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
        """The stable problem type, such as /problems/not-ready."""
        return f"/problems/{cls.slug}"

    def to_problem(
        self, *, english: bool = False, instance: str = "", request_id: str = ""
    ) -> dict[str, Any]:
        """The body a client sees."""
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
                    pointer=f.pointer, code=f.code, detail=(f.detail_en or f.detail) if english else f.detail
                )
                for f in self.errors
            ],
        ).model_dump(exclude_defaults=True) | {"status": self.status}


class BadRequest(ApiError):
    """400: the request cannot be understood."""

    slug = "bad-request"


class Unauthenticated(ApiError):
    """401: no valid token."""

    slug = "unauthenticated"
    status, title, title_en = 401, "请先登录", "Not signed in"


class Forbidden(ApiError):
    """403: inside the caller's region, but the role has no such permission."""

    slug = "forbidden"
    status, title, title_en = 403, "没有权限", "Not permitted"


class NotFound(ApiError):
    """404: no such record for this caller."""

    slug = "not-found"
    status, title, title_en = 404, "没有找到", "Not found"


class Conflict(ApiError):
    """409: the record's present state does not allow this."""

    slug = "conflict"
    status, title, title_en = 409, "当前状态不允许", "The record does not allow this now"


class PreconditionMissing(Conflict):
    """409: the move exists but something is missing; `errors` lists all of it."""

    slug = "not-ready"
    title, title_en = "条件尚不具备", "Something is still missing"


class PreconditionFailed(ApiError):
    """412: If-Match names an older version."""

    slug = "stale"
    status, title, title_en = 412, "记录已被他人修改", "Somebody else changed this record"


class TooLarge(ApiError):
    """413: the body is over the route's limit."""

    slug = "too-large"
    status, title, title_en = 413, "内容过大", "Too large"


class Invalid(ApiError):
    """422: understood, but the content is wrong; `errors` points at the fields."""

    slug = "invalid"
    status, title, title_en = 422, "填写有误", "Invalid content"


class VersionRequired(ApiError):
    """428: an edit of an existing record must say which version it edits."""

    slug = "version-required"
    status, title, title_en = 428, "缺少版本号", "If-Match is required"


class RateLimited(ApiError):
    """429: over the rate limit; `Retry-After` says when to come back."""

    slug = "too-many"
    status, title, title_en = 429, "请求过于频繁", "Too many requests"


class Unavailable(ApiError):
    """503: something needed is down; nothing was changed; `Retry-After` says when to come back."""

    slug = "unavailable"
    status, title, title_en = 503, "服务暂不可用", "Temporarily unavailable"

    def __init__(self, detail: str, detail_en: str = "", *, retry_after: int = 5, **rest: Any) -> None:  # noqa: ANN401 - Refusal's own
        super().__init__(detail, detail_en, **rest)
        self.headers.setdefault("Retry-After", str(retry_after))


def error_responses(*kinds: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of a route that may refuse in these ways."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in sorted(kinds, key=lambda k: k.status):
        names = {kind.title_en, *str(found.get(kind.status, {}).get("description", "")).split(" / ")} - {""}
        found[kind.status] = {
            "description": " / ".join(sorted(names)),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return found
