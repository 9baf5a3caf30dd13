"""Errors only a door answers; Caddy's texts come from here too (embedded/door.py)."""

from shared.errors import ApiError


class MethodNotAllowed(ApiError):
    """405: a method that no address here knows."""

    slug = "not-allowed"
    status, title, title_en = 405, "不支持该操作", "Method not allowed"


class RequestTimeout(ApiError):
    """408: the request did not arrive in time."""

    slug = "timeout"
    status, title, title_en = 408, "上传超时", "The request came too slowly"


class UnsupportedEncoding(ApiError):
    """415: request bodies come as they are, never compressed."""

    slug = "unsupported"
    status, title, title_en = 415, "格式不支持", "Unsupported encoding"


class HeaderTooLarge(ApiError):
    """431: the header is over the limit."""

    slug = "header-too-large"
    status, title, title_en = 431, "请求头过大", "Header too large"


class GatewayTimeout(ApiError):
    """504: a service did not answer in time. Whether a write took effect is unknown; a retry with the same key tells."""

    slug = "late"
    status, title, title_en = 504, "等待超时", "No answer in time"


class Misdirected(ApiError):
    """421: the Host is none of this installation's."""

    slug = "misdirected"
    status, title, title_en = 421, "主机名不对", "Wrong host"


class BrokenUpstream(ApiError):
    """503: the service broke the connection; whether a write took effect is not known."""

    slug = "broken"
    status, title, title_en = 503, "服务中断", "The service broke the connection"
