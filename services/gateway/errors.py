"""Refusals only the gateway makes."""

from shared.errors import ApiError


class GatewayTimeout(ApiError):
    """504: no answer in time; whether a write took effect is not known, a retry with the same key finds out."""

    slug = "late"
    status, title, title_en = 504, "等待超时", "No answer in time"
